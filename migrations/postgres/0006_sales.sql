-- What is sold: price list, orders, payments, invoices, licences. Money is whole minor units.
create sequence vat_class_id maxvalue 9007199254740991;
create sequence product_id maxvalue 9007199254740991;
create sequence order_id maxvalue 9007199254740991;
create sequence payment_id maxvalue 9007199254740991;
create sequence invoice_id maxvalue 9007199254740991;
create sequence licence_id maxvalue 9007199254740991;
create sequence licence_key_id maxvalue 9007199254740991;

-- Rates are hundredths of a percent.
create table vat_class (
  id bigint primary key,
  name text collate "C" not null,
  name_search text collate "C" not null unique,
  rate bigint not null check (rate between 0 and 10000)
);

create table product (
  id bigint primary key,
  kind text collate "C" not null check (kind in ('voucher', 'licence')),
  -- The current one of its versions.
  version bigint not null,
  is_offered bigint not null check (is_offered in (0, 1)),
  created_at bigint not null
);

-- Prices: of a voucher per device and year, and per apartment and year; of a licence for one device.
create table product_version (
  product_id bigint not null references product (id),
  version bigint not null,
  name text collate "C" not null,
  description text collate "C" not null,
  currency text collate "C" not null check (length(currency) = 3),
  device_price bigint check (device_price >= 0),
  apartment_price bigint check (apartment_price >= 0),
  licence_price bigint check (licence_price >= 0),
  -- The models that a licence suits, a line each; none for all.
  models text collate "C" not null,
  -- Null for a licence without an end.
  term_months bigint check (term_months between 1 and 1200),
  vat_class_id bigint not null references vat_class (id),
  created_at bigint not null,
  created_by bigint not null references person (id),
  primary key (product_id, version)
);

-- Whom a company's invoices are made out to.
create table billing (
  company_id bigint primary key references company (id),
  name text collate "C" not null,
  address text collate "C" not null,
  country text collate "C" not null,
  vat_number text collate "C" not null,
  email text collate "C" not null
);

alter table company add column reverse_charge bigint not null default 0 check (reverse_charge in (0, 1));
create index company_distributor on company (name_search, id) where may_buy_vouchers = 1 and removed_at is null;

create table purchase_order (
  id bigint primary key,
  company_id bigint not null references company (id),
  created_by bigint not null references person (id),
  kind text collate "C" not null check (kind in ('voucher', 'licence')),
  state text collate "C" not null check (state in ('draft', 'awaiting_payment', 'paid', 'cancelled')),
  method text collate "C" check (method in ('card', 'invoice')),
  currency text collate "C" not null,
  net bigint not null check (net >= 0),
  vat bigint not null check (vat >= 0),
  total bigint not null check (total = net + vat),
  reverse_charge bigint not null check (reverse_charge in (0, 1)),
  -- The billing data as it was when the order was placed, as JSON.
  billing text collate "C",
  created_at bigint not null,
  placed_at bigint,
  paid_at bigint,
  cancelled_at bigint,
  -- When its vouchers expire, and how many days before that the last warning was.
  expires_at bigint,
  warned_days bigint,
  check ((state = 'paid') = (paid_at is not null)),
  check ((state = 'cancelled') = (cancelled_at is not null)),
  check (state = 'draft' or state = 'cancelled' or (placed_at is not null and method is not null))
);
create index order_by_company on purchase_order (company_id, id);
create index order_by_company_state on purchase_order (company_id, state, id);
create index order_by_state on purchase_order (state, id);
create index order_paid on purchase_order (paid_at, id) where paid_at is not null;
create index order_expiring on purchase_order (expires_at, id) where expires_at is not null;

-- A line keeps the version, the prices and the VAT that it was made with.
create table order_line (
  order_id bigint not null references purchase_order (id),
  line bigint not null,
  product_id bigint not null,
  version bigint not null,
  name text collate "C" not null,
  -- Of vouchers: what each code holds, and how many codes. Of licences: one unit a serial number.
  resource_type bigint check (resource_type between 1 and 9),
  years bigint check (years between 1 and 10),
  subscriptions bigint check (subscriptions between 1 and 100000),
  codes bigint check (codes between 1 and 100000),
  quantity bigint not null check (quantity > 0),
  unit_price bigint not null check (unit_price >= 0),
  net bigint not null check (net = quantity * unit_price),
  vat_rate bigint not null check (vat_rate between 0 and 10000),
  vat bigint not null check (vat >= 0),
  primary key (order_id, line),
  foreign key (product_id, version) references product_version (product_id, version)
);

-- The devices that a line of licences is for.
create table order_serial (
  order_id bigint not null,
  line bigint not null,
  serial_search text collate "C" not null,
  serial text collate "C" not null,
  primary key (order_id, line, serial_search),
  foreign key (order_id, line) references order_line (order_id, line)
);

