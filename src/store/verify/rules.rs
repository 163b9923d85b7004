//! Rules checked by one statement each: it sees one moment, and looks at a slice of a table, or at few rows. To add one: a line in [`RULES`].

use super::Pace;
use super::findings::{self, Findings};
use crate::store::db::{Db, Result, sql};

/// What a statement covers: for a slice, `$1` is the id before it and `$2` its last id.
enum Over {
    All,
    Companies,
    Orders,
    Transfers,
}

const RULES: &[(&str, Over, &str)] = &[
    (
        findings::OPERATIONS,
        Over::Transfers,
        "select count(*) from transfer t left join operation o on o.key = t.operation and o.actor_id = t.actor_id
             where t.id > $1 and t.id <= $2 and t.actor_id is not null
             and (o.first_transfer is null or t.id < o.first_transfer or t.id > o.last_transfer)",
    ),
    (
        "each purchase of data took credits of its company, and each company has the data that it bought",
        Over::Companies,
        "select count(*) from company c where c.id > $1 and c.id <= $2
             and (c.data_mebibytes <> (select coalesce(sum(b.mebibytes), 0) from data_purchase b where b.company_id = c.id)
                 or exists (select 1 from data_purchase b left join transfer t on t.id = b.transfer_id
                     where b.company_id = c.id and (t.cause is null or t.cause <> 'buy_data' or t.from_company_id <> c.id)))",
    ),
    (
        "each transfer for data has its purchase",
        Over::Transfers,
        "select count(*) from transfer t where t.id > $1 and t.id <= $2 and t.cause = 'buy_data'
             and not exists (select 1 from data_purchase b where b.transfer_id = t.id)",
    ),
    (
        "each company's path leads through its parent",
        Over::Companies,
        "select count(*) from company c left join company p on p.id = c.parent_id
             where c.id > $1 and c.id <= $2
             and ((c.level > 0 and (p.id is null or substr(c.path, 1, length(p.path)) <> p.path or c.level <> p.level + 1))
                 or (c.level = 0 and c.parent_id is not null))",
    ),
    (
        "each company's count of devices is right",
        Over::Companies,
        "select count(*) from company c where c.id > $1 and c.id <= $2
             and (c.devices <> (select count(*) from device d where d.company_id = c.id and d.removed_at is null)
                 or c.monitored <> (select coalesce(sum(d.monitoring), 0) from device d
                     where d.company_id = c.id and d.removed_at is null))",
    ),
    (
        "each day's count of renewals is right",
        Over::Companies,
        "select count(*) from (
             select company_id, resource_type, day, cast(sum(devices) as bigint) as devices from (
                 select company_id, service as resource_type, paid_until / 86400000000 as day, 1 as devices
                 from device where state = 'active' and auto_extend = 1 and removed_at is null
                     and company_id > $1 and company_id <= $2
                 union all select company_id, resource_type, day, -devices from renewal_day
                 where company_id > $1 and company_id <= $2) counted
             group by company_id, resource_type, day having sum(devices) <> 0) wrong",
    ),
    (
        "each order has the codes that were counted, line after line, and they hold what was bought",
        Over::Orders,
        "select count(*) from (
             select l.order_id from (
                 select l.order_id, l.line, l.codes, l.quantity, o.codes_made - coalesce(sum(l.codes) over (
                     partition by l.order_id order by l.line rows between unbounded preceding and 1 preceding), 0) as codes_left
                 from order_line l join purchase_order o on o.id = l.order_id
                 where o.id > $1 and o.id <= $2 and l.codes is not null) l
             left join code k on k.order_id = l.order_id and k.order_line = l.line and k.status <> 5
             group by l.order_id, l.line, l.codes, l.quantity, l.codes_left
             having count(k.id) <> case when l.codes_left <= 0 then 0 when l.codes_left < l.codes then l.codes_left else l.codes end
                 or coalesce(sum(k.amount), 0) * l.codes <> l.quantity * count(k.id)) wrong",
    ),
    (
        "each order's codes are all there, are being made, or were cancelled",
        Over::Orders,
        "select count(*) from purchase_order o where o.id > $1 and o.id <= $2 and (
             o.codes_wanted > case o.state when 'paid' then (
                 select coalesce(sum(l.codes), 0) from order_line l where l.order_id = o.id) else 0 end
             or (o.codes_made < o.codes_wanted and not exists (
                 select 1 from job j where j.kind = 'order_codes' and j.payload = cast(o.id as text))))",
    ),
    (
        "each order comes to what its lines do",
        Over::Orders,
        "select count(*) from (
             select o.id from purchase_order o left join order_line l on l.order_id = o.id
             where o.id > $1 and o.id <= $2
             group by o.id, o.net, o.vat having coalesce(sum(l.net), 0) <> o.net or coalesce(sum(l.vat), 0) <> o.vat) wrong",
    ),
    (
        "the numbers of invoices have no gaps",
        Over::All,
        "select count(*) from (
             select kind from invoice group by kind, year having count(*) <> max(number) or min(number) <> 1) wrong",
    ),
    (
        "the months' sales add up to the invoices",
        Over::All,
        "select count(*) from (
             select company_id, currency from (
                 select o.company_id, i.currency, i.net, i.vat, i.total
                 from invoice i join purchase_order o on o.id = i.order_id
                 union all select company_id, currency, -net, -vat, -total from sales_month) counted
             group by company_id, currency having sum(net) <> 0 or sum(vat) <> 0 or sum(total) <> 0) wrong",
    ),
    (
        "each balance's count of waiting devices is right",
        Over::All,
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

/// The names of the rules, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.0)
}

pub async fn check(db: &Db, pace: &mut Pace, findings: &mut Findings) -> Result<()> {
    for (rule, over, text) in RULES {
        let ends = match over {
            Over::All => None,
            Over::Companies => {
                Some("select max(id) from (select id from company where id > $1 order by id limit $2) next")
            }
            Over::Transfers => {
                Some("select max(id) from (select id from transfer where id > $1 order by id limit $2) next")
            }
            Over::Orders => {
                Some("select max(id) from (select id from purchase_order where id > $1 order by id limit $2) next")
            }
        };
        let Some(ends) = ends else {
            let mut tx = db.read_export().await?;
            let (broken,): (i64,) = sql(text).one(&mut tx).await?;
            findings.count(rule, broken);
            continue;
        };
        let mut after = 0_i64;
        loop {
            let step = pace.begin();
            let mut tx = db.read_export().await?;
            let (end,): (Option<i64>,) = sql(ends).bind(after).bind(pace.length() as i64).one(&mut tx).await?;
            // After the last id: rows that name no id.
            let (broken,): (i64,) = sql(text).bind(after).bind(end.unwrap_or(i64::MAX)).one(&mut tx).await?;
            findings.count(rule, broken);
            pace.end(step);
            let Some(end) = end else { break };
            after = end;
        }
    }
    Ok(())
}
