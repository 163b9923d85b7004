-- Lists find the ids of their page by an index alone, however far down it is, and read rows for these only. So an
-- index has all that its list is filtered by. But for states, none of it changes when a code is redeemed or a device
-- renewed.
drop index code_by_company;
create index code_by_company on code (company_id, id, resource_type, created_at, comment_search);
create index code_walk on code (id, company_id, resource_type, created_at, comment_search);
create index code_by_suffix on code (suffix_tag, id);
drop index code_voucher_by_status;
create index code_voucher_by_status on code (status, id, company_id, order_id) where order_id is not null;
drop index code_voucher_by_id;
create index code_voucher_by_id on code (id, company_id, order_id) where order_id is not null;
drop index device_label;
create index device_label on device (label_search, id, company_id, removed_at) where removed_at is null;
drop index device_state;
create index device_state on device (state, label_search, id, company_id, removed_at) where removed_at is null;
drop index device_state_and_id;
create index device_state_and_id on device (state, id, company_id, removed_at) where removed_at is null;
