//! Who brings the schema up to date: one row with its holder. The lease is short and renewed. It is taken over once it
//! expires, reaches further ahead than any can (a clock was set back), or its holder is known to be dead.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use super::db::{Db, Result, WriteTx, sql, sql_for};
use crate::model::time::Moment;

const LEASE_SECONDS: i64 = 15;

/// A process that migrates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    host: String,
    /// Where its process id is meaningful: this boot of this machine, and this container.
    place: String,
    pid: i64,
    /// Which of the process's migration runs.
    turn: i64,
    since: Moment,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.as_str() {
            "" => f.write_str("another process"),
            host => write!(f, "process {} on {host} (since {})", self.pid, self.since.rfc3339()),
        }
    }
}

impl Holder {
    /// This process, starting now.
    #[must_use]
    pub fn new(since: Moment) -> Holder {
        Holder::of(std::process::id(), since)
    }

    /// A process of this machine.
    #[must_use]
    pub fn of(pid: u32, since: Moment) -> Holder {
        static TURN: AtomicI64 = AtomicI64::new(1);
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        Holder {
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            place: format!("{} {}", boot.trim(), space.display()),
            pid: i64::from(pid),
            turn: TURN.fetch_add(1, Ordering::Relaxed),
            since,
        }
    }

    /// Whether it is known to be dead: it ran on this machine, and no process has its id now.
    fn is_dead(&self, me: &Holder) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
        self.place == me.place
            && self.pid != me.pid
            && pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
    }
}

#[derive(sqlx::FromRow)]
struct LeaseRow {
    held_until: i64,
    host: String,
    place: String,
    pid: i64,
    turn: i64,
    since: i64,
}

/// Takes or renews the lease; returns its holder if that is another one.
pub async fn take(db: &Db, me: &Holder, now: Moment) -> Result<Option<Holder>> {
    if let Err(first) = make(db).await {
        // Two processes that create it at the same moment each fail once.
        tracing::debug!(%first, "the table of the lease was not made");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if let Err(error) = make(db).await {
            return busy_with_another(error, me);
        }
    }
    match try_take(db, me, now).await {
        Err(error) => busy_with_another(error, me),
        taken => taken,
    }
}

/// On SQLite another process's migration also blocks this transaction.
fn busy_with_another(error: super::db::DbError, me: &Holder) -> Result<Option<Holder>> {
    let unknown = Holder { host: String::new(), place: String::new(), pid: 0, turn: 0, since: me.since };
    if error.is_retryable() { Ok(Some(unknown)) } else { Err(error) }
}

async fn try_take(db: &Db, me: &Holder, now: Moment) -> Result<Option<Holder>> {
    let mut tx = db.write().await?;
    let row: LeaseRow = sql("select held_until, host, place, pid, turn, since from migration_lease where id = 1")
        .locked()
        .one(&mut tx)
        .await?;
    let since = Moment(row.since);
    let holder = Holder { host: row.host, place: row.place, pid: row.pid, turn: row.turn, since };
    let is_held = row.held_until > now.0 && row.held_until <= now.plus_seconds(LEASE_SECONDS).0;
    if is_held && holder != *me && !holder.is_dead(me) {
        tx.rollback().await;
        return Ok(Some(holder));
    }
    hold(&mut tx, me, now).await?;
    tx.commit().await?;
    Ok(None)
}

async fn hold(tx: &mut WriteTx, me: &Holder, now: Moment) -> Result<()> {
    sql("update migration_lease set held_until = $1, host = $2, place = $3, pid = $4, turn = $5, since = $6
         where id = 1")
    .bind(now.plus_seconds(LEASE_SECONDS))
    .bind(&me.host)
    .bind(&me.place)
    .bind(me.pid)
    .bind(me.turn)
    .bind(me.since)
    .run(tx)
    .await?;
    Ok(())
}

/// Renews the lease if it is still ours.
pub async fn prolong(db: &Db, me: &Holder, now: Moment) -> Result<()> {
    set_until(db, me, now.plus_seconds(LEASE_SECONDS)).await
}

/// Releases the lease if it is still ours.
pub async fn give_back(db: &Db, me: &Holder) -> Result<()> {
    set_until(db, me, Moment(0)).await
}

async fn set_until(db: &Db, me: &Holder, until: Moment) -> Result<()> {
    let mut tx = db.write().await?;
    sql("update migration_lease set held_until = $1 where place = $2 and pid = $3 and turn = $4")
        .bind(until)
        .bind(&me.place)
        .bind(me.pid)
        .bind(me.turn)
        .run(&mut tx)
        .await?;
    tx.commit().await
}

/// Creates the table, or upgrades that of an older Scrip: it precedes all migrations.
async fn make(db: &Db) -> Result<()> {
    let mut tx = db.write().await?;
    sql("create table if not exists migration_lease (id bigint primary key, held_until bigint not null,
         host text not null default '', place text not null default '', pid bigint not null default 0,
         turn bigint not null default 0, since bigint not null default 0)")
    .run(&mut tx)
    .await?;
    let (columns,): (i64,) = sql_for(
        "select count(*) from pragma_table_info('migration_lease') where name = 'place'",
        "select count(*) from information_schema.columns
         where table_schema = current_schema() and table_name = 'migration_lease' and column_name = 'place'",
    )
    .one(&mut tx)
    .await?;
    if columns == 0 {
        for text in [
            "alter table migration_lease add column host text not null default ''",
            "alter table migration_lease add column place text not null default ''",
            "alter table migration_lease add column pid bigint not null default 0",
            "alter table migration_lease add column turn bigint not null default 0",
            "alter table migration_lease add column since bigint not null default 0",
        ] {
            sql(text).run(&mut tx).await?;
        }
    }
    sql("insert into migration_lease (id, held_until) values (1, 0) on conflict do nothing").run(&mut tx).await?;
    tx.commit().await
}
