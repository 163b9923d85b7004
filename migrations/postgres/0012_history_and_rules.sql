-- Which access token acted; who demands two-factor authentication. (There is no REPLACE here.)

alter table transfer add column token_id bigint;
-- The token's name as it was: a revoked token is gone.
alter table history add column token_id bigint;
alter table history add column token_name text collate "C";

-- The company whose administrator demands it: only that one, or one above it, may lift the demand.
alter table company add column second_factor_demanded_by bigint references company (id);
update company set second_factor_demanded_by = coalesce((
  select p.company_id from history h join person p on p.id = h.actor_id
  where h.company_id = company.id and h.verb = 'company.second_factor_demanded' order by h.id desc limit 1
), id) where demands_second_factor = 1;
create index company_demanding on company (id) where demands_second_factor = 1;
