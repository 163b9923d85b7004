-- Devices of one state in the order of their ids, as programs walk them.

create index device_by_state_and_id on device (company_id, state, id) where removed_at is null;
create index device_state_and_id on device (state, id) where removed_at is null;
