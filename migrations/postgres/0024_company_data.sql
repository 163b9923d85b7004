-- Data that companies buy for credits, in MiB. Transfers stay, so nothing refers to them.
create table data_purchase (
  transfer_id bigint primary key,
  company_id bigint not null references company (id),
  mebibytes bigint not null check (mebibytes > 0)
);
create index data_purchase_by_company on data_purchase (company_id, transfer_id);
-- What a company has of it.
alter table company add column data_mebibytes bigint not null default 0 check (data_mebibytes >= 0);
