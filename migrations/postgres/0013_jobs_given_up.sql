-- Each kind of work has workers of its own; a job that is given up stays for the operator.

alter table job add column lane text not null default 'money' check (lane in ('mail', 'bulk', 'money'));
alter table job add column given_up_at bigint;
alter table job add column reason text not null default '';
update job set lane = case
  when kind in ('mail', 'document', 'reminder', 'order_paid') then 'mail'
  when kind in ('codes', 'import') then 'bulk'
  else 'money' end;
drop index job_due;
create index job_due on job (lane, run_at, id) where given_up_at is null;
create index job_given_up on job (given_up_at, id) where given_up_at is not null;
