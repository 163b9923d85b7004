//! The basis of a forecast: the balances of a company and of those that draw on it, and how many of their devices renew
//! on which day.

use std::collections::{BTreeMap, HashMap};

use sqlx::FromRow;

use super::db::{Query, Result, Tx, sql};
use super::ledger::decode;
use crate::model::forecast::Pool;
use crate::model::resources::ResourceType;

/// The company and those below it that draw on it, each after its parent.
macro_rules! drawing_sql {
    ($select:literal) => {
        concat!(
            "with recursive drawing(id, parent_id, depth) as (
                 select id, cast(null as bigint), 0 from company where id = $1
                 union all select c.id, c.parent_id, drawing.depth + 1 from drawing
                 join company c on c.parent_id = drawing.id and c.use_parent_credits = 1 and c.removed_at is null) ",
            $select
        )
    };
}

#[derive(FromRow)]
struct BalanceRow {
    id: i64,
    parent_id: Option<i64>,
    resource_type: Option<i64>,
    balance: Option<i64>,
    waiting: Option<i64>,
}

#[derive(FromRow)]
struct DayRow {
    company_id: i64,
    resource_type: i64,
    day: i64,
    devices: i64,
}

/// For each resource type, the pools that are drawn on, the company's own first. Waiting devices are due today.
pub async fn pools(tx: &mut Tx, company_id: i64, today: i64) -> Result<BTreeMap<ResourceType, Vec<Pool>>> {
    let [days, balances] = queries(company_id);
    let days: Vec<DayRow> = days.all(tx).await?;
    let balances: Vec<BalanceRow> = balances.all(tx).await?;
    let own_waiting = balances.iter().filter(|row| row.id == company_id);
    let waiting: Vec<(i64, i64)> =
        own_waiting.filter_map(|row| Some((row.resource_type?, row.waiting.filter(|n| *n > 0)?))).collect();
    let mut drawn: Vec<i64> = days.iter().map(|row| row.resource_type).chain(waiting.iter().map(|w| w.0)).collect();
    drawn.sort_unstable();
    drawn.dedup();
    let (empty, places) = tree(&balances);
    let mut pools = BTreeMap::new();
    for id in drawn {
        let mut of_type = empty.clone();
        for row in balances.iter().filter(|row| row.resource_type == Some(id)) {
            of_type[places[&row.id]].balance = row.balance.unwrap_or(0);
        }
        for row in days.iter().filter(|row| row.resource_type == id) {
            of_type[places[&row.company_id]].renewals.push((row.day, row.devices));
        }
        // Waiting devices further down have found every balance on their way up empty.
        of_type[0].renewals.extend(waiting.iter().filter(|w| w.0 == id).map(|w| (today, w.1)));
        pools.insert(ResourceType::try_from(id).map_err(decode)?, of_type);
    }
    Ok(pools)
}

/// The queries behind [`pools`]: renewals by day, and balances.
#[must_use]
pub fn queries(company_id: i64) -> [Query; 2] {
    // A cross join, because SQLite would otherwise read every company's days.
    let days = sql(drawing_sql!(
        "select r.company_id, r.resource_type, r.day, r.devices
         from drawing cross join renewal_day r where r.company_id = drawing.id"
    ));
    let balances = sql(drawing_sql!(
        "select drawing.id, drawing.parent_id, a.resource_type, a.balance, a.waiting
         from drawing left join account a on a.company_id = drawing.id and a.kind = 0
         order by drawing.depth, drawing.id"
    ));
    [days, balances].map(|query| query.bind(company_id))
}

/// Each company's place, and its pool, still empty.
fn tree(balances: &[BalanceRow]) -> (Vec<Pool>, HashMap<i64, usize>) {
    let (mut empty, mut places) = (Vec::new(), HashMap::new());
    for row in balances {
        if places.contains_key(&row.id) {
            continue;
        }
        places.insert(row.id, empty.len());
        let parent = row.parent_id.and_then(|id| places.get(&id).copied());
        empty.push(Pool { parent, ..Pool::default() });
    }
    (empty, places)
}
