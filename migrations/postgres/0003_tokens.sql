-- Personal access tokens. Only the hash of one is kept; a revoked one is gone.
create sequence token_id maxvalue 9007199254740991;
create table access_token (
  id bigint primary key,
  user_id bigint not null references person (id),
  name text collate "C" not null,
  token_hash bytea not null unique check (length(token_hash) = 32),
  ending text collate "C" not null,
  scopes text collate "C" not null,
  from_console bigint not null check (from_console in (0, 1)),
  created_at bigint not null,
  expires_at bigint,
  last_used_at bigint
);
create index access_token_by_user on access_token (user_id, id);
