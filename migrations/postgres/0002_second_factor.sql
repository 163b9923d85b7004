-- Two-factor authentication. Secrets are sealed, codes are kept as keyed hashes.

alter table person add column second_factor text collate "C" check (second_factor in ('email', 'totp'));
-- 1 where the password is as short as only a second factor allows.
alter table person add column password_needs_second_factor bigint not null default 0 check (password_needs_second_factor in (0, 1));
alter table company add column demands_second_factor bigint not null default 0 check (demands_second_factor in (0, 1));

create table totp (
  user_id bigint primary key references person (id),
  key_version bigint not null,
  sealed bytea not null,
  -- The step of the last code taken: neither it nor an earlier one is taken again.
  last_step bigint not null
);

create table recovery_code (
  hash bytea primary key check (length(hash) = 32),
  user_id bigint not null references person (id)
);
create index recovery_code_by_person on recovery_code (user_id);

create table mailed_code (
  user_id bigint not null references person (id),
  purpose text collate "C" not null check (purpose in ('sign_in', 'turn_on')),
  hash bytea not null check (length(hash) = 32),
  expires_at bigint not null,
  primary key (user_id, purpose)
);
