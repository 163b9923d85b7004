-- Roles are rows. What the built-in ones allow is in the program, so that a later version can add to it.
create table role (
  id integer primary key,
  -- Null: built in. Others are for people of this company and of those below it.
  company_id integer references company (id),
  title text not null,
  title_search text not null,
  description text not null,
  -- Names separated by spaces.
  permissions text not null,
  created_at integer not null,
  updated_at integer not null,
  check ((company_id is null) = (id < 100))
) strict;
create unique index role_by_title on role (title_search, company_id);
create index role_by_company on role (company_id, id);
insert into role values
  (1, null, 'Administrator', 'administrator', 'Manages the company and everything below it', '', 0, 0),
  (2, null, 'End user', 'end user', 'Redeems codes and sees the company''s own balances and history', '', 0, 0),
  (3, null, 'Read only', 'read only', 'Sees everything, changes nothing; codes are masked', '', 0, 0);
insert into counter values ('role', 100);

alter table person add column role_id integer references role (id);
update person set role_id = case role when 'admin' then 1 when 'end_user' then 2 else 3 end;
alter table person drop column role;
create index person_by_role on person (role_id, id);
