-- Moments are microseconds since 1970, UTC. Flags are 0 or 1. Ids stay below 2^53.

create sequence entry_id maxvalue 9007199254740991;
create sequence code_id maxvalue 9007199254740991;
create sequence company_id maxvalue 9007199254740991;
create sequence user_id maxvalue 9007199254740991;
create sequence job_id maxvalue 9007199254740991;

create table setting (
  name text collate "C" primary key,
  value text collate "C" not null
);

create table company (
  id bigint primary key,
  name text collate "C" not null,
  name_search text collate "C" not null,
  parent_id bigint references company (id),
  path text collate "C" not null unique,
  level bigint not null check (level >= 0),
  use_parent_credits bigint not null default 0 check (use_parent_credits in (0, 1)),
  may_buy_vouchers bigint not null default 0 check (may_buy_vouchers in (0, 1)),
  created_at bigint not null,
  removed_at bigint
);
create index company_by_name on company (name_search, id) where removed_at is null;
create index company_by_level on company (level, id) where removed_at is null;
create index company_by_time on company (created_at, id) where removed_at is null;
create index company_by_parent on company (parent_id, name_search, id) where removed_at is null;
create unique index company_root on company (level) where level = 0;

create table person (
  id bigint primary key,
  company_id bigint not null references company (id),
  email text collate "C" not null,
  email_search text collate "C" not null unique,
  role text collate "C" not null check (role in ('admin', 'end_user', 'read_only')),
  first_name text collate "C" not null default '',
  last_name text collate "C" not null default '',
  time_zone text collate "C" not null default 'UTC',
  password_hash text collate "C",
  session_epoch bigint not null default 0,
  created_at bigint not null,
  last_login_at bigint,
  disabled_at bigint
);
create index person_by_company on person (company_id, id);

create table link (
  token_hash bytea primary key,
  purpose text collate "C" not null check (purpose in ('setup', 'invite', 'reset', 'email', 'sign_up')),
  user_id bigint references person (id),
  payload text collate "C" not null default '',
  created_at bigint not null,
  expires_at bigint not null
);
create index link_by_person on link (user_id, purpose);

create table account (
  company_id bigint not null references company (id),
  resource_type bigint not null check (resource_type between 1 and 9),
  kind bigint not null check (kind between 0 and 4),
  balance bigint not null,
  received_total bigint not null check (received_total >= 0),
  received_at bigint,
  primary key (company_id, resource_type, kind),
  check (balance >= 0 or kind = 4)
);

create table code (
  tag bytea primary key check (length(tag) = 16),
  id bigint not null unique,
  company_id bigint not null references company (id),
  resource_type bigint not null check (resource_type between 1 and 9),
  amount bigint not null check (amount between 1 and 1000000000),
  status bigint not null check (status between 0 and 5),
  suffix_tag bigint not null,
  key_version bigint not null,
  sealed bytea not null,
  comment text collate "C" not null,
  comment_search text collate "C" not null,
  created_by bigint not null references person (id),
  created_at bigint not null,
  expires_at bigint,
  ended_at bigint,
  ended_by bigint references person (id),
  ended_company_id bigint references company (id),
  ended_company_name text collate "C",
  check ((status = 0) = (ended_at is null))
);
create index code_by_company on code (company_id, id);
-- Two, so that a redemption leaves the one at some place and joins the other at its end.
create index code_unused on code (company_id, id) where status = 0;
create index code_ended on code (company_id, status, ended_at, id) where status <> 0;

-- Without an actor: what the portal itself did, such as a renewal.
create table transfer (
  id bigint primary key,
  actor_id bigint references person (id),
  actor_company_id bigint not null references company (id),
  address text collate "C" not null,
  operation text collate "C" not null,
  seq bigint not null,
  fingerprint bytea not null check (length(fingerprint) = 16),
  at bigint not null,
  cause text collate "C" not null check (cause in ('issue', 'move', 'create_code', 'delete_code', 'redeem', 'spend', 'fulfil', 'expire', 'cancel', 'replace')),
  resource_type bigint not null check (resource_type between 1 and 9),
  amount bigint not null check (amount between 1 and 1000000000),
  from_company_id bigint not null references company (id),
  from_kind bigint not null check (from_kind between 0 and 4),
  to_company_id bigint not null references company (id),
  to_kind bigint not null check (to_kind between 0 and 4),
  from_balance bigint not null,
  to_balance bigint not null,
  from_name text collate "C" not null,
  to_name text collate "C" not null,
  code_id bigint,
  memo text collate "C" not null
);
-- Operations' ids begin with the time: first in the key, new ones meet at its end.
create unique index transfer_operation on transfer (operation, actor_id, seq);
create index transfer_by_source on transfer (from_company_id, id);
create index transfer_by_target on transfer (to_company_id, id);

-- What happened besides transfers: people, companies, sign-ins.
create table history (
  id bigint primary key,
  at bigint not null,
  actor_id bigint references person (id),
  company_id bigint references company (id),
  address text collate "C" not null,
  verb text collate "C" not null,
  subject text collate "C" not null,
  details text collate "C" not null
);
create index history_by_company on history (company_id, id);

-- Writes that are no transfers, so that each happens once.
create table operation (
  actor_id bigint not null references person (id),
  key text collate "C" not null,
  fingerprint bytea not null check (length(fingerprint) = 16),
  verb text collate "C" not null,
  result text collate "C" not null,
  at bigint not null,
  primary key (actor_id, key)
);

create table throttle (
  key text collate "C" primary key,
  failures bigint not null,
  last_at bigint not null
);

create table job (
  id bigint primary key,
  kind text collate "C" not null,
  payload text collate "C" not null,
  run_at bigint not null,
  attempts bigint not null default 0,
  leased_until bigint not null default 0
);
create index job_due on job (run_at, id);

create table session (
  id_hash bytea primary key,
  user_id bigint,
  data text collate "C" not null,
  created_at bigint not null,
  seen_at bigint not null,
  expires_at bigint not null,
  address text collate "C" not null,
  user_agent text collate "C" not null
);
create index session_by_user on session (user_id);
create index session_by_expiry on session (expires_at);

create function refuse_change() returns trigger language plpgsql as $$
begin raise exception '% is append-only', tg_table_name; end $$;
create trigger transfer_no_change before update or delete on transfer
for each row execute function refuse_change();
create trigger transfer_no_truncate before truncate on transfer
for each statement execute function refuse_change();
create trigger history_no_change before update or delete on history
for each row execute function refuse_change();
create trigger history_no_truncate before truncate on history
for each statement execute function refuse_change();
