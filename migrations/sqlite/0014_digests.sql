-- What shows that nothing was rewritten: each transaction that writes transfers or history also writes the digest of
-- its rows; a job links digests into a chain, and signs it.

-- The ids of the rows, as ranges ("7-9,12"), and the keyed hash of the rows. One that the job made for rows older
-- than digests is marked.
create table digest (
  id integer primary key,
  at integer not null,
  is_older integer not null check (is_older in (0, 1)),
  entries text not null,
  hash blob not null check (length(hash) = 32)
) strict;

-- A link holds the digests after those of the link before it, up to `through`.
create table chain (
  number integer primary key check (number > 0),
  through integer not null unique,
  digests integer not null check (digests > 0),
  at integer not null,
  hash blob not null check (length(hash) = 32),
  key_version integer not null,
  signature blob not null check (length(signature) = 64)
) strict;

-- Rows up to this id are older than digests; the job makes theirs step by step, and notes how far it is.
insert into setting (name, value) select 'digests_older_through', cast(max(id) as text) from (
  select coalesce(max(id), 0) as id from transfer union all select coalesce(max(id), 0) from history);
insert into setting (name, value) values ('digests_older_done', '0');

create trigger digest_no_update before update on digest
begin select raise(abort, 'digests are append-only'); end;
create trigger digest_no_delete before delete on digest
begin select raise(abort, 'digests are append-only'); end;
create trigger digest_no_replace before insert on digest when exists (select 1 from digest where id = new.id)
begin select raise(abort, 'digests are append-only'); end;
create trigger chain_no_update before update on chain
begin select raise(abort, 'the chain is append-only'); end;
create trigger chain_no_delete before delete on chain
begin select raise(abort, 'the chain is append-only'); end;
create trigger chain_no_replace before insert on chain when exists (select 1 from chain where number = new.number)
begin select raise(abort, 'the chain is append-only'); end;
