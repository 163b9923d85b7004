//! Brings the schema up to date; a lease row lets one process at a time do it. An up-to-date schema is only read. Each
//! migration is one transaction, so a failing one leaves the old state.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::migrate::Migrator;

use super::db::{Db, DbError, sql, sql_for};
use super::migration_lease::{self, Holder};
use crate::model::time::Moment;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a start waits for another process that migrates.
const WAIT_SECONDS_MAX: u64 = 120;
const LOOK_EVERY_MILLISECONDS: u64 = 100;
const PROLONG_EVERY_SECONDS: u64 = 4;

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("the database refused: {0}")]
    Db(#[from] DbError),
    #[error("a migration failed, the old state stands: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error(
        "this database was made by a newer Scrip (its schema is {found}, this program knows {known}): update the program"
    )]
    Newer { found: i64, known: i64 },
    #[error("{0} has been migrating this database for two minutes: look what became of it, then start again")]
    Busy(Holder),
}

fn migrator(db: &Db) -> &'static Migrator {
    match db {
        Db::Sqlite(_) => &SQLITE,
        Db::Postgres(_) => &POSTGRES,
    }
}

/// PostgreSQL's migrations, in order.
pub(super) fn postgres_texts() -> impl Iterator<Item = &'static str> {
    POSTGRES.iter().map(|migration| migration.sql.as_str())
}

/// The triggers that SQLite's migrations create: table, name, text.
pub(super) async fn sqlite_triggers() -> Result<Vec<(String, String, String)>, DbError> {
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    let failed = |error| DbError::from(sqlx::Error::Migrate(Box::new(error)));
    up_to(&SQLITE, i64::MAX).run(&pool).await.map_err(failed)?;
    let triggers = "select tbl_name, name, sql from sqlite_master where type = 'trigger'";
    let found = sqlx::query_as(triggers).fetch_all(&pool).await?;
    pool.close().await;
    Ok(found)
}

/// The schema version that this program creates.
#[must_use]
pub fn version_known() -> i64 {
    // The same for both databases.
    SQLITE.iter().map(|m| m.version).max().unwrap_or(0)
}

/// Runs the missing migrations. `now` is only for the lease.
pub async fn run(db: &Db, now: impl Fn() -> Moment) -> Result<(), MigrateError> {
    let me = Holder::new(now());
    let until = tokio::time::Instant::now() + Duration::from_secs(WAIT_SECONDS_MAX);
    let mut waiting_for = None;
    let mut has_lease = false;
    while let Some(next) = next_missing(db).await? {
        match migration_lease::take(db, &me, now()).await? {
            None => {
                has_lease = true;
                run_one(db, next, &me, &now).await?;
            }
            Some(other) => {
                has_lease = false;
                if tokio::time::Instant::now() > until {
                    return Err(MigrateError::Busy(other));
                }
                if waiting_for.as_ref() != Some(&other) {
                    tracing::info!(holder = %other, "waiting for another process that migrates this database");
                    waiting_for = Some(other);
                }
                tokio::time::sleep(Duration::from_millis(LOOK_EVERY_MILLISECONDS)).await;
            }
        }
    }
    if has_lease {
        migration_lease::give_back(db, &me).await?;
    }
    Ok(())
}

/// Runs one migration and renews the lease meanwhile; otherwise another process would take over.
async fn run_one(db: &Db, version: i64, me: &Holder, now: &impl Fn() -> Moment) -> Result<(), MigrateError> {
    let prolong = async {
        loop {
            tokio::time::sleep(Duration::from_secs(PROLONG_EVERY_SECONDS)).await;
            // On SQLite a migration holds the only writer, so nobody else can take the lease either.
            if let Err(error) = migration_lease::prolong(db, me, now()).await {
                tracing::debug!(%error, "the lease for migrating was not prolonged");
            }
        }
    };
    let outcome = tokio::select! {
        outcome = migrate_to(db, version) => outcome,
        () = prolong => unreachable!("it goes on for ever"),
    };
    if outcome.is_err() {
        migration_lease::give_back(db, me).await?;
    }
    outcome
}

async fn migrate_to(db: &Db, version: i64) -> Result<(), MigrateError> {
    let migrator = up_to(migrator(db), version);
    match db {
        Db::Sqlite(db) => {
            migrator.run_direct(None, db.writer_connection().await?.connection(), false).await?;
        }
        Db::Postgres(db) => {
            migrator.run_direct(None, &mut db.connection_without_limits().await?, false).await?;
        }
    }
    Ok(())
}

fn up_to(all: &Migrator, version: i64) -> Migrator {
    let mut migrator = Migrator::with_migrations(all.iter().filter(|m| m.version <= version).cloned().collect());
    // sqlx would use advisory locks, which some databases that speak PostgreSQL's protocol lack.
    migrator.set_locking(false);
    // Migrations newer than these were checked before.
    migrator.set_ignore_missing(true);
    migrator
}

/// The first migration that the database lacks or has in another form; sqlx reports what is wrong with the latter.
async fn next_missing(db: &Db) -> Result<Option<i64>, MigrateError> {
    let applied = applied(db).await?;
    let known = version_known();
    if let Some(found) = applied.keys().copied().max().filter(|found| *found > known) {
        return Err(MigrateError::Newer { found, known });
    }
    let is_missing =
        |m: &&sqlx::migrate::Migration| applied.get(&m.version).is_none_or(|checksum| *checksum != *m.checksum);
    Ok(migrator(db).iter().find(is_missing).map(|m| m.version))
}

/// Whether no migration has ever run here.
pub async fn is_new(db: &Db) -> Result<bool, DbError> {
    Ok(applied(db).await?.is_empty())
}

/// The database's migrations, with their checksums.
async fn applied(db: &Db) -> Result<BTreeMap<i64, Vec<u8>>, DbError> {
    let mut tx = db.read().await?;
    let (tables,): (i64,) = sql_for(
        "select count(*) from sqlite_master where type = 'table' and name = '_sqlx_migrations'",
        "select count(*) from information_schema.tables
         where table_schema = current_schema() and table_name = '_sqlx_migrations'",
    )
    .one(&mut tx)
    .await?;
    if tables == 0 {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(i64, Vec<u8>)> =
        sql("select version, checksum from _sqlx_migrations where success").all(&mut tx).await?;
    Ok(rows.into_iter().collect())
}
