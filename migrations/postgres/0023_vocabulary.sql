-- PostgreSQL changes a check without rebuilding its table, while a reference would lock the same few rows at every
-- transfer: here the words stay in a check.
alter table transfer drop constraint transfer_cause_check;
alter table transfer add constraint transfer_cause_check check (cause in ('issue', 'move', 'create_code', 'delete_code',
  'redeem', 'spend', 'fulfil', 'expire', 'cancel', 'replace', 'buy_data')) not valid;
alter table transfer validate constraint transfer_cause_check;
