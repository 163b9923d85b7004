-- On SQLite sessions live in a file of their own, so that they never wait for the ledger.
create table if not exists session (
  id_hash blob primary key,
  user_id integer,
  data text not null,
  created_at integer not null,
  seen_at integer not null,
  expires_at integer not null,
  address text not null,
  user_agent text not null
) strict, without rowid;
create index if not exists session_by_user on session (user_id);
create index if not exists session_by_expiry on session (expires_at);
