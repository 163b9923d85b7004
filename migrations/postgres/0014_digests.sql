-- What shows that nothing was rewritten: each transaction that writes transfers or history also writes the digest of
-- its rows; a job links digests into a chain, and signs it.

create sequence digest_id maxvalue 9007199254740991;

-- The ids of the rows, as ranges ("7-9,12"), and the keyed hash of the rows. One that the job made for rows older
-- than digests is marked. The id is drawn while the rows' accounts are locked: for each account digests stand in the
-- order in which it changed, which the rows' own ids do not.
create table digest (
  id bigint primary key default nextval('digest_id'),
  at bigint not null,
  is_older bigint not null check (is_older in (0, 1)),
  entries text collate "C" not null,
  hash bytea not null check (length(hash) = 32)
);

-- A link holds the digests after those of the link before it, up to `through`.
create table chain (
  number bigint primary key check (number > 0),
  through bigint not null unique,
  digests bigint not null check (digests > 0),
  at bigint not null,
  hash bytea not null check (length(hash) = 32),
  key_version bigint not null,
  signature bytea not null check (length(signature) = 64)
);

-- Rows up to this id are older than digests; the job makes theirs step by step, and notes how far it is.
insert into setting (name, value) select 'digests_older_through', max(id)::text from (
  select coalesce(max(id), 0) as id from transfer union all select coalesce(max(id), 0) from history) ids;
insert into setting (name, value) values ('digests_older_done', '0');

create trigger digest_no_change before update or delete on digest
for each row execute function refuse_change();
create trigger digest_no_truncate before truncate on digest
for each statement execute function refuse_change();
create trigger chain_no_change before update or delete on chain
for each row execute function refuse_change();
create trigger chain_no_truncate before truncate on chain
for each statement execute function refuse_change();
