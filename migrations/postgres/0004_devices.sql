-- Devices, how many renewals come on which day, and how many wait for whose units.

create sequence device_id maxvalue 9007199254740991;
create sequence import_id maxvalue 9007199254740991;

create table device (
  id bigint primary key,
  company_id bigint not null references company (id),
  kind text collate "C" not null check (kind in ('device', 'apartment')),
  serial text collate "C",
  serial_search text collate "C",
  name text collate "C" not null,
  model text collate "C" not null,
  label_search text collate "C" not null,
  search text collate "C" not null,
  monitoring bigint not null check (monitoring in (0, 1)),
  service bigint check (service between 1 and 9),
  auto_extend bigint not null check (auto_extend in (0, 1)),
  paid_until bigint,
  state text collate "C" not null check (state in ('active', 'waiting', 'expired', 'off')),
  waiting_since bigint,
  created_at bigint not null,
  removed_at bigint,
  check ((kind = 'device') = (serial is not null)),
  check (service is null or (kind = 'apartment') = (service = 9)),
  check ((state = 'waiting') = (waiting_since is not null)),
  check (state <> 'active' or paid_until is not null)
);
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
  company_id bigint not null references company (id),
  resource_type bigint not null check (resource_type between 1 and 9),
  day bigint not null,
  devices bigint not null,
  primary key (company_id, resource_type, day)
);

-- What one process at a time does; taken over when its holder has died.
create table lease (
  name text collate "C" primary key,
  holder text collate "C" not null,
  held_until bigint not null
);

alter table company add column devices bigint not null default 0;
alter table company add column monitored bigint not null default 0;
-- How many devices wait that would be paid from this balance.
alter table account add column waiting bigint not null default 0;
create index account_waiting on account (company_id, resource_type) where waiting > 0;

alter table transfer add column device_id bigint;
create index transfer_by_device on transfer (device_id, id) where device_id is not null;

-- A file of devices: read and checked, then added step by step.
create table device_import (
  id bigint primary key,
  company_id bigint not null references company (id),
  actor_id bigint not null references person (id),
  state text collate "C" not null check (state in ('checked', 'running', 'done', 'cancelled')),
  content text collate "C" not null,
  problems text collate "C" not null,
  row_count bigint not null,
  position bigint not null default 0,
  added bigint not null default 0,
  created_at bigint not null,
  ended_at bigint
);
create index device_import_by_company on device_import (company_id, id);
