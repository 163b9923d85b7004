-- Standing top-ups: a company buys units for its own pool whenever it has too few.

-- The card that pays them, as the provider names it.
create table saved_card (
  company_id integer primary key references company (id),
  provider text not null,
  customer text not null,
  method text not null,
  label text not null,
  saved_by integer not null references person (id),
  saved_at integer not null
) strict;
-- The provider's pages on which cards are saved.
create table card_setup (
  reference text primary key,
  company_id integer not null references company (id),
  person_id integer not null references person (id),
  provider text not null,
  session_id text,
  created_at integer not null,
  ended_at integer
) strict, without rowid;
create index card_setup_open on card_setup (company_id, created_at) where ended_at is null;
create table top_up (
  company_id integer not null references company (id),
  resource_type integer not null,
  product_id integer not null references product (id),
  set_by integer not null references person (id),
  set_at integer not null,
  is_on integer not null check (is_on in (0, 1)),
  -- Why it was turned off, if nobody did.
  stopped text not null default '',
  rule text not null check (rule in ('units', 'days')),
  at_least integer not null check (at_least > 0),
  -- How many it buys at a time.
  units integer not null check (units > 0),
  method text not null check (method in ('card', 'invoice')),
  -- With VAT, in minor units of the product's currency.
  monthly_max integer not null check (monthly_max > 0),
  -- The order that waits for somebody to confirm the payment at their bank.
  waits_for integer,
  check_at integer not null,
  primary key (company_id, resource_type)
) strict, without rowid;
create index top_up_due on top_up (check_at) where is_on = 1;
alter table purchase_order add column top_up_type integer;
create index order_of_top_up on purchase_order (company_id, top_up_type, id) where top_up_type is not null;
create unique index order_of_top_up_open on purchase_order (company_id, top_up_type)
  where top_up_type is not null and state = 'awaiting_payment';
-- The customer and the card that are charged without anybody present.
alter table payment add column customer text;
alter table payment add column method text;
