-- Links, mailed codes and access tokens end with their reasons.

create table link_purpose (
  slug text primary key
) strict, without rowid;
insert into link_purpose values ('setup'), ('invite'), ('reset'), ('email'), ('stop_email'), ('sign_up');

-- SQLite drops no check, so the table is made again.
create table link_again (
  token_hash blob primary key,
  purpose text not null references link_purpose (slug),
  user_id integer references person (id),
  payload text not null default '',
  created_at integer not null,
  expires_at integer not null
) strict, without rowid;
insert into link_again (token_hash, purpose, user_id, payload, created_at, expires_at)
  select token_hash, purpose, user_id, payload, created_at, expires_at from link;
drop table link;
alter table link_again rename to link;
create index link_by_person on link (user_id, purpose);

-- Those of people with a password lived seven days; now they live one hour.
delete from link where purpose = 'invite'
  and user_id in (select id from person where password_hash is not null);

-- A mailed code works where it was asked for and nowhere else. The table mailed_code goes with the next release.
create table requested_code (
  user_id integer not null references person (id),
  purpose text not null,
  -- The sign-in or the session.
  asked_by text not null,
  hash blob not null check (length(hash) = 32),
  expires_at integer not null,
  primary key (user_id, purpose, asked_by)
) strict, without rowid;

-- Where a token works, as CIDR networks with spaces between; empty for everywhere.
alter table access_token add column networks text not null default '';
