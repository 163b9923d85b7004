-- Companies buy for their own pools, every type of resource is sold, and vouchers are valid as long as their product says.

-- An exception to the seller's setting; null follows it.
alter table company add column may_buy_for_itself integer check (may_buy_for_itself in (0, 1));
-- What a unit costs of each type that is not counted in years: a JSON object of slugs and minor units.
alter table product_version add column unit_prices text not null default '{}';
-- How long vouchers can be redeemed, from the day of payment.
alter table product_version add column valid_months integer not null default 36 check (valid_months between 1 and 120);
-- A line with a type of resource but without codes is for the buyer's own pool. When its units went back to the vendor.
alter table order_line add column taken_back_at integer;
-- The tabs of a voucher.
create index code_of_line on code (order_id, order_line, status, id) where order_id is not null;
