-- What is sold: price list, orders, payments, invoices, licences. Money is whole minor units.
insert into counter values ('vat_class', 1), ('product', 1), ('order', 1), ('payment', 1), ('invoice', 1), ('licence', 1), ('licence_key', 1);

-- Rates are hundredths of a percent.
create table vat_class (
  id integer primary key,
  name text not null,
  name_search text not null unique,
  rate integer not null check (rate between 0 and 10000)
) strict;

create table product (
  id integer primary key,
  kind text not null check (kind in ('voucher', 'licence')),
  -- The current one of its versions.
  version integer not null,
  is_offered integer not null check (is_offered in (0, 1)),
  created_at integer not null
) strict;

-- Prices: of a voucher per device and year, and per apartment and year; of a licence for one device.
create table product_version (
  product_id integer not null references product (id),
  version integer not null,
  name text not null,
  description text not null,
  currency text not null check (length(currency) = 3),
  device_price integer check (device_price >= 0),
  apartment_price integer check (apartment_price >= 0),
  licence_price integer check (licence_price >= 0),
  -- The models that a licence suits, a line each; none for all.
  models text not null,
  -- Null for a licence without an end.
  term_months integer check (term_months between 1 and 1200),
  vat_class_id integer not null references vat_class (id),
  created_at integer not null,
  created_by integer not null references person (id),
  primary key (product_id, version)
) strict, without rowid;

-- Whom a company's invoices are made out to.
create table billing (
  company_id integer primary key references company (id),
  name text not null,
  address text not null,
  country text not null,
  vat_number text not null,
  email text not null
) strict;

alter table company add column reverse_charge integer not null default 0 check (reverse_charge in (0, 1));
create index company_distributor on company (name_search, id) where may_buy_vouchers = 1 and removed_at is null;

create table purchase_order (
  id integer primary key,
  company_id integer not null references company (id),
  created_by integer not null references person (id),
  kind text not null check (kind in ('voucher', 'licence')),
  state text not null check (state in ('draft', 'awaiting_payment', 'paid', 'cancelled')),
  method text check (method in ('card', 'invoice')),
  currency text not null,
  net integer not null check (net >= 0),
  vat integer not null check (vat >= 0),
  total integer not null check (total = net + vat),
  reverse_charge integer not null check (reverse_charge in (0, 1)),
  -- The billing data as it was when the order was placed, as JSON.
  billing text,
  created_at integer not null,
  placed_at integer,
  paid_at integer,
  cancelled_at integer,
  -- When its vouchers expire, and how many days before that the last warning was.
  expires_at integer,
  warned_days integer,
  check ((state = 'paid') = (paid_at is not null)),
  check ((state = 'cancelled') = (cancelled_at is not null)),
  check (state = 'draft' or state = 'cancelled' or (placed_at is not null and method is not null))
) strict;
create index order_by_company on purchase_order (company_id, id);
create index order_by_company_state on purchase_order (company_id, state, id);
create index order_by_state on purchase_order (state, id);
create index order_paid on purchase_order (paid_at, id) where paid_at is not null;
create index order_expiring on purchase_order (expires_at, id) where expires_at is not null;

-- A line keeps the version, the prices and the VAT that it was made with.
create table order_line (
  order_id integer not null references purchase_order (id),
  line integer not null,
  product_id integer not null,
  version integer not null,
  name text not null,
  -- Of vouchers: what each code holds, and how many codes. Of licences: one unit a serial number.
  resource_type integer check (resource_type between 1 and 9),
  years integer check (years between 1 and 10),
  subscriptions integer check (subscriptions between 1 and 100000),
  codes integer check (codes between 1 and 100000),
  quantity integer not null check (quantity > 0),
  unit_price integer not null check (unit_price >= 0),
  net integer not null check (net = quantity * unit_price),
  vat_rate integer not null check (vat_rate between 0 and 10000),
  vat integer not null check (vat >= 0),
  primary key (order_id, line),
  foreign key (product_id, version) references product_version (product_id, version)
) strict, without rowid;

-- The devices that a line of licences is for.
create table order_serial (
  order_id integer not null,
  line integer not null,
  serial_search text not null,
  serial text not null,
  primary key (order_id, line, serial_search),
  foreign key (order_id, line) references order_line (order_id, line)
) strict, without rowid;

