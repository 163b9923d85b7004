//! Devices that are due or waiting for units.

use crate::model::resources::ResourceType;
use crate::model::time::Moment;
use crate::store::db::{Result, Tx, WriteTx, sql, sql_for};

/// Devices whose paid time has passed, the earliest first.
pub async fn due(tx: &mut Tx, now: Moment, limit: i64) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> =
        sql("select id from device where state = 'active' and paid_until <= $1 order by paid_until, id limit $2")
            .bind(now)
            .bind(limit)
            .all(tx)
            .await?;
    Ok(found.into_iter().map(|r| r.0).collect())
}

macro_rules! servable_sql {
    ($devices:literal) => {
        concat!(
            "with recursive pool(company_id, resource_type) as (
                 select company_id, resource_type from account where waiting > 0 and kind = 0 and balance > 0
                 union select c.id, pool.resource_type from pool
                 join company c on c.parent_id = pool.company_id and c.use_parent_credits = 1 and c.removed_at is null
                 join account a on a.company_id = c.id and a.resource_type = pool.resource_type and a.kind = 0
                     and a.waiting > 0)
             select d.id from pool join ",
            $devices,
            " order by d.waiting_since, d.id limit $1"
        )
    };
}

/// Devices that are waiting although units are available, the longest-waiting of each company first.
pub async fn servable(tx: &mut Tx, limit: i64) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> = sql_for(
        servable_sql!(
            "device d on d.id in (select w.id from device w where w.company_id = pool.company_id
                 and w.service = pool.resource_type and w.state = 'waiting' order by w.waiting_since, w.id limit $1)"
        ),
        servable_sql!(
            "lateral (select w.id, w.waiting_since from device w where w.company_id = pool.company_id
                 and w.service = pool.resource_type and w.state = 'waiting'
                 order by w.waiting_since, w.id limit $1) d on true"
        ),
    )
    .bind(limit)
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|r| r.0).collect())
}

/// How many devices wait for units of a company's balance.
pub async fn waiting(tx: &mut Tx, company_id: i64, resource_type: ResourceType) -> Result<i64> {
    let row: Option<(i64,)> =
        sql("select waiting from account where company_id = $1 and resource_type = $2 and kind = 0")
            .bind(company_id)
            .bind(resource_type)
            .optional(tx)
            .await?;
    Ok(row.map_or(0, |r| r.0))
}

/// When the tree or its use-of-parent-credits switches change, other balances pay for devices waiting at or below a
/// company. Adds those devices to (`sign` 1) or subtracts them from (-1) all paying ancestors. Call before (-1) and
/// after (1) the change, with the company locked.
pub async fn shift_waiting(tx: &mut WriteTx, company_id: i64, sign: i64) -> Result<()> {
    sql("with recursive payer(company_id) as (
             select parent_id from company where id = $1 and use_parent_credits = 1
             union all select c.parent_id from payer join company c on c.id = payer.company_id
             where c.use_parent_credits = 1 and c.parent_id is not null)
         insert into account (company_id, resource_type, kind, balance, received_total, waiting)
         select payer.company_id, a.resource_type, 0, 0, 0, a.waiting * $2
         from payer join account a on a.company_id = $1 and a.waiting > 0 where payer.company_id is not null
         order by 1, 2
         on conflict (company_id, resource_type, kind) do update set waiting = account.waiting + excluded.waiting")
    .bind(company_id)
    .bind(sign)
    .run(tx)
    .await?;
    Ok(())
}
