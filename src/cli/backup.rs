//! `scrip backup` and `scrip restore`: a consistent copy of a running SQLite database, and back. Both work under a
//! temporary name, check the result, make it durable and only then give it its name: a failure leaves nothing behind.
//! The key file is included only if wrapped with a passphrase.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use tempfile::{TempDir, TempPath};

use super::{CliResult, verify};
use crate::app::App;
use crate::config::{Config, Database};
use crate::keys::{Keys, Wrapped};
use crate::model::amount::grouped;
use crate::model::time::Moment;
use crate::ops::console;
use crate::private;
use crate::rng::Rng;
use crate::store::backup::{self, Manifest};
use crate::store::db::Db;
use crate::store::migrate;

#[derive(Args)]
pub struct Backup {
    /// The file to write; it must not exist yet.
    file: PathBuf,
    /// A file with a passphrase: the key file is encrypted with it and written beside the backup as FILE.key.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

#[derive(Args)]
pub struct Restore {
    /// A file that `scrip backup` wrote.
    file: PathBuf,
    /// The file with the passphrase that FILE.key was encrypted with.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// The database that the backup replaces, such as scrip.db.broken: counts what is lost since the backup.
    #[arg(long)]
    replaces: Option<PathBuf>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn key_copy(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

fn passphrase(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("passphrase file {}: {e}", file.display()))?;
    let text = text.trim_end_matches(['\r', '\n']).to_owned();
    if text.chars().count() < 15 { Err("the passphrase needs 15 characters or more".into()) } else { Ok(text) }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A folder beside a file for unfinished work; dropping it deletes its contents.
fn workplace(folder: &Path) -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix(".scrip-unfinished-").tempdir_in(folder);
    Ok(made.map_err(|e| format!("{}: {e}", folder.display()))?)
}

/// Gives a finished file its name unless that is taken, and makes both durable.
fn finish(made: &Path, file: &Path) -> Result<(), Failure> {
    private::close(made);
    let named = |e: std::io::Error| format!("{}: {e}", file.display());
    std::fs::File::open(made).and_then(|f| f.sync_all()).map_err(named)?;
    TempPath::try_from_path(made)?.persist_noclobber(file).map_err(|e| named(e.error))?;
    std::fs::File::open(folder_of(file)).and_then(|folder| folder.sync_all()).map_err(named)?;
    Ok(())
}

pub async fn back_up(config: Config, backup: Backup) -> CliResult {
    let passphrase = backup.passphrase_file.as_deref().map(passphrase).transpose()?;
    for file in [&backup.file, &key_copy(&backup.file)] {
        if file.exists() {
            return Err(format!("{} exists already", file.display()).into());
        }
    }
    let key_file = config.key_file.clone();
    let (app, _) = super::start(config).await?;
    let Db::Sqlite(sqlite) = &app.db else {
        return Err("this copies SQLite databases; for PostgreSQL use pg_dump".into());
    };
    let work = workplace(folder_of(&backup.file))?;
    let copy = work.path().join("scrip.db");
    let made_at = app.clock.now();
    backup::copy(&sqlite.file, &copy).await?;
    app.db.close().await;
    println!("Verifying the copy");
    let db = Db::open_sqlite(work.path()).await?;
    let is_clean = verify::check(&db, &app.keys).await;
    db.close().await;
    let is_clean = is_clean?;
    let manifest = backup::seal(&copy, env!("CARGO_PKG_VERSION"), made_at.0, is_clean).await?;
    if backup::check(&copy).await? != manifest {
        return Err("the copy does not hold what was written".into());
    }
    if let Some(passphrase) = passphrase {
        let wrapped = Wrapped::wrap(&std::fs::read_to_string(&key_file)?, &passphrase, &Rng::System)?;
        let key = work.path().join("wrapped.key");
        private::write(&key, wrapped.as_bytes())?;
        finish(&key, &key_copy(&backup.file))?;
    }
    if let Err(error) = finish(&copy, &backup.file) {
        let _ = std::fs::remove_file(key_copy(&backup.file));
        return Err(error);
    }
    let rows = grouped(manifest.rows.values().sum());
    println!("{} holds all as of {}: {rows} rows", backup.file.display(), made_at.exact());
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub async fn restore(config: Config, restore: Restore) -> CliResult {
    if config.database != Database::Sqlite {
        return Err("this restores SQLite databases; for PostgreSQL use pg_restore".into());
    }
    let target = config.data.join("scrip.db");
    for file in [&target, &target.with_extension("db-wal")] {
        if std::fs::metadata(file).is_ok_and(|m| m.len() > 0) {
            return Err(format!("{} exists: restore into an empty data folder", file.display()).into());
        }
    }
    let is_new = !config.data.exists();
    crate::app::make_folder(&config.data)?;
    let outcome = restore_into(&config, &restore, &target).await;
    if outcome.is_err() && is_new {
        // Fails if somebody else has put anything there meanwhile.
        let _ = std::fs::remove_dir(&config.data);
    }
    outcome
}

async fn restore_into(config: &Config, restore: &Restore, target: &Path) -> CliResult {
    let work = workplace(&config.data)?;
    let copy = work.path().join("scrip.db");
    write_copy(&restore.file, &copy).map_err(|e| format!("{}: {e}", restore.file.display()))?;
    let manifest = backup::check(&copy).await.map_err(|error| format!("{}: {error}", restore.file.display()))?;
    let known = migrate::version_known();
    if manifest.schema > known {
        return Err(migrate::MigrateError::Newer { found: manifest.schema, known }.into());
    }
    let key_text = key_text(config, restore)?;
    let keys = Keys::parse(&key_text)?;
    if keys.check_value() != manifest.key_check {
        return Err(crate::keys::KeyError::WrongKey.into());
    }
    backup::unseal(&copy).await?;
    let key_file = work.path().join("scrip.key");
    private::write(&key_file, key_text.as_bytes())?;
    let forgotten = forgotten(&manifest, restore.replaces.as_deref()).await?;
    let staged = Config { data: work.path().to_owned(), key_file: key_file.clone(), ..config.clone() };
    let is_clean = look_at(staged, &manifest, &forgotten).await?;
    if !is_clean && manifest.is_clean {
        return Err("the copy was changed after it was made: nothing is restored".into());
    }
    backup::gather(&copy).await?;
    put(&key_file, &copy, config, target)?;
    println!("\nRESTORED to {}. {forgotten}", Moment(manifest.made_at).exact());
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write_copy(from: &Path, to: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    std::io::copy(&mut std::fs::File::open(from)?, &mut out)?;
    out.sync_all()
}

/// The text of the key file: the existing one, or the wrapped one beside the backup.
fn key_text(config: &Config, restore: &Restore) -> Result<String, Failure> {
    let place = config.key_file.display();
    let wrapped = match &restore.passphrase_file {
        Some(file) => {
            let copy = key_copy(&restore.file);
            let text = std::fs::read_to_string(&copy).map_err(|e| format!("{}: {e}", copy.display()))?;
            Some(Wrapped::unwrap(&text, &passphrase(file)?)?)
        }
        None => None,
    };
    let existing = config.key_file.exists().then(|| private::read(&config.key_file)).transpose()?;
    match (wrapped, existing) {
        (Some(wrapped), Some(existing)) if wrapped.trim() != existing.trim() => {
            Err(format!("{place} exists and is another key file than the one beside the backup").into())
        }
        (Some(text), _) | (None, Some(text)) => Ok(text),
        (None, None) => Err(format!("put the key file at {place} first, or give --passphrase-file").into()),
    }
}

/// What a restore loses, in words.
async fn forgotten(manifest: &Manifest, replaces: Option<&Path>) -> Result<String, Failure> {
    let period = match replaces {
        None => "What happened later is not in it".to_owned(),
        Some(file) => {
            let since = backup::since(file, manifest.last_entry).await;
            match since.map_err(|error| format!("{}: {error}", file.display()))? {
                None => return Ok(format!("{} did nothing later.", file.display())),
                Some(since) => format!(
                    "{} entries from then until {} are not in it",
                    grouped(since.entries),
                    Moment(since.last_at).exact()
                ),
            }
        }
    };
    Ok(format!(
        "{period}: codes used since can be used again, moves, orders and payments since are gone, numbers of invoices \
         since are given again, and passwords, tokens and roles are as they were."
    ))
}

/// Starts on the copy, which upgrades its schema; records the restore in its history, and verifies it.
async fn look_at(config: Config, manifest: &Manifest, forgotten: &str) -> Result<bool, Failure> {
    let (app, _): (App, _) = super::start(config).await?;
    let when = Moment(manifest.made_at).exact();
    let noted = console::note_restored(&app, &format!("To {when}. {forgotten}")).await;
    let is_clean = match noted {
        Ok(()) => verify::check(&app.db, &app.keys).await.map_err(Failure::from),
        Err(error) => Err(error.into()),
    };
    app.db.close().await;
    is_clean
}

/// Gives the finished files their names: the key first, without which the database is worthless.
fn put(key_file: &Path, copy: &Path, config: &Config, target: &Path) -> Result<(), Failure> {
    let is_new_key = !config.key_file.exists();
    if is_new_key {
        finish(key_file, &config.key_file)?;
    }
    // An empty database: its contents were checked before.
    let _ = std::fs::remove_file(target);
    let _ = std::fs::remove_file(target.with_extension("db-wal"));
    if let Err(error) = finish(copy, target) {
        if is_new_key {
            let _ = std::fs::remove_file(&config.key_file);
        }
        return Err(error);
    }
    Ok(())
}