-- A try to pay an order: by card, a session of the provider's; by invoice, what came to the bank. The reference
-- is what the provider, or the bank's statement, calls it. A payment that is open with an intent is under way:
-- the payer is done, the money has not come.
create table payment (
  id integer primary key,
  order_id integer not null references purchase_order (id),
  provider text not null check (provider in ('stripe', 'demo', 'bank')),
  state text not null check (state in ('open', 'paid', 'failed', 'expired', 'refund_due', 'refunded')),
  -- Whether it is the one that its order was paid with, also after it was given back.
  has_paid integer not null check (has_paid in (0, 1)),
  amount integer not null check (amount >= 0),
  currency text not null,
  session_id text unique,
  session_url text,
  intent text,
  reference text not null,
  created_at integer not null,
  -- When the provider is asked next how it stands.
  ask_at integer,
  ended_at integer
) strict;
create index payment_by_order on payment (order_id, id);
create unique index payment_of_order on payment (order_id) where has_paid = 1;
create unique index payment_by_reference on payment (reference) where provider <> 'bank';
create index payment_to_ask on payment (ask_at, id) where state = 'open' and ask_at is not null;

-- What a provider told: each of its events is taken once.
create table payment_event (
  provider text not null,
  event_id text not null,
  kind text not null,
  at integer not null,
  primary key (provider, event_id)
) strict, without rowid;

-- The last number given in a year: taken in the transaction that makes the document, so that none is left out.
create table invoice_number (
  kind text not null check (kind in ('invoice', 'credit_note')),
  year integer not null,
  last integer not null,
  primary key (kind, year)
) strict, without rowid;

create table invoice (
  id integer primary key,
  kind text not null check (kind in ('invoice', 'credit_note')),
  year integer not null,
  number integer not null check (number > 0),
  name text not null unique,
  order_id integer not null references purchase_order (id),
  corrects integer references invoice (id),
  currency text not null,
  net integer not null,
  vat integer not null,
  total integer not null,
  -- All that stands on it, as JSON: the same document for ever.
  document text not null,
  issued_at integer not null,
  due_at integer,
  -- What happens to it afterwards.
  paid_at integer,
  cancelled_at integer,
  reminded_at integer,
  reminders integer not null default 0,
  unique (kind, year, number)
) strict;
create index invoice_by_order on invoice (order_id, id);
create index invoice_due on invoice (due_at, id) where kind = 'invoice' and due_at is not null and paid_at is null and cancelled_at is null;

-- Vouchers are codes of an order.
alter table code add column order_id integer references purchase_order (id);
alter table code add column order_line integer;
-- The code that took the place of a replaced one.
alter table code add column replaced_by integer;
create index code_of_order on code (order_id, order_line, id) where order_id is not null;
create index code_voucher on code (company_id, status, id) where order_id is not null;
create index code_voucher_by_company on code (company_id, id) where order_id is not null;
create index code_voucher_by_status on code (status, id) where order_id is not null;
create index code_voucher_by_id on code (id) where order_id is not null;
create unique index code_replaced on code (replaced_by) where replaced_by is not null;
create index code_expiring on code (expires_at, id) where status = 0 and expires_at is not null;

create table licence (
  id integer primary key,
  order_id integer not null references purchase_order (id),
  line integer not null,
  company_id integer not null references company (id),
  product_id integer not null,
  version integer not null,
  name text not null,
  serial text not null,
  serial_search text not null,
  issued_at integer not null,
  expires_at integer,
  rehosts integer not null default 0 check (rehosts between 0 and 3),
  foreign key (product_id, version) references product_version (product_id, version)
) strict;
create index licence_by_company on licence (company_id, id);
create index licence_by_order on licence (order_id, line, id);
create index licence_by_serial on licence (serial_search, id);

-- The signed keys that a licence had; the last one is not revoked.
create table licence_key (
  id integer primary key,
  licence_id integer not null references licence (id),
  serial text not null,
  signed text not null,
  issued_at integer not null,
  revoked_at integer,
  revoked_by integer references person (id),
  reason text not null default '',
  check ((revoked_at is null) = (revoked_by is null))
) strict;
create index licence_key_by_licence on licence_key (licence_id, id);
create unique index licence_key_live on licence_key (licence_id) where revoked_at is null;
create index licence_key_revoked on licence_key (revoked_at, id) where revoked_at is not null;

create trigger product_version_no_update before update on product_version
begin select raise(abort, 'prices are kept'); end;
create trigger product_version_no_delete before delete on product_version
begin select raise(abort, 'prices are kept'); end;
create trigger payment_event_no_update before update on payment_event
begin select raise(abort, 'events are kept'); end;
create trigger payment_event_no_delete before delete on payment_event
begin select raise(abort, 'events are kept'); end;
create trigger invoice_no_delete before delete on invoice
begin select raise(abort, 'documents are kept'); end;
create trigger invoice_no_change before update of kind, year, number, name, order_id, corrects, currency, net, vat, total, document, issued_at on invoice
begin select raise(abort, 'documents are kept'); end;
