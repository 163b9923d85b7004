-- Personal access tokens. Only the hash of one is kept; a revoked one is gone.
create table access_token (
  id integer primary key,
  user_id integer not null references person (id),
  name text not null,
  token_hash blob not null unique check (length(token_hash) = 32),
  ending text not null,
  scopes text not null,
  from_console integer not null check (from_console in (0, 1)),
  created_at integer not null,
  expires_at integer,
  last_used_at integer
) strict;
create index access_token_by_user on access_token (user_id, id);
insert into counter values ('token', 1);
