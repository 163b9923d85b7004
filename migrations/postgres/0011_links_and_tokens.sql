-- Links, mailed codes and access tokens end with their reasons.

create table link_purpose (
  slug text collate "C" primary key
);
insert into link_purpose values ('setup'), ('invite'), ('reset'), ('email'), ('stop_email'), ('sign_up');

alter table link drop constraint link_purpose_check;
alter table link add foreign key (purpose) references link_purpose (slug);

-- Those of people with a password lived seven days; now they live one hour.
delete from link where purpose = 'invite'
  and user_id in (select id from person where password_hash is not null);

-- A mailed code works where it was asked for and nowhere else. The table mailed_code goes with the next release.
create table requested_code (
  user_id bigint not null references person (id),
  purpose text collate "C" not null,
  -- The sign-in or the session.
  asked_by text collate "C" not null,
  hash bytea not null check (length(hash) = 32),
  expires_at bigint not null,
  primary key (user_id, purpose, asked_by)
);

-- Where a token works, as CIDR networks with spaces between; empty for everywhere.
alter table access_token add column networks text collate "C" not null default '';
