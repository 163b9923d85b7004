//! Brings the schema up to date; one process at a time, by a lease row that is taken over when its
//! holder died. Each migration is one transaction: a failing one leaves the old state.

use std::time::Duration;

use sqlx::migrate::Migrator;

use super::db::{Db, DbError, sql};
use crate::model::time::Moment;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

const LEASE_SECONDS: i64 = 120;

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("the database refused: {0}")]
    Db(#[from] DbError),
    #[error("a migration failed, the old state stands: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("another process has been migrating this database for two minutes")]
    Busy,
}

/// Runs what is missing. `now` is only for the lease.
///
/// # Errors
/// See [`MigrateError`].
pub async fn run(db: &Db, now: impl Fn() -> Moment) -> Result<(), MigrateError> {
    take_lease(db, &now).await?;
    let outcome = match db {
        Db::Sqlite(db) => migrate(&SQLITE, db.writer_connection().await?.connection()).await,
        Db::Postgres(db) => migrate(&POSTGRES, &mut db.connection_without_limits().await?).await,
    };
    let mut tx = db.write().await?;
    sql("update migration_lease set held_until = 0 where id = 1").run(&mut tx).await?;
    tx.commit().await?;
    Ok(outcome?)
}

/// The texts of PostgreSQL's migrations, in order.
pub(super) fn postgres_texts() -> impl Iterator<Item = &'static str> {
    POSTGRES.iter().map(|migration| migration.sql.as_str())
}

/// The triggers that SQLite's migrations make: table, name, text.
pub(super) async fn sqlite_triggers() -> Result<Vec<(String, String, String)>, DbError> {
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    let failed = |error| DbError::from(sqlx::Error::Migrate(Box::new(error)));
    unlocked(&SQLITE).run(&pool).await.map_err(failed)?;
    let triggers = "select tbl_name, name, sql from sqlite_master where type = 'trigger'";
    let found = sqlx::query_as(triggers).fetch_all(&pool).await?;
    pool.close().await;
    Ok(found)
}

async fn migrate(
    migrator: &Migrator,
    connection: &mut impl sqlx::migrate::Migrate,
) -> Result<(), sqlx::migrate::MigrateError> {
    unlocked(migrator).run_direct(None, connection, false).await
}

/// sqlx locks with advisory locks, which some databases that speak PostgreSQL's protocol lack.
fn unlocked(migrator: &Migrator) -> Migrator {
    let mut migrator = Migrator::with_migrations(migrator.iter().cloned().collect());
    migrator.set_locking(false);
    migrator
}

async fn take_lease(db: &Db, now: &impl Fn() -> Moment) -> Result<(), MigrateError> {
    // Two processes that make the table at the same moment may refuse one another once.
    if let Err(error) = make_lease(db).await
        && !error.is_unique_violation()
    {
        return Err(error.into());
    }
    for _ in 0..LEASE_SECONDS * 10 {
        let mut tx = db.write().await?;
        let taken = sql("update migration_lease set held_until = $1 where id = 1 and held_until < $2")
            .bind(now().plus_seconds(LEASE_SECONDS))
            .bind(now())
            .run(&mut tx)
            .await?;
        tx.commit().await?;
        if taken == 1 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(MigrateError::Busy)
}

async fn make_lease(db: &Db) -> Result<(), DbError> {
    let mut tx = db.write().await?;
    sql("create table if not exists migration_lease (id bigint primary key, held_until bigint not null)")
        .run(&mut tx)
        .await?;
    sql("insert into migration_lease (id, held_until) values (1, 0) on conflict do nothing")
        .run(&mut tx)
        .await?;
    tx.commit().await
}
