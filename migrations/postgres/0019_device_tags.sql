-- What identifies a device's hardware, its description, and its tags.
--
-- A tag belongs to a company, and may be put on devices of that company and of those below it. When a device, or a
-- company with its devices, goes to another place in the tree, it keeps the tags that are still usable there and loses
-- the others, in the same transaction. So a tag is never on a device that its company does not see. People see the tags
-- of their own tree only: what a company above has put on a device is neither shown nor changed below.

create sequence tag_id maxvalue 9007199254740991;

alter table device add column mac text collate "C" not null default '';
-- Its twelve digits in lower case, however it was written.
alter table device add column mac_search text collate "C" not null default '';
alter table device add column imei text collate "C" not null default '';
alter table device add column series text collate "C" not null default '';
alter table device add column description text collate "C" not null default '';
-- When a person last changed it; null if nobody has since it was added.
alter table device add column updated_at bigint;

create index device_by_mac on device (mac_search, id) where mac_search <> '' and removed_at is null;
create index device_by_imei on device (imei, id) where imei <> '' and removed_at is null;
create index device_by_model on device (company_id, model, id, removed_at) where removed_at is null;
-- A device leaves these once, with its first payment.
create index device_never_paid on device (company_id, id, paid_until, removed_at)
  where paid_until is null and removed_at is null;
create index device_never_paid_walk on device (id, company_id, paid_until, removed_at)
  where paid_until is null and removed_at is null;

create table tag (
  id bigint primary key,
  company_id bigint not null references company (id),
  name text collate "C" not null,
  name_search text collate "C" not null,
  description text collate "C" not null,
  color text collate "C" not null,
  created_at bigint not null,
  updated_at bigint not null
);
create unique index tag_by_name on tag (name_search, company_id);
create index tag_by_company on tag (company_id, name_search);

create table device_tag (
  tag_id bigint not null references tag (id),
  device_id bigint not null references device (id),
  primary key (tag_id, device_id)
);
create index device_tag_by_device on device_tag (device_id, tag_id);

-- The random id under which a program asks for the outcome of a write. The outcome is in `operation`.
create table channel (
  id text collate "C" primary key,
  actor_id bigint not null references person (id),
  operation text collate "C" not null
);
