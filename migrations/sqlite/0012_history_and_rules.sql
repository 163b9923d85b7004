-- Which access token acted; who demands two-factor authentication; append-only tables against REPLACE.

alter table transfer add column token_id integer;
-- The token's name as it was: a revoked token is gone.
alter table history add column token_id integer;
alter table history add column token_name text;

-- The company whose administrator demands it: only that one, or one above it, may lift the demand.
alter table company add column second_factor_demanded_by integer references company (id);
update company set second_factor_demanded_by = coalesce((
  select p.company_id from history h join person p on p.id = h.actor_id
  where h.company_id = company.id and h.verb = 'company.second_factor_demanded' order by h.id desc limit 1
), id) where demands_second_factor = 1;
create index company_demanding on company (id) where demands_second_factor = 1;

-- "insert or replace" deletes the row in its way without asking the triggers against deletion.
create trigger transfer_no_replace before insert on transfer
when exists (select 1 from transfer where id = new.id)
  or exists (select 1 from transfer where operation = new.operation and actor_id = new.actor_id and seq = new.seq)
begin select raise(abort, 'the ledger is append-only'); end;
create trigger history_no_replace before insert on history
when exists (select 1 from history where id = new.id)
begin select raise(abort, 'history is append-only'); end;
create trigger product_version_no_replace before insert on product_version
when exists (select 1 from product_version where product_id = new.product_id and version = new.version)
begin select raise(abort, 'prices are kept'); end;
create trigger invoice_no_replace before insert on invoice
when exists (select 1 from invoice where id = new.id or name = new.name)
  or exists (select 1 from invoice where kind = new.kind and year = new.year and number = new.number)
begin select raise(abort, 'documents are kept'); end;
-- An event that comes twice is passed over, as it always was.
create trigger payment_event_no_replace before insert on payment_event
when exists (select 1 from payment_event where provider = new.provider and event_id = new.event_id)
begin select raise(ignore); end;
