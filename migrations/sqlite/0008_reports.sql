-- What reports read: counts that are kept with what they count, so that a page costs the same however many
-- codes and orders there are. A month is twelve times its year, and its months that passed before; in UTC.

-- Invoices and credit notes by the month in which they were made. What a credit note takes back is below zero.
create table sales_month (
  month integer not null,
  company_id integer not null references company (id),
  currency text not null,
  net integer not null,
  vat integer not null,
  total integer not null,
  primary key (month, company_id, currency)
) strict, without rowid;
insert into sales_month
select strftime('%Y', i.issued_at / 1000000, 'unixepoch') * 12 + strftime('%m', i.issued_at / 1000000, 'unixepoch') - 1 as month,
  o.company_id, i.currency, sum(i.net), sum(i.vat), sum(i.total)
from invoice i join purchase_order o on o.id = i.order_id group by 1, 2, 3;

-- Codes by the month in which they came into a state; 0 is when they were made.
create table code_month (
  company_id integer not null references company (id),
  month integer not null,
  resource_type integer not null check (resource_type between 1 and 9),
  status integer not null check (status between 0 and 5),
  codes integer not null,
  units integer not null,
  primary key (company_id, month, resource_type, status)
) strict, without rowid;
insert into code_month
select company_id, strftime('%Y', at / 1000000, 'unixepoch') * 12 + strftime('%m', at / 1000000, 'unixepoch') - 1 as month,
  resource_type, status, count(*), sum(amount) from (
  select company_id, created_at as at, resource_type, 0 as status, amount from code
  union all select company_id, ended_at, resource_type, status, amount from code where status <> 0) events
group by 1, 2, 3, 4;
