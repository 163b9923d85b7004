//! Copies of a SQLite database as files: made while it is in use, with a manifest inside that says what is in it, and
//! looked at before one is believed. Nothing here takes a connection of the portal's own.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

/// What every SQLite database begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";
const BUSY_SECONDS_MAX: u64 = 60;

/// Why a file is no backup, or none that can be used.
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
    #[error(
        "the copy was changed after it was made: its last entry is {found}, and its manifest says {said}"
    )]
    AnotherEntry { said: i64, found: i64 },
}

type Result<T> = std::result::Result<T, BackupError>;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the program that made it.
    pub program: String,
    /// When, in microseconds: what happened later is not in it.
    pub made_at: i64,
    /// The newest migration.
    pub schema: i64,
    /// Which key file it needs.
    pub key_check: String,
    /// The latest entry of the history: transfers and all else are numbered together.
    pub last_entry: i64,
    /// Whether `scrip verify` found nothing wrong then.
    pub is_clean: bool,
    /// How many rows each table has.
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
/// When the new file exists, or there is no room for it.
pub async fn copy(database: &Path, file: &Path) -> Result<()> {
    let mut connection = open(database).await?;
    sqlx::query("vacuum into $1").bind(file.to_string_lossy().into_owned()).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Writes the manifest into a copy that nobody uses, and makes one file of it.
pub async fn seal(file: &Path, program: &str, made_at: i64, is_clean: bool) -> Result<Manifest> {
    let mut connection = open(file).await?;
    // Without it, what is written last would stay in a second file.
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
    let told = serde_json::to_string(&manifest).map_err(|e| BackupError::Damaged(e.to_string()))?;
    sqlx::raw_sql("pragma synchronous = full; drop table if exists backup_manifest; create table backup_manifest (manifest text not null) strict")
        .execute(&mut connection)
        .await?;
    sqlx::query("insert into backup_manifest values ($1)").bind(told).execute(&mut connection).await?;
    connection.close().await?;
    Ok(manifest)
}

/// Looks at a file: gives its manifest where it is a whole backup, and what it holds is what that says.
///
/// # Errors
/// See [`BackupError`].
pub async fn check(file: &Path) -> Result<Manifest> {
    check_head(file)?;
    let mut connection = open(file).await?;
    let checked = check_open(&mut connection).await;
    let _ = connection.close().await;
    checked.map_err(|error| match error {
        // A page that is none.
        BackupError::Db(sqlx::Error::Database(e)) if e.code().as_deref() == Some("11") => {
            BackupError::Damaged(e.message().to_owned())
        }
        BackupError::Db(sqlx::Error::Database(e)) if e.code().as_deref() == Some("26") => {
            BackupError::NotSqlite
        }
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
    let told = text(connection, "select manifest from backup_manifest").await?;
    let manifest: Manifest =
        serde_json::from_str(&told).map_err(|e| BackupError::Damaged(format!("its manifest: {e}")))?;
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

/// Takes the manifest out of a copy that becomes a database again.
pub async fn unseal(file: &Path) -> Result<()> {
    let mut connection = open(file).await?;
    sqlx::query("drop table backup_manifest").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Makes one file of a database that nobody uses.
pub async fn gather(file: &Path) -> Result<()> {
    let mut connection = open(file).await?;
    sqlx::query("pragma journal_mode = delete").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// What an older database did after an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    pub entries: i64,
    /// When it did the last of it, in microseconds.
    pub last_at: i64,
}

/// What a database did after an entry; `None` where that was its last.
pub async fn since(file: &Path, entry: i64) -> Result<Option<Since>> {
    check_head(file)?;
    let options =
        SqliteConnectOptions::new().filename(file).read_only(true).journal_mode(SqliteJournalMode::Wal);
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
    let text =
        "select max(coalesce((select max(id) from transfer), 0), coalesce((select max(id) from history), 0))";
    number(connection, text).await
}

/// How many rows each table has, but for what belongs to the copying.
async fn rows(connection: &mut SqliteConnection) -> Result<BTreeMap<String, i64>> {
    let names: Vec<(String,)> = sqlx::query_as(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite!_%' escape '!'
         and name not in ('backup_manifest', 'migration_lease')",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut rows = BTreeMap::new();
    for (name,) in names {
        // A quote ends the name where it is not doubled.
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
