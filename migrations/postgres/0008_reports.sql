-- What reports read: counts that are kept with what they count, so that a page costs the same however many
-- codes and orders there are. A month is twelve times its year, and its months that passed before; in UTC.

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
select extract(year from day) * 12 + extract(month from day) - 1 as month, company_id, currency, sum(net), sum(vat), sum(total) from (
  select to_timestamp(i.issued_at / 1000000) at time zone 'UTC' as day, o.company_id, i.currency, i.net, i.vat, i.total
  from invoice i join purchase_order o on o.id = i.order_id) documents
group by 1, 2, 3;

-- Codes by the month in which they came into a state; 0 is when they were made.
create table code_month (
  company_id bigint not null references company (id),
  month bigint not null,
  resource_type bigint not null check (resource_type between 1 and 9),
  status bigint not null check (status between 0 and 5),
  codes bigint not null,
  units bigint not null,
  primary key (company_id, month, resource_type, status)
);
insert into code_month
select company_id, extract(year from day) * 12 + extract(month from day) - 1 as month, resource_type, status, count(*), sum(amount) from (
  select company_id, to_timestamp(created_at / 1000000) at time zone 'UTC' as day, resource_type, 0 as status, amount from code
  union all select company_id, to_timestamp(ended_at / 1000000) at time zone 'UTC', resource_type, status, amount from code where status <> 0) events
group by 1, 2, 3, 4;
