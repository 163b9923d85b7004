//! Leases for work that one process at a time does: a row with its holder, taken over once the holder is dead.

use super::db::{Result, WriteTx, sql};
use crate::model::time::Moment;

/// Takes or renews a lease; returns whether the holder has it now. An expired lease is taken over, and so is one that
/// reaches further ahead than any can: the clock was set back.
pub async fn take(tx: &mut WriteTx, name: &str, holder: &str, now: Moment, seconds: i64) -> Result<bool> {
    let until = now.plus_seconds(seconds);
    let taken = sql("insert into lease (name, holder, held_until) values ($1, $2, $3)
         on conflict (name) do update set holder = excluded.holder, held_until = excluded.held_until
         where lease.holder = excluded.holder or lease.held_until <= $4 or lease.held_until > $3")
    .bind(name)
    .bind(holder)
    .bind(until)
    .bind(now)
    .run(tx)
    .await?;
    Ok(taken == 1)
}

/// Releases a lease if the holder still has it.
pub async fn give_back(tx: &mut WriteTx, name: &str, holder: &str) -> Result<()> {
    sql("update lease set held_until = 0 where name = $1 and holder = $2").bind(name).bind(holder).run(tx).await?;
    Ok(())
}
