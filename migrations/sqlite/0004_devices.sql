-- Devices, how many renewals come on which day, and how many wait for whose units.

insert into counter values ('device', 1), ('import', 1);

create table device (
  id integer primary key,
  company_id integer not null references company (id),
  kind text not null check (kind in ('device', 'apartment')),
  serial text,
  serial_search text,
  name text not null,
  model text not null,
  label_search text not null,
  search text not null,
  monitoring integer not null check (monitoring in (0, 1)),
  service integer check (service between 1 and 9),
  auto_extend integer not null check (auto_extend in (0, 1)),
  paid_until integer,
  state text not null check (state in ('active', 'waiting', 'expired', 'off')),
  waiting_since integer,
  created_at integer not null,
  removed_at integer,
  check ((kind = 'device') = (serial is not null)),
  check (service is null or (kind = 'apartment') = (service = 9)),
  check ((state = 'waiting') = (waiting_since is not null)),
  check (state <> 'active' or paid_until is not null)
) strict;
create unique index device_by_serial on device (serial_search) where removed_at is null;
create index device_by_company on device (company_id, id) where removed_at is null;
create index device_by_label on device (company_id, label_search, id) where removed_at is null;
create index device_label on device (label_search, id) where removed_at is null;
create index device_by_state on device (company_id, state, label_search, id) where removed_at is null;
create index device_state on device (state, label_search, id) where removed_at is null;
create index device_due on device (paid_until, id) where state = 'active';
create index device_waiting on device (company_id, service, waiting_since, id) where state = 'waiting';

-- How many devices of a company renew themselves on a day (days since 1970, UTC).
create table renewal_day (
  company_id integer not null references company (id),
  resource_type integer not null check (resource_type between 1 and 9),
  day integer not null,
  devices integer not null,
  primary key (company_id, resource_type, day)
) strict, without rowid;

-- What one process at a time does; taken over when its holder has died.
create table lease (
  name text primary key,
  holder text not null,
  held_until integer not null
) strict, without rowid;

alter table company add column devices integer not null default 0;
alter table company add column monitored integer not null default 0;
-- How many devices wait that would be paid from this balance.
alter table account add column waiting integer not null default 0;
create index account_waiting on account (company_id, resource_type) where waiting > 0;

alter table transfer add column device_id integer;
create index transfer_by_device on transfer (device_id, id) where device_id is not null;

-- A file of devices: read and checked, then added step by step.
create table device_import (
  id integer primary key,
  company_id integer not null references company (id),
  actor_id integer not null references person (id),
  state text not null check (state in ('checked', 'running', 'done', 'cancelled')),
  content text not null,
  problems text not null,
  row_count integer not null,
  position integer not null default 0,
  added integer not null default 0,
  created_at integer not null,
  ended_at integer
) strict;
create index device_import_by_company on device_import (company_id, id);
