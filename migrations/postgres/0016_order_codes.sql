-- A big order's codes are made in steps: how many there shall be, once it is paid, and how many there are. The
-- codes in the place of replaced ones are not counted twice. What is cancelled before it is made is not wanted.
alter table purchase_order add column codes_wanted bigint not null default 0;
alter table purchase_order add column codes_made bigint not null default 0 check (codes_made between 0 and codes_wanted);
-- Since when steps fail; null while they do not.
alter table purchase_order add column codes_late_since bigint;
update purchase_order set
  codes_wanted = (select coalesce(sum(l.codes), 0) from order_line l where l.order_id = purchase_order.id),
  codes_made = (select coalesce(sum(l.codes), 0) from order_line l where l.order_id = purchase_order.id)
where state = 'paid';
create index order_being_made on purchase_order (company_id, id) where codes_made < codes_wanted;
