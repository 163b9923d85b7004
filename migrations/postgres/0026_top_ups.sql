-- Standing top-ups: a company buys units for its own pool whenever it has too few.

-- The card that pays them, as the provider names it.
create table saved_card (
  company_id bigint primary key references company (id),
  provider text collate "C" not null,
  customer text collate "C" not null,
  method text collate "C" not null,
  label text collate "C" not null,
  saved_by bigint not null references person (id),
  saved_at bigint not null
);
-- The provider's pages on which cards are saved.
create table card_setup (
  reference text collate "C" primary key,
  company_id bigint not null references company (id),
  person_id bigint not null references person (id),
  provider text collate "C" not null,
  session_id text collate "C",
  created_at bigint not null,
  ended_at bigint
);
create index card_setup_open on card_setup (company_id, created_at) where ended_at is null;
create table top_up (
  company_id bigint not null references company (id),
  resource_type bigint not null,
  product_id bigint not null references product (id),
  set_by bigint not null references person (id),
  set_at bigint not null,
  is_on bigint not null check (is_on in (0, 1)),
  -- Why it was turned off, if nobody did.
  stopped text collate "C" not null default '',
  rule text collate "C" not null check (rule in ('units', 'days')),
  at_least bigint not null check (at_least > 0),
  -- How many it buys at a time.
  units bigint not null check (units > 0),
  method text collate "C" not null check (method in ('card', 'invoice')),
  -- With VAT, in minor units of the product's currency.
  monthly_max bigint not null check (monthly_max > 0),
  -- The order that waits for somebody to confirm the payment at their bank.
  waits_for bigint,
  check_at bigint not null,
  primary key (company_id, resource_type)
);
create index top_up_due on top_up (check_at) where is_on = 1;
alter table purchase_order add column top_up_type bigint;
create index order_of_top_up on purchase_order (company_id, top_up_type, id) where top_up_type is not null;
create unique index order_of_top_up_open on purchase_order (company_id, top_up_type)
  where top_up_type is not null and state = 'awaiting_payment';
-- The customer and the card that are charged without anybody present.
alter table payment add column customer text collate "C";
alter table payment add column method text collate "C";
