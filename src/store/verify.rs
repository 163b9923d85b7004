//! Recomputes every balance from the transfers and checks each rule of the ledger.

use super::db::{Result, Tx, sql};

/// One rule, checked.
#[derive(Debug, Clone)]
pub struct Finding {
    pub rule: &'static str,
    /// How many things break it; 0 is good.
    pub broken: i64,
}

/// What was counted on the way.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Figures {
    pub companies: i64,
    pub accounts: i64,
    pub transfers: i64,
    pub codes: i64,
    pub unused_codes: i64,
    pub devices: i64,
}

const RULES: &[(&str, &str)] = &[
    (
        "each balance equals its transfers",
        "select count(*) from (
             select company_id, resource_type, kind, cast(sum(amount) as bigint) as amount from (
                 select from_company_id as company_id, resource_type, from_kind as kind, -amount as amount from transfer
                 union all select to_company_id, resource_type, to_kind, amount from transfer
                 union all select company_id, resource_type, kind, -balance from account) entries
             group by company_id, resource_type, kind having sum(amount) <> 0) wrong",
    ),
    (
        "each resource type sums to zero",
        "select count(*) from (select 1 from account group by resource_type having sum(balance) <> 0) wrong",
    ),
    ("no balance is below zero", "select count(*) from account where balance < 0 and kind <> 4"),
    (
        "only the root company issues",
        "select count(*) from account a join company c on c.id = a.company_id where a.kind = 4 and c.level > 0",
    ),
    (
        "units in codes equal the unused codes",
        "select count(*) from (
             select company_id, resource_type, cast(sum(amount) as bigint) as amount from (
                 select company_id, resource_type, amount from code where status = 0
                 union all select company_id, resource_type, -balance from account where kind = 1) entries
             group by company_id, resource_type having sum(amount) <> 0) wrong",
    ),
    (
        "each code's state agrees with its transfers",
        "select count(*) from code k left join (
             select code_id, min(amount) as lowest, max(amount) as highest,
                 sum(case when cause in ('create_code', 'fulfil') or (cause = 'replace' and to_kind = 1) then 1 else 0 end) as made,
                 sum(case cause when 'redeem' then 1 else 0 end) as used,
                 sum(case cause when 'delete_code' then 1 else 0 end) as deleted,
                 sum(case cause when 'expire' then 1 else 0 end) as expired,
                 sum(case cause when 'cancel' then 1 else 0 end) as cancelled,
                 sum(case when cause = 'replace' and from_kind = 1 then 1 else 0 end) as replaced
             from transfer where code_id is not null group by code_id) t on t.code_id = k.id
         where coalesce(t.made, 0) <> 1 or t.lowest <> k.amount or t.highest <> k.amount
             or t.used <> case k.status when 1 then 1 else 0 end
             or t.deleted <> case k.status when 3 then 1 else 0 end
             or t.expired <> case k.status when 2 then 1 else 0 end
             or t.cancelled <> case k.status when 4 then 1 else 0 end
             or t.replaced <> case k.status when 5 then 1 else 0 end",
    ),
    (
        "each transfer of a code has its code",
        "select count(*) from transfer t where t.code_id is not null
             and not exists (select 1 from code k where k.id = t.code_id)",
    ),
    (
        "each company's path leads through its parent",
        "select count(*) from company c left join company p on p.id = c.parent_id
             where (c.level > 0 and (p.id is null or substr(c.path, 1, length(p.path)) <> p.path or c.level <> p.level + 1))
             or (c.level = 0 and c.parent_id is not null)",
    ),
    (
        "each order has the codes that were counted, line after line, and they hold what was bought",
        "select count(*) from (
             select l.order_id from (
                 select l.*, o.codes_made - coalesce(sum(l.codes) over (partition by l.order_id order by l.line
                     rows between unbounded preceding and 1 preceding), 0) as codes_left
                 from order_line l join purchase_order o on o.id = l.order_id where l.resource_type is not null) l
             left join code k on k.order_id = l.order_id and k.order_line = l.line and k.status <> 5
             group by l.order_id, l.line, l.codes, l.quantity, l.codes_left
             having count(k.id) <> case when l.codes_left <= 0 then 0 when l.codes_left < l.codes then l.codes_left else l.codes end
                 or coalesce(sum(k.amount), 0) * l.codes <> l.quantity * count(k.id)) wrong",
    ),
    (
        "each order's codes are all there, are being made, or were cancelled",
        "select count(*) from purchase_order o left join (
             select order_id, sum(codes) as codes from order_line group by order_id) l on l.order_id = o.id
         where o.codes_wanted > case o.state when 'paid' then coalesce(l.codes, 0) else 0 end
             or o.codes_made > o.codes_wanted
             or (o.codes_made < o.codes_wanted and not exists (
                 select 1 from job j where j.kind = 'order_codes' and j.payload = cast(o.id as text)))",
    ),
    (
        "each order comes to what its lines do",
        "select count(*) from (
             select o.id from purchase_order o left join order_line l on l.order_id = o.id
             group by o.id, o.net, o.vat having coalesce(sum(l.net), 0) <> o.net or coalesce(sum(l.vat), 0) <> o.vat) wrong",
    ),
    (
        "the numbers of invoices have no gaps",
        "select count(*) from (
             select kind from invoice group by kind, year having count(*) <> max(number) or min(number) <> 1) wrong",
    ),
    (
        "units spent equal what devices used",
        "select count(*) from (
             select company_id, resource_type, cast(sum(amount) as bigint) as amount from (
                 select from_company_id as company_id, resource_type, amount from transfer where cause = 'spend'
                 union all select company_id, resource_type, -balance from account where kind = 2) entries
             group by company_id, resource_type having sum(amount) <> 0) wrong",
    ),
    (
        "each use is one unit of one device",
        "select count(*) from transfer t where (t.cause = 'spend') <> (t.device_id is not null)
             or (t.cause = 'spend' and (t.amount <> 1 or t.from_kind <> 0 or t.to_kind <> 2
                 or t.from_company_id <> t.to_company_id
                 or not exists (select 1 from device d where d.id = t.device_id)))",
    ),
    (
        "each company's count of devices is right",
        "select count(*) from (
             select company_id from (
                 select company_id, 1 as devices, monitoring as monitored from device where removed_at is null
                 union all select id, -devices, -monitored from company) counted
             group by company_id having sum(devices) <> 0 or sum(monitored) <> 0) wrong",
    ),
    (
        "each day's count of renewals is right",
        "select count(*) from (
             select company_id, resource_type, day, cast(sum(devices) as bigint) as devices from (
                 select company_id, service as resource_type, paid_until / 86400000000 as day, 1 as devices
                 from device where state = 'active' and auto_extend = 1
                 union all select company_id, resource_type, day, -devices from renewal_day) counted
             group by company_id, resource_type, day having sum(devices) <> 0) wrong",
    ),
    (
        "the months' counts of codes add up to the codes",
        "select count(*) from (
             select company_id, resource_type, status from (
                 select company_id, resource_type, 0 as status, 1 as codes, amount as units from code
                 union all select company_id, resource_type, status, 1, amount from code where status <> 0
                 union all select company_id, resource_type, status, -codes, -units from code_month) counted
             group by company_id, resource_type, status having sum(codes) <> 0 or sum(units) <> 0) wrong",
    ),
    (
        "the months' sales add up to the invoices",
        "select count(*) from (
             select company_id, currency from (
                 select o.company_id, i.currency, i.net, i.vat, i.total
                 from invoice i join purchase_order o on o.id = i.order_id
                 union all select company_id, currency, -net, -vat, -total from sales_month) counted
             group by company_id, currency having sum(net) <> 0 or sum(vat) <> 0 or sum(total) <> 0) wrong",
    ),
    (
        "each balance's count of waiting devices is right",
        "with recursive draw(company_id, resource_type, devices) as (
             select company_id, service, count(*) from device where state = 'waiting' group by company_id, service
             union all select c.parent_id, draw.resource_type, draw.devices
             from draw join company c on c.id = draw.company_id
             where c.use_parent_credits = 1 and c.parent_id is not null)
         select count(*) from (
             select company_id, resource_type, cast(sum(devices) as bigint) as devices from (
                 select company_id, resource_type, devices from draw
                 union all select company_id, resource_type, -waiting from account) counted
             group by company_id, resource_type having sum(devices) <> 0) wrong",
    ),
];

/// Checks all rules on what the transaction sees.
///
/// # Errors
/// Whatever the database says.
pub async fn check(tx: &mut Tx) -> Result<(Figures, Vec<Finding>)> {
    let figures = sql("select (select count(*) from company where removed_at is null) as companies,
             (select count(*) from account) as accounts, (select count(*) from transfer) as transfers,
             (select count(*) from code) as codes, (select count(*) from code where status = 0) as unused_codes,
             (select count(*) from device where removed_at is null) as devices")
    .one(tx)
    .await?;
    let mut findings = Vec::new();
    for &(rule, text) in RULES {
        let (broken,): (i64,) = sql(text).one(tx).await?;
        findings.push(Finding { rule, broken });
    }
    Ok((figures, findings))
}
