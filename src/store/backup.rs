//! Copies of a SQLite database as files: taken while it is in use, with a manifest inside that describes the contents,
//! and checked before use. Nothing here uses one of the portal's own connections.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

/// The header of every SQLite database file.
const MAGIC: &[u8] = b"SQLite format 3\0";
const BUSY_SECONDS_MAX: u64 = 60;

/// Why a file is not a backup, or not a usable one.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("the file cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
    #[error("the file cannot be read or written as a database: {0}")]
    Db(#[from] sqlx::Error),
    #[error("the file is empty")]
    Empty,
    #[error("the file is no SQLite database")]
    NotSqlite,
    #[error("the file is no backup that `scrip backup` wrote: it has no manifest")]
    NoManifest,
    #[error("the file is damaged: {0}")]
    Damaged(String),
    #[error("the copy is not complete: {table} has {found} rows, and its manifest says {said}")]
    Disagrees { table: String, said: i64, found: i64 },
    #[error("the copy was changed after it was made: its last entry is {found}, and its manifest says {said}")]
    AnotherEntry { said: i64, found: i64 },
}

type Result<T> = std::result::Result<T, BackupError>;

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the program that made it.
    pub program: String,
    /// When it was taken, in microseconds: anything later is not in it.
    pub made_at: i64,
    /// The newest migration.
    pub schema: i64,
    /// Check value of the key file that it needs.
    pub key_check: String,
    /// The last history id: transfers and all other events share one sequence.
    pub last_entry: i64,
    /// Whether `scrip verify` found no fault at the time.
    pub is_clean: bool,
    /// Row count of each table.
    pub rows: BTreeMap<String, i64>,
}

async fn open(file: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .busy_timeout(std::time::Duration::from_secs(BUSY_SECONDS_MAX));
    Ok(SqliteConnection::connect_with(&options).await?)
}

