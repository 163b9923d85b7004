-- The pool right after a redemption filled it, so that a repeated request gets the first answer again:
-- all that it had received, what was in codes, and the name of the company above.
alter table transfer add column pool_received bigint;
alter table transfer add column pool_in_codes bigint;
alter table transfer add column pool_parent text collate "C";
