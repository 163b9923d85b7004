-- Codes by the thousand: made step by step by a job, which goes on after a restart.
create sequence batch_id maxvalue 9007199254740991;
create table code_batch (
  id bigint primary key,
  actor_id bigint not null references person (id),
  actor_company_id bigint not null references company (id),
  address text collate "C" not null,
  company_id bigint not null references company (id),
  resource_type bigint not null check (resource_type between 1 and 9),
  amount bigint not null check (amount between 1 and 1000000000),
  comment text collate "C" not null,
  state text collate "C" not null check (state in ('running', 'done', 'stopped', 'cancelled')),
  wanted bigint not null check (wanted > 0),
  made bigint not null default 0 check (made between 0 and wanted),
  created_at bigint not null,
  ended_at bigint
);
