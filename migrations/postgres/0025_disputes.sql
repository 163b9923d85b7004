-- Card payments that their payers dispute at their banks, as the provider reports them.
create table dispute (
  provider text collate "C" not null,
  -- The provider's.
  id text collate "C" not null,
  payment_id bigint not null references payment (id),
  order_id bigint not null references purchase_order (id),
  state text collate "C" not null check (state in ('inquiry', 'open', 'won', 'lost')),
  amount bigint not null,
  currency text collate "C" not null,
  reason text collate "C" not null,
  -- The provider's times: of the dispute, and of the report that this row is from.
  opened_at bigint not null,
  reported_at bigint not null,
  primary key (provider, id)
);
create index dispute_by_order on dispute (order_id, state);
-- Since when one of its payments is disputed, or was lost: its unused codes are not redeemed.
alter table purchase_order add column disputed_at bigint;
create index payment_by_intent on payment (provider, intent) where intent is not null;