/// Copies a database that may be in use, as of one moment.
///
/// # Errors
/// If the new file exists or does not fit on the disk.
pub async fn copy(database: &Path, file: &Path) -> Result<()> {
    let mut connection = open(database).await?;
    sqlx::query("vacuum into $1").bind(file.to_string_lossy().into_owned()).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Writes the manifest into a copy that nobody uses, and turns the copy into a single file.
pub async fn seal(file: &Path, program: &str, made_at: i64, is_clean: bool) -> Result<Manifest> {
    let mut connection = open(file).await?;
    // Otherwise the last writes would stay in a separate WAL file.
    sqlx::query("pragma journal_mode = delete").execute(&mut connection).await?;
    let key_check = text(&mut connection, "select value from setting where name = 'key_check'").await?;
    let manifest = Manifest {
        program: program.to_owned(),
        made_at,
        schema: number(&mut connection, "select coalesce(max(version), 0) from _sqlx_migrations").await?,
        key_check,
        last_entry: last_entry(&mut connection).await?,
        is_clean,
        rows: rows(&mut connection).await?,
    };
    let manifest_text = serde_json::to_string(&manifest).map_err(|e| BackupError::Damaged(e.to_string()))?;
    sqlx::raw_sql("pragma synchronous = full; drop table if exists backup_manifest; create table backup_manifest (manifest text not null) strict")
        .execute(&mut connection)
        .await?;
    sqlx::query("insert into backup_manifest values ($1)").bind(manifest_text).execute(&mut connection).await?;
    connection.close().await?;
    Ok(manifest)
}

/// Checks that a file is a complete backup whose contents match its manifest; returns the manifest.
pub async fn check(file: &Path) -> Result<Manifest> {
    check_head(file)?;
    let mut connection = open(file).await?;
    let checked = check_open(&mut connection).await;
    let _ = connection.close().await;
    checked.map_err(|error| match error {
        // SQLITE_CORRUPT: a malformed page.
        BackupError::Db(sqlx::Error::Database(e)) if e.code().as_deref() == Some("11") => {
            BackupError::Damaged(e.message().to_owned())
        }
        BackupError::Db(sqlx::Error::Database(e)) if e.code().as_deref() == Some("26") => BackupError::NotSqlite,
        error => error,
    })
}

fn check_head(file: &Path) -> Result<()> {
    use std::io::Read as _;
    let mut head = Vec::new();
    std::fs::File::open(file)?.take(MAGIC.len() as u64).read_to_end(&mut head)?;
    match head.as_slice() {
        [] => Err(BackupError::Empty),
        MAGIC => Ok(()),
        _ => Err(BackupError::NotSqlite),
    }
}

async fn check_open(connection: &mut SqliteConnection) -> Result<Manifest> {
    let tables = "select count(*) from sqlite_master where type = 'table' and name = 'backup_manifest'";
    if number(connection, tables).await? == 0 {
        return Err(BackupError::NoManifest);
    }
    let manifest_text = text(connection, "select manifest from backup_manifest").await?;
    let manifest: Manifest =
        serde_json::from_str(&manifest_text).map_err(|e| BackupError::Damaged(format!("its manifest: {e}")))?;
    let found = text(connection, "pragma integrity_check(1)").await?;
    if found != "ok" {
        return Err(BackupError::Damaged(found));
    }
    let rows = rows(connection).await?;
    for table in manifest.rows.keys().chain(rows.keys()) {
        let count = |of: &BTreeMap<String, i64>| of.get(table).copied().unwrap_or(0);
        let (said, found) = (count(&manifest.rows), count(&rows));
        if said != found {
            return Err(BackupError::Disagrees { table: table.clone(), said, found });
        }
    }
    let found = last_entry(connection).await?;
    if found != manifest.last_entry {
        return Err(BackupError::AnotherEntry { said: manifest.last_entry, found });
    }
    Ok(manifest)
}

/// Removes the manifest from a copy that becomes a database again.
pub async fn unseal(file: &Path) -> Result<()> {
    let mut connection = open(file).await?;
    sqlx::query("drop table backup_manifest").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Turns a database that nobody uses into a single file.
pub async fn gather(file: &Path) -> Result<()> {
    let mut connection = open(file).await?;
    sqlx::query("pragma journal_mode = delete").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// What an older database recorded after an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    pub entries: i64,
    /// When it recorded the last of it, in microseconds.
    pub last_at: i64,
}

/// What a database recorded after an entry; `None` if that entry was its last.
pub async fn since(file: &Path, entry: i64) -> Result<Option<Since>> {
    check_head(file)?;
    let options = SqliteConnectOptions::new().filename(file).read_only(true).journal_mode(SqliteJournalMode::Wal);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let row = sqlx::query(
        "select count(*), coalesce(max(at), 0) from
         (select at from transfer where id > $1 union all select at from history where id > $1)",
    )
    .bind(entry)
    .fetch_one(&mut connection)
    .await?;
    let since = Since { entries: row.try_get(0)?, last_at: row.try_get(1)? };
    connection.close().await?;
    Ok(Some(since).filter(|s| s.entries > 0))
}

async fn last_entry(connection: &mut SqliteConnection) -> Result<i64> {
    let text = "select max(coalesce((select max(id) from transfer), 0), coalesce((select max(id) from history), 0))";
    number(connection, text).await
}

/// Row count of each table, without the tables that belong to copying itself.
async fn rows(connection: &mut SqliteConnection) -> Result<BTreeMap<String, i64>> {
    let names: Vec<(String,)> = sqlx::query_as(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite!_%' escape '!'
         and name not in ('backup_manifest', 'migration_lease')",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut rows = BTreeMap::new();
    for (name,) in names {
        // A single quote mark would end the name, so it is doubled.
        let text = format!("select count(*) from \"{}\"", name.replace('"', "\"\""));
        let (count,): (i64,) = sqlx::query_as(AssertSqlSafe(text)).fetch_one(&mut *connection).await?;
        rows.insert(name, count);
    }
    Ok(rows)
}

async fn number(connection: &mut SqliteConnection, text: &'static str) -> Result<i64> {
    let (number,): (i64,) = sqlx::query_as(text).fetch_one(connection).await?;
    Ok(number)
}

async fn text(connection: &mut SqliteConnection, text: &'static str) -> Result<String> {
    let found: Option<(String,)> = sqlx::query_as(text).fetch_optional(connection).await?;
    Ok(found.map_or(String::new(), |row| row.0))
}
