//! The application: what every door is given, and the way that acts are written.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::keys::Keys;
use crate::model::ledger::Fingerprint;
use crate::model::time::Moment;
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult, Reason, refuse};
use crate::rng::Rng;
use crate::store;
use crate::store::audit::NewHistory;
use crate::store::db::{Db, Tx};
use crate::store::operations::Stored;
use crate::writer::Writer;

/// Password hashing takes a core each: a flood of sign-ins must not take all.
const HASHES_AT_ONCE: usize = 2;
const TRIES_MAX: usize = 8;

/// Everything that a request needs. Clones share it.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub writer: Writer,
    pub clock: Clock,
    pub rng: Rng,
    pub keys: Arc<Keys>,
    pub config: Arc<Config>,
    pub hashing: Arc<Semaphore>,
    /// Rung when a job was written, so that it need not wait for the next look.
    pub jobs: Arc<tokio::sync::Notify>,
}

/// Why the application could not start.
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
}

/// An act under way: its transaction, and what is written beside it.
pub struct Act {
    pub tx: Tx,
    pub now: Moment,
    history: Vec<NewHistory>,
    has_jobs: bool,
}

impl Act {
    /// Notes what happened, for the history.
    pub fn note(&mut self, entry: NewHistory) {
        self.history.push(entry);
    }

    /// Writes a job that runs after the commit.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn job(&mut self, job: &crate::jobs::Job) -> OpResult<()> {
        store::jobs::add(&mut self.tx, job, self.now).await?;
        self.has_jobs = true;
        Ok(())
    }
}

impl App {
    /// Opens the database and the keys, brings the schema up to date, starts the writer.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        config: Config,
        clock: Clock,
        rng: Rng,
    ) -> Result<(App, tokio::task::JoinHandle<()>), StartError> {
        make_folder(&config.data)?;
        let db = match &config.database {
            Database::Sqlite => Db::open_sqlite(&config.data).await?,
            Database::Postgres(url) => Db::open_postgres(url).await?,
        };
        store::migrate::run(&db, || clock.now()).await?;
        let keys = Keys::open(&config.key_file, &rng)?;
        check_keys(&db, &keys).await?;
        let keys = Arc::new(keys);
        let (writer, writing) = Writer::start(db.clone(), keys.clone(), rng.clone());
        let app = App {
            db,
            writer,
            clock,
            rng,
            keys,
            config: Arc::new(config),
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            jobs: Arc::default(),
        };
        Ok((app, writing))
    }

    /// Runs an act in one transaction with its history rows and jobs, and answers after the
    /// commit. Tried again where two processes met.
    ///
    /// # Errors
    /// Whatever the act or the database says; then nothing has changed.
    pub async fn act<T>(&self, run: impl AsyncFn(&mut Act) -> OpResult<T>) -> OpResult<T> {
        let mut tries = 1;
        loop {
            match self.try_act(&run).await {
                Err(OpError::Collision) if tries < TRIES_MAX => tries += 1,
                outcome => return outcome,
            }
        }
    }

    async fn try_act<T>(&self, run: &impl AsyncFn(&mut Act) -> OpResult<T>) -> OpResult<T> {
        let mut act =
            Act { tx: self.db.write().await?, now: self.clock.now(), history: Vec::new(), has_jobs: false };
        let value = run(&mut act).await?;
        store::audit::add(&mut act.tx, &act.history, act.now).await?;
        act.tx.commit().await?;
        if act.has_jobs {
            self.jobs.notify_one();
        }
        Ok(value)
    }

    /// Runs an act of somebody once: a second request with the same key gets the first result.
    /// `request` is the canonical form that tells a retry from another request.
    ///
    /// # Errors
    /// As [`App::act`]; also when the key was used for another request.
    pub async fn act_once(
        &self,
        actor: &Actor,
        key: &str,
        verb: &'static str,
        request: &str,
        run: impl AsyncFn(&mut Act) -> OpResult<String>,
    ) -> OpResult<String> {
        let fingerprint = self.keys.fingerprint(&format!("{verb}\n{request}"));
        self.act(async |act| {
            if let Some(stored) = store::operations::find(&mut act.tx, actor.user_id, key).await? {
                return replay(stored, fingerprint);
            }
            let result = run(act).await?;
            let stored = Stored { fingerprint, verb: verb.into(), result: result.clone() };
            store::operations::add(&mut act.tx, actor.user_id, key, &stored, act.now).await?;
            Ok(result)
        })
        .await
    }
}

fn replay(stored: Stored, fingerprint: Fingerprint) -> OpResult<String> {
    if stored.fingerprint == fingerprint { Ok(stored.result) } else { refuse("", Reason::KeyReused) }
}

fn make_folder(folder: &std::path::Path) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| StartError::Folder(folder.display().to_string(), e))
}

/// A database knows the key file that it was made with.
async fn check_keys(db: &Db, keys: &Keys) -> Result<(), StartError> {
    let mut tx = db.write().await?;
    store::settings::set_once(&mut tx, "key_check", &keys.check_value()).await?;
    let kept = store::settings::get(&mut tx, "key_check").await?;
    tx.commit().await?;
    if kept == Some(keys.check_value()) { Ok(()) } else { Err(crate::keys::KeyError::WrongKey.into()) }
}
