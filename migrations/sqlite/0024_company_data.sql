-- Data that companies buy for credits, in MiB. Transfers stay, so nothing refers to them.
create table data_purchase (
  transfer_id integer primary key,
  company_id integer not null references company (id),
  mebibytes integer not null check (mebibytes > 0)
) strict;
create index data_purchase_by_company on data_purchase (company_id, transfer_id);
-- What a company has of it.
alter table company add column data_mebibytes integer not null default 0 check (data_mebibytes >= 0);
