-- The words and numbers of big tables are rows of small ones, so that a new one is an insert and not a rebuild.
create table resource_type (id integer primary key, slug text not null unique) strict;
insert into resource_type values
  (1, 'credit'), (2, 'management_6m'), (3, 'management_1y'), (4, 'management_3y'), (5, 'management_5y'),
  (6, 'management_10y'), (7, 'data_150GB_10y'), (8, 'device_year'), (9, 'apartment_year');
create table account_kind (id integer primary key, slug text not null unique) strict;
insert into account_kind values (0, 'available'), (1, 'in_codes'), (2, 'spent'), (3, 'expired'), (4, 'issued');
create table code_status (id integer primary key, slug text not null unique) strict;
insert into code_status values
  (0, 'unused'), (1, 'used'), (2, 'expired'), (3, 'deleted'), (4, 'cancelled'), (5, 'replaced');
create table cause (slug text primary key) strict, without rowid;
insert into cause values
  ('issue'), ('move'), ('create_code'), ('delete_code'), ('redeem'), ('spend'), ('fulfil'), ('expire'), ('cancel'),
  ('replace'), ('buy_data');

-- What SQLite's documentation of ALTER TABLE has for changes that leave the stored rows as they are: rows that met the
-- checks meet the references too.
pragma writable_schema = on;
update sqlite_schema set sql =
  replace(replace(replace(replace(replace(replace(replace(sql,
    'check (resource_type between 1 and 9)', 'references resource_type (id)'),
    'check (service between 1 and 9)', 'references resource_type (id)'),
    'check (kind between 0 and 4)', 'references account_kind (id)'),
    'check (from_kind between 0 and 4)', 'references account_kind (id)'),
    'check (to_kind between 0 and 4)', 'references account_kind (id)'),
    'check (status between 0 and 5)', 'references code_status (id)'),
    'check (cause in (''issue'', ''move'', ''create_code'', ''delete_code'', ''redeem'', ''spend'', ''fulfil'', ''expire'', ''cancel'', ''replace''))',
    'references cause (slug)')
where type = 'table'
  and name in ('account', 'code', 'transfer', 'device', 'renewal_day', 'code_batch', 'order_line', 'code_month');
pragma writable_schema = reset;
