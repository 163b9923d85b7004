//! `scrip backup` and `scrip restore`: a consistent copy of a running SQLite database, and back.
//! The key file goes along only when it is wrapped with a passphrase.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::{CliResult, verify};
use crate::config::Config;
use crate::keys::{Wrapped, write_private};
use crate::rng::Rng;
use crate::store::db::Db;

#[derive(Args)]
pub struct Backup {
    /// The file to write; it must not exist yet.
    file: PathBuf,
    /// A file whose text wraps the key file, which is then written beside the backup as FILE.key.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

#[derive(Args)]
pub struct Restore {
    /// A file that `scrip backup` wrote.
    file: PathBuf,
    /// The file with the passphrase that wraps FILE.key.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

fn key_copy(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

fn passphrase(file: &Path) -> Result<String, String> {
    let text =
        std::fs::read_to_string(file).map_err(|e| format!("passphrase file {}: {e}", file.display()))?;
    let text = text.trim_end_matches(['\r', '\n']).to_owned();
    if text.chars().count() < 15 {
        Err("the passphrase needs 15 characters or more".into())
    } else {
        Ok(text)
    }
}

pub async fn back_up(config: Config, backup: Backup) -> CliResult {
    let passphrase = backup.passphrase_file.as_deref().map(passphrase).transpose()?;
    let key_file = config.key_file.clone();
    let (app, _) = super::start(config).await?;
    let Db::Sqlite(sqlite) = &app.db else {
        return Err("this copies SQLite databases; for PostgreSQL use pg_dump".into());
    };
    // Made empty and private first, so that the copy is never readable to others.
    write_private(&backup.file, b"").map_err(|e| format!("{}: {e}", backup.file.display()))?;
    sqlite.copy_into(&backup.file).await?;
    std::fs::File::open(&backup.file)?.sync_all()?;
    if let Some(passphrase) = passphrase {
        let wrapped = Wrapped::wrap(&std::fs::read_to_string(&key_file)?, &passphrase, &Rng::System)?;
        write_private(&key_copy(&backup.file), wrapped.as_bytes())?;
    }
    let keys = app.keys.clone();
    app.db.close().await;
    println!("Verifying {}", backup.file.display());
    let folder = tempfile::tempdir()?;
    std::fs::copy(&backup.file, folder.path().join("scrip.db"))?;
    let copy = Db::open_sqlite(folder.path()).await?;
    let is_clean = verify::check(&copy, &keys).await?;
    copy.close().await;
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub async fn restore(config: Config, restore: Restore) -> CliResult {
    let target = config.data.join("scrip.db");
    if target.exists() || target.with_extension("db-wal").exists() {
        return Err(format!("{} exists: restore into an empty data folder", target.display()).into());
    }
    crate::app::make_folder(&config.data)?;
    if let Some(file) = &restore.passphrase_file {
        let text = std::fs::read_to_string(key_copy(&restore.file))?;
        let keys = Wrapped::unwrap(&text, &passphrase(file)?)?;
        write_private(&config.key_file, keys.as_bytes())
            .map_err(|e| format!("{}: {e}", config.key_file.display()))?;
    } else if !config.key_file.exists() {
        return Err(format!(
            "put the key file at {} first, or give --passphrase-file",
            config.key_file.display()
        )
        .into());
    }
    write_private(&target, &std::fs::read(&restore.file)?)?;
    let (app, _) = super::start(config).await?;
    let is_clean = verify::check(&app.db, &app.keys).await?;
    app.db.close().await;
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
