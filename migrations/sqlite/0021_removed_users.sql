-- Removed users. Their rows stay, because the history and the ledger name them: hidden from every list, and disabled.
-- What the unique `email_search` keeps is then a placeholder that is no address, so that the address is free again.

alter table person add column removed_at integer check (removed_at is null or disabled_at is not null);
-- When somebody last changed the account; null if nobody has since it was made.
alter table person add column updated_at integer;

-- Invitations: people who have never set a password.
create index person_invited on person (company_id, id)
  where password_hash is null and disabled_at is null and removed_at is null and is_service = 0;
create index person_invited_walk on person (id, company_id)
  where password_hash is null and disabled_at is null and removed_at is null and is_service = 0;
