-- Moments are microseconds since 1970, UTC. Flags are 0 or 1. Ids stay below 2^53.

create table counter (
  name text primary key,
  next integer not null check (next between 1 and 9007199254740991)
) strict, without rowid;
insert into counter values ('entry', 1), ('code', 1), ('company', 1), ('user', 1), ('job', 1);

create table setting (
  name text primary key,
  value text not null
) strict, without rowid;

create table company (
  id integer primary key,
  name text not null,
  name_search text not null,
  parent_id integer references company (id),
  path text not null unique,
  level integer not null check (level >= 0),
  use_parent_credits integer not null default 0 check (use_parent_credits in (0, 1)),
  may_buy_vouchers integer not null default 0 check (may_buy_vouchers in (0, 1)),
  created_at integer not null,
  removed_at integer
) strict;
create index company_by_name on company (name_search, id) where removed_at is null;
create index company_by_level on company (level, id) where removed_at is null;
create index company_by_time on company (created_at, id) where removed_at is null;
create index company_by_parent on company (parent_id, name_search, id) where removed_at is null;
create unique index company_root on company (level) where level = 0;

create table person (
  id integer primary key,
  company_id integer not null references company (id),
  email text not null,
  email_search text not null unique,
  role text not null check (role in ('admin', 'end_user', 'read_only')),
  first_name text not null default '',
  last_name text not null default '',
  time_zone text not null default 'UTC',
  password_hash text,
  session_epoch integer not null default 0,
  created_at integer not null,
  last_login_at integer,
  disabled_at integer
) strict;
create index person_by_company on person (company_id, id);

create table link (
  token_hash blob primary key,
  purpose text not null check (purpose in ('setup', 'invite', 'reset', 'email', 'sign_up')),
  user_id integer references person (id),
  payload text not null default '',
  created_at integer not null,
  expires_at integer not null
) strict, without rowid;
create index link_by_person on link (user_id, purpose);

create table account (
  company_id integer not null references company (id),
  resource_type integer not null check (resource_type between 1 and 9),
  kind integer not null check (kind between 0 and 4),
  balance integer not null,
  received_total integer not null check (received_total >= 0),
  received_at integer,
  primary key (company_id, resource_type, kind),
  check (balance >= 0 or kind = 4)
) strict, without rowid;

create table code (
  tag blob primary key check (length(tag) = 16),
  id integer not null unique,
  company_id integer not null references company (id),
  resource_type integer not null check (resource_type between 1 and 9),
  amount integer not null check (amount between 1 and 1000000000),
  status integer not null check (status between 0 and 5),
  suffix_tag integer not null,
  key_version integer not null,
  sealed blob not null,
  comment text not null,
  comment_search text not null,
  created_by integer not null references person (id),
  created_at integer not null,
  expires_at integer,
  ended_at integer,
  ended_by integer references person (id),
  ended_company_id integer references company (id),
  ended_company_name text,
  check ((status = 0) = (ended_at is null))
) strict, without rowid;
create index code_by_company on code (company_id, id);
-- Two, so that a redemption leaves the one at some place and joins the other at its end.
create index code_unused on code (company_id, id) where status = 0;
create index code_ended on code (company_id, status, ended_at, id) where status <> 0;

-- Without an actor: what the portal itself did, such as a renewal.
create table transfer (
  id integer primary key,
  actor_id integer references person (id),
  actor_company_id integer not null references company (id),
  address text not null,
  operation text not null,
  seq integer not null,
  fingerprint blob not null check (length(fingerprint) = 16),
  at integer not null,
  cause text not null check (cause in ('issue', 'move', 'create_code', 'delete_code', 'redeem', 'spend', 'fulfil', 'expire', 'cancel', 'replace')),
  resource_type integer not null check (resource_type between 1 and 9),
  amount integer not null check (amount between 1 and 1000000000),
  from_company_id integer not null references company (id),
  from_kind integer not null check (from_kind between 0 and 4),
  to_company_id integer not null references company (id),
  to_kind integer not null check (to_kind between 0 and 4),
  from_balance integer not null,
  to_balance integer not null,
  from_name text not null,
  to_name text not null,
  code_id integer,
  memo text not null
) strict;
-- Operations' ids begin with the time: first in the key, new ones meet at its end.
create unique index transfer_operation on transfer (operation, actor_id, seq);
create index transfer_by_source on transfer (from_company_id, id);
create index transfer_by_target on transfer (to_company_id, id);

-- What happened besides transfers: people, companies, sign-ins.
create table history (
  id integer primary key,
  at integer not null,
  actor_id integer references person (id),
  company_id integer references company (id),
  address text not null,
  verb text not null,
  subject text not null,
  details text not null
) strict;
create index history_by_company on history (company_id, id);

-- Writes that are no transfers, so that each happens once.
create table operation (
  actor_id integer not null references person (id),
  key text not null,
  fingerprint blob not null check (length(fingerprint) = 16),
  verb text not null,
  result text not null,
  at integer not null,
  primary key (actor_id, key)
) strict, without rowid;

create table throttle (
  key text primary key,
  failures integer not null,
  last_at integer not null
) strict, without rowid;

create table job (
  id integer primary key,
  kind text not null,
  payload text not null,
  run_at integer not null,
  attempts integer not null default 0,
  leased_until integer not null default 0
) strict;
create index job_due on job (run_at, id);

create trigger transfer_no_update before update on transfer
begin select raise(abort, 'the ledger is append-only'); end;
create trigger transfer_no_delete before delete on transfer
begin select raise(abort, 'the ledger is append-only'); end;
create trigger history_no_update before update on history
begin select raise(abort, 'history is append-only'); end;
create trigger history_no_delete before delete on history
begin select raise(abort, 'history is append-only'); end;
