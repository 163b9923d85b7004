-- Two-factor authentication. Secrets are sealed, codes are kept as keyed hashes.

alter table person add column second_factor text check (second_factor in ('email', 'totp'));
-- 1 where the password is as short as only a second factor allows.
alter table person add column password_needs_second_factor integer not null default 0 check (password_needs_second_factor in (0, 1));
alter table company add column demands_second_factor integer not null default 0 check (demands_second_factor in (0, 1));

create table totp (
  user_id integer primary key references person (id),
  key_version integer not null,
  sealed blob not null,
  -- The step of the last code taken: neither it nor an earlier one is taken again.
  last_step integer not null
) strict;

create table recovery_code (
  hash blob primary key check (length(hash) = 32),
  user_id integer not null references person (id)
) strict, without rowid;
create index recovery_code_by_person on recovery_code (user_id);

create table mailed_code (
  user_id integer not null references person (id),
  purpose text not null check (purpose in ('sign_in', 'turn_on')),
  hash blob not null check (length(hash) = 32),
  expires_at integer not null,
  primary key (user_id, purpose)
) strict, without rowid;
