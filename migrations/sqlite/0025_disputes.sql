-- Card payments that their payers dispute at their banks, as the provider reports them.
create table dispute (
  provider text not null,
  -- The provider's.
  id text not null,
  payment_id integer not null references payment (id),
  order_id integer not null references purchase_order (id),
  state text not null check (state in ('inquiry', 'open', 'won', 'lost')),
  amount integer not null,
  currency text not null,
  reason text not null,
  -- The provider's times: of the dispute, and of the report that this row is from.
  opened_at integer not null,
  reported_at integer not null,
  primary key (provider, id)
) strict, without rowid;
create index dispute_by_order on dispute (order_id, state);
-- Since when one of its payments is disputed, or was lost: its unused codes are not redeemed.
alter table purchase_order add column disputed_at integer;
create index payment_by_intent on payment (provider, intent) where intent is not null;
