-- One row for every operation of a person: a write with its outcome, or transfers. Each happens once. Operations' ids
-- begin with the time: first in the key, new ones meet at its end.
create table new_operation (
  key text not null,
  actor_id integer not null references person (id),
  fingerprint blob check (length(fingerprint) = 16),
  verb text,
  result text,
  at integer,
  first_transfer integer,
  last_transfer integer,
  primary key (key, actor_id),
  check (case when first_transfer is null
    then fingerprint is not null and verb is not null and result is not null and at is not null and last_transfer is null
    else fingerprint is null and verb is null and result is null and at is null and last_transfer >= first_transfer end)
) strict, without rowid;
insert into new_operation (key, actor_id, fingerprint, verb, result, at)
  select key, actor_id, fingerprint, verb, result, at from operation;
insert into new_operation (key, actor_id, first_transfer, last_transfer)
  select operation, actor_id, min(id), max(id) from transfer where actor_id is not null group by operation, actor_id;
drop table operation;
alter table new_operation rename to operation;

drop index transfer_operation;
drop trigger transfer_no_replace;
create trigger transfer_no_replace before insert on transfer
when exists (select 1 from transfer where id = new.id)
begin select raise(abort, 'the ledger is append-only'); end;