-- A try to pay an order: by card, a session of the provider's; by invoice, what came to the bank. The reference
-- is what the provider, or the bank's statement, calls it. A payment that is open with an intent is under way:
-- the payer is done, the money has not come.
create table payment (
  id bigint primary key,
  order_id bigint not null references purchase_order (id),
  provider text collate "C" not null check (provider in ('stripe', 'demo', 'bank')),
  state text collate "C" not null check (state in ('open', 'paid', 'failed', 'expired', 'refund_due', 'refunded')),
  -- Whether it is the one that its order was paid with, also after it was given back.
  has_paid bigint not null check (has_paid in (0, 1)),
  amount bigint not null check (amount >= 0),
  currency text collate "C" not null,
  session_id text collate "C" unique,
  session_url text collate "C",
  intent text collate "C",
  reference text collate "C" not null,
  created_at bigint not null,
  -- When the provider is asked next how it stands.
  ask_at bigint,
  ended_at bigint
);
create index payment_by_order on payment (order_id, id);
create unique index payment_of_order on payment (order_id) where has_paid = 1;
create unique index payment_by_reference on payment (reference) where provider <> 'bank';
create index payment_to_ask on payment (ask_at, id) where state = 'open' and ask_at is not null;

-- What a provider told: each of its events is taken once.
create table payment_event (
  provider text collate "C" not null,
  event_id text collate "C" not null,
  kind text collate "C" not null,
  at bigint not null,
  primary key (provider, event_id)
);

-- The last number given in a year: taken in the transaction that makes the document, so that none is left out.
create table invoice_number (
  kind text collate "C" not null check (kind in ('invoice', 'credit_note')),
  year bigint not null,
  last bigint not null,
  primary key (kind, year)
);

create table invoice (
  id bigint primary key,
  kind text collate "C" not null check (kind in ('invoice', 'credit_note')),
  year bigint not null,
  number bigint not null check (number > 0),
  name text collate "C" not null unique,
  order_id bigint not null references purchase_order (id),
  corrects bigint references invoice (id),
  currency text collate "C" not null,
  net bigint not null,
  vat bigint not null,
  total bigint not null,
  -- All that stands on it, as JSON: the same document for ever.
  document text collate "C" not null,
  issued_at bigint not null,
  due_at bigint,
  -- What happens to it afterwards.
  paid_at bigint,
  cancelled_at bigint,
  reminded_at bigint,
  reminders bigint not null default 0,
  unique (kind, year, number)
);
create index invoice_by_order on invoice (order_id, id);
create index invoice_due on invoice (due_at, id) where kind = 'invoice' and due_at is not null and paid_at is null and cancelled_at is null;

-- Vouchers are codes of an order.
alter table code add column order_id bigint references purchase_order (id);
alter table code add column order_line bigint;
-- The code that took the place of a replaced one.
alter table code add column replaced_by bigint;
create index code_of_order on code (order_id, order_line, id) where order_id is not null;
create index code_voucher on code (company_id, status, id) where order_id is not null;
create index code_voucher_by_company on code (company_id, id) where order_id is not null;
create index code_voucher_by_status on code (status, id) where order_id is not null;
create index code_voucher_by_id on code (id) where order_id is not null;
create unique index code_replaced on code (replaced_by) where replaced_by is not null;
create index code_expiring on code (expires_at, id) where status = 0 and expires_at is not null;

create table licence (
  id bigint primary key,
  order_id bigint not null references purchase_order (id),
  line bigint not null,
  company_id bigint not null references company (id),
  product_id bigint not null,
  version bigint not null,
  name text collate "C" not null,
  serial text collate "C" not null,
  serial_search text collate "C" not null,
  issued_at bigint not null,
  expires_at bigint,
  rehosts bigint not null default 0 check (rehosts between 0 and 3),
  foreign key (product_id, version) references product_version (product_id, version)
);
create index licence_by_company on licence (company_id, id);
create index licence_by_order on licence (order_id, line, id);
create index licence_by_serial on licence (serial_search, id);

-- The signed keys that a licence had; the last one is not revoked.
create table licence_key (
  id bigint primary key,
  licence_id bigint not null references licence (id),
  serial text collate "C" not null,
  signed text collate "C" not null,
  issued_at bigint not null,
  revoked_at bigint,
  revoked_by bigint references person (id),
  reason text collate "C" not null default '',
  check ((revoked_at is null) = (revoked_by is null))
);
create index licence_key_by_licence on licence_key (licence_id, id);
create unique index licence_key_live on licence_key (licence_id) where revoked_at is null;
create index licence_key_revoked on licence_key (revoked_at, id) where revoked_at is not null;

create trigger product_version_no_change before update or delete on product_version
for each row execute function refuse_change();
create trigger product_version_no_truncate before truncate on product_version
for each statement execute function refuse_change();
create trigger payment_event_no_change before update or delete on payment_event
for each row execute function refuse_change();
create trigger payment_event_no_truncate before truncate on payment_event
for each statement execute function refuse_change();
create trigger invoice_no_delete before delete on invoice
for each row execute function refuse_change();
create trigger invoice_no_truncate before truncate on invoice
for each statement execute function refuse_change();
create trigger invoice_no_change before update of kind, year, number, name, order_id, corrects, currency, net, vat, total, document, issued_at on invoice
for each row execute function refuse_change();
