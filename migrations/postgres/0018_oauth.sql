-- Applications (OAuth 2.1): programs that act for people who allow it, or by themselves as a service user.

-- A service user has no e-mail, no password and no sign-in, and is in no list of people.
alter table person add column is_service bigint not null default 0 check (is_service in (0, 1));

create table application (
  id bigint primary key,
  company_id bigint not null references company (id),
  maker_id bigint not null references person (id),
  name text collate "C" not null,
  description text collate "C" not null,
  -- One on each line.
  redirect_urls text collate "C" not null,
  scopes text collate "C" not null,
  client_id text collate "C" not null unique,
  -- Null: a public application, which cannot keep a secret.
  secret_hash bytea check (length(secret_hash) = 32),
  secret_ending text collate "C",
  -- Whether people of other companies may allow it.
  is_published bigint not null default 0 check (is_published in (0, 1)),
  service_user_id bigint unique references person (id),
  created_at bigint not null,
  check ((secret_hash is null) = (secret_ending is null)),
  check (service_user_id is null or secret_hash is not null)
);
create index application_by_company on application (company_id, id);
create index application_by_maker on application (maker_id, id);
create sequence application_id maxvalue 9007199254740991;

-- What a person has allowed: each consent is a family of tokens. Its id is one of the access tokens' ids, because the
-- history names either as what acted.
create table oauth_grant (
  id bigint primary key,
  application_id bigint not null references application (id) on delete cascade,
  user_id bigint not null references person (id),
  -- What ends all sessions of the person ends the grant.
  session_epoch bigint not null,
  scopes text collate "C" not null,
  created_at bigint not null,
  last_used_at bigint
);
create index oauth_grant_by_user on oauth_grant (user_id, application_id, id);
create index oauth_grant_by_application on oauth_grant (application_id, id);

-- Kept as long as its grant, so that one that is used again is recognised.
create table oauth_code (
  hash bytea primary key check (length(hash) = 32),
  grant_id bigint not null unique references oauth_grant (id) on delete cascade,
  redirect_url text collate "C" not null,
  -- PKCE, S256.
  challenge text collate "C" not null,
  expires_at bigint not null,
  used_at bigint
);

-- An access token with its refresh token; client credentials give none.
create table oauth_token (
  access_hash bytea primary key check (length(access_hash) = 32),
  refresh_hash bytea unique check (length(refresh_hash) = 32),
  grant_id bigint not null references oauth_grant (id) on delete cascade,
  -- The access token's: a refresh may ask for fewer than were granted.
  scopes text collate "C" not null,
  created_at bigint not null,
  expires_at bigint not null,
  refresh_expires_at bigint,
  -- When the refresh token was used, and the access token that came of it.
  used_at bigint,
  successor bytea,
  check ((refresh_hash is null) = (refresh_expires_at is null))
);
create index oauth_token_by_grant on oauth_token (grant_id);
