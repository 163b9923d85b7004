//! The application: the state shared by all entry points, and its start.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::cards::Cards;
use crate::clock::{Clock, ClockWatch};
use crate::config::{Config, Database};
use crate::keys::Keys;
use crate::rng::Rng;
use crate::store;
use crate::store::db::Db;
use crate::tasks::Tasks;
use crate::writer::Writer;

/// Each password hash takes a core: a flood of sign-ins must not take all.
const HASHES_AT_ONCE: usize = 2;

/// Everything that a request needs. Clones share it.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub writer: Writer,
    pub clock: Clock,
    /// Whether this process trusts its clock.
    pub clock_watch: Arc<ClockWatch>,
    pub rng: Rng,
    pub keys: Arc<Keys>,
    pub config: Arc<Config>,
    pub hashing: Arc<Semaphore>,
    /// The card provider.
    pub cards: Arc<Cards>,
    /// Notified when a job was added, so that it need not wait for the next poll.
    pub jobs: Arc<tokio::sync::Notify>,
    /// The tasks that live as long as the process.
    pub tasks: Tasks,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data folder {0} cannot be made: {1}")]
    Folder(String, std::io::Error),
    #[error("the database cannot be opened: {0}")]
    Database(#[from] store::db::DbError),
    #[error("{0}")]
    Migrate(#[from] store::migrate::MigrateError),
    #[error("{0}")]
    Keys(#[from] crate::keys::KeyError),
    #[error("card payments cannot be set up: {0}")]
    Cards(#[from] crate::cards::ProviderError),
}

impl App {
    /// Opens the database and the keys, brings the schema up to date, starts the writer.
    pub async fn start(
        config: Config,
        clock: Clock,
        rng: Rng,
    ) -> Result<(App, tokio::task::JoinHandle<()>), StartError> {
        let db = App::open(&config).await?;
        App::start_on(db, config, clock, rng).await
    }

    /// Opens the database that the settings name.
    pub async fn open(config: &Config) -> Result<Db, StartError> {
        make_folder(&config.data)?;
        Ok(match &config.database {
            Database::Sqlite => Db::open_sqlite(&config.data).await?,
            Database::Postgres(url) => Db::open_postgres(url).await?,
        })
    }

    /// Like [`App::start`], on an open database.
    pub async fn start_on(
        db: Db,
        config: Config,
        clock: Clock,
        rng: Rng,
    ) -> Result<(App, tokio::task::JoinHandle<()>), StartError> {
        need_key_file(&db, &config.key_file).await?;
        store::migrate::run(&db, || clock.now()).await?;
        let keys = Keys::open(&config.key_file, &rng)?;
        check_keys(&db, &keys).await?;
        begin_clock(&db, &clock).await?;
        let keys = Arc::new(keys);
        let cards = Arc::new(Cards::new(&config)?);
        let (writer, writing) = Writer::start(db.clone(), keys.clone(), rng.clone(), clock.clone());
        let app = App {
            db,
            writer,
            clock,
            clock_watch: Arc::default(),
            rng,
            keys,
            config: Arc::new(config),
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            cards,
            jobs: Arc::default(),
            tasks: Tasks::default(),
        };
        Ok((app, writing))
    }

    /// The same for export steps, whose reads are separate from those of pages and lists.
    #[must_use]
    pub fn for_exports(&self) -> App {
        App { db: self.db.for_exports(), ..self.clone() }
    }
}

/// Creates the data folder, which only its owner may enter.
///
/// # Errors
/// [`StartError::Folder`].
pub fn make_folder(folder: &std::path::Path) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| StartError::Folder(folder.display().to_string(), e))
}

/// Only a new database may get new keys: an existing one must not be touched without its own.
async fn need_key_file(db: &Db, key_file: &std::path::Path) -> Result<(), StartError> {
    if key_file.exists() || store::migrate::is_new(db).await? {
        return Ok(());
    }
    let mut tx = db.read().await?;
    match store::settings::get(&mut tx, "key_check").await? {
        Some(_) => Err(crate::keys::KeyError::Missing(key_file.display().to_string()).into()),
        None => Ok(()),
    }
}

/// A database remembers the key file that it was created with.
async fn check_keys(db: &Db, keys: &Keys) -> Result<(), StartError> {
    let mut tx = db.read().await?;
    let kept = store::settings::get(&mut tx, "key_check").await?;
    drop(tx);
    if kept.is_some() {
        return if kept == Some(keys.check_value()) { Ok(()) } else { Err(crate::keys::KeyError::WrongKey.into()) };
    }
    let mut tx = db.write().await?;
    store::settings::set_once(&mut tx, "key_check", &keys.check_value()).await?;
    let kept = store::settings::get(&mut tx, "key_check").await?;
    tx.commit().await?;
    if kept == Some(keys.check_value()) { Ok(()) } else { Err(crate::keys::KeyError::WrongKey.into()) }
}

/// A database that was never served accepts the time of its first start.
async fn begin_clock(db: &Db, clock: &Clock) -> Result<(), StartError> {
    let mut tx = db.read().await?;
    let accepted = store::settings::accepted_time(&mut tx).await?;
    drop(tx);
    if accepted.is_none() {
        let mut tx = db.write().await?;
        store::settings::raise_accepted_time(&mut tx, clock.now()).await?;
        tx.commit().await?;
    }
    Ok(())
}
