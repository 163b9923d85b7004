-- Codes by the thousand: made step by step by a job, which goes on after a restart.
insert into counter values ('batch', 1);
create table code_batch (
  id integer primary key,
  actor_id integer not null references person (id),
  actor_company_id integer not null references company (id),
  address text not null,
  company_id integer not null references company (id),
  resource_type integer not null check (resource_type between 1 and 9),
  amount integer not null check (amount between 1 and 1000000000),
  comment text not null,
  state text not null check (state in ('running', 'done', 'stopped', 'cancelled')),
  wanted integer not null check (wanted > 0),
  made integer not null default 0 check (made between 0 and wanted),
  created_at integer not null,
  ended_at integer
) strict;
