-- What reports read: counts that are kept with what they count, so that a page costs the same however many
-- codes and orders there are. A month is twelve times its year, and its months that passed; all in UTC.

-- Invoices and credit notes by the month in which they were made. What a credit note takes back is below zero.
create table sales_month (
  month bigint not null,
  company_id bigint not null references company (id),
  currency text collate "C" not null,
  net bigint not null,
  vat bigint not null,
  total bigint not null,
  primary key (month, company_id, currency)
);
insert into sales_month
select cast(to_char(to_timestamp(i.issued_at / 1000000) at time zone 'UTC', 'YYYY') as bigint) * 12 + cast(to_char(to_timestamp(i.issued_at / 1000000) at time zone 'UTC', 'MM') as bigint) - 1, o.company_id, i.currency, sum(i.net), sum(i.vat), sum(i.total)
from invoice i join purchase_order o on o.id = i.order_id group by 1, 2, 3;

-- Codes by the month in which they came into a state; 0 when they were made.
create table code_month (
  company_id bigint not null references company (id),
  month bigint not null,
  resource_type bigint not null check (resource_type between 1 and 9),
  is_voucher bigint not null check (is_voucher in (0, 1)),
  status bigint not null check (status between 0 and 5),
  codes bigint not null,
  units bigint not null,
  primary key (company_id, month, resource_type, is_voucher, status)
);
create index code_month_by_month on code_month (month);
insert into code_month
select company_id, month, resource_type, is_voucher, status, count(*), sum(amount)::bigint from (
  select company_id, cast(to_char(to_timestamp(created_at / 1000000) at time zone 'UTC', 'YYYY') as bigint) * 12 + cast(to_char(to_timestamp(created_at / 1000000) at time zone 'UTC', 'MM') as bigint) - 1 as month, resource_type, (order_id is not null)::int as is_voucher, 0 as status, amount from code
  union all
  select company_id, cast(to_char(to_timestamp(ended_at / 1000000) at time zone 'UTC', 'YYYY') as bigint) * 12 + cast(to_char(to_timestamp(ended_at / 1000000) at time zone 'UTC', 'MM') as bigint) - 1, resource_type, (order_id is not null)::int, status, amount from code where status <> 0) events
group by 1, 2, 3, 4, 5;

-- Unused codes by the year in which they expire; 0 for those without an end.
create table outstanding (
  company_id bigint not null references company (id),
  resource_type bigint not null check (resource_type between 1 and 9),
  is_voucher bigint not null check (is_voucher in (0, 1)),
  expires_year bigint not null,
  codes bigint not null,
  units bigint not null,
  primary key (company_id, resource_type, is_voucher, expires_year)
);
insert into outstanding
select company_id, resource_type, is_voucher, expires_year, count(*), sum(amount)::bigint from (
  select company_id, resource_type, (order_id is not null)::int as is_voucher, coalesce(cast(to_char(to_timestamp(expires_at / 1000000) at time zone 'UTC', 'YYYY') as bigint), 0) as expires_year, amount
  from code where status = 0) unused
group by 1, 2, 3, 4;
