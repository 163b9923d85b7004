//! The application: what every door is given, and the way that acts are written.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::clock::{Clock, ClockWatch};
use crate::config::{Config, Database};
use crate::keys::Keys;
use crate::model::ledger::Fingerprint;
use crate::model::time::Moment;
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult, Reason, refuse};
use crate::payments::Cards;
use crate::rng::Rng;
use crate::store;
use crate::store::audit::NewHistory;
use crate::store::db::{Db, Tx};
use crate::store::operations::{Stored, Use};
use crate::store::tries::Tries;
use crate::tasks::Tasks;
use crate::writer::Writer;

/// Password hashing takes a core each: a flood of sign-ins must not take all.
const HASHES_AT_ONCE: usize = 2;

/// Everything that a request needs. Clones share it.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub writer: Writer,
    pub clock: Clock,
    /// Whether this process believes its clock.
    pub clock_watch: Arc<ClockWatch>,
    pub rng: Rng,
    pub keys: Arc<Keys>,
    pub config: Arc<Config>,
    pub hashing: Arc<Semaphore>,
    /// Who takes payments by card.
    pub cards: Arc<Cards>,
    /// Rung when a job was written, so that it need not wait for the next look.
    pub jobs: Arc<tokio::sync::Notify>,
    /// What runs as long as the process does.
    pub tasks: Tasks,
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
    #[error("card payments cannot be set up: {0}")]
    Cards(#[from] crate::payments::ProviderError),
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

    /// Says that a job which was there before is due now.
    pub fn has_due_jobs(&mut self) {
        self.has_jobs = true;
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
        let db = App::open(&config).await?;
        App::start_on(db, config, clock, rng).await
    }

    /// Opens the database that the settings name.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn open(config: &Config) -> Result<Db, StartError> {
        make_folder(&config.data)?;
        Ok(match &config.database {
            Database::Sqlite => Db::open_sqlite(&config.data).await?,
            Database::Postgres(url) => Db::open_postgres(url).await?,
        })
    }

    /// As [`App::start`], on a database that is open.
    ///
    /// # Errors
    /// See [`StartError`].
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

    /// The same, but what it reads is a step of an export, apart from what pages and lists read.
    #[must_use]
    pub fn for_exports(&self) -> App {
        App { db: self.db.for_exports(), ..self.clone() }
    }

    /// Begins a try of an act: see [`act!`].
    ///
    /// # Errors
    /// When the database gives no transaction.
    pub async fn begin(&self, tries: &Tries) -> OpResult<Act> {
        if tries.is_settling() {
            store::settings::settle(&self.db, self.clock.now(), tries.deadline()).await?;
        }
        let tx = self.db.write_until(tries.deadline()).await?;
        Ok(Act { tx, now: self.clock.now(), history: Vec::new(), has_jobs: false })
    }

    /// Ends an act: with its history rows and its jobs it is committed, or all of it undone.
    ///
    /// # Errors
    /// The act's own; then nothing has changed. [`OpError::OutcomeUnknown`] where the commit was not answered.
    pub async fn end<T>(&self, mut act: Act, outcome: OpResult<T>) -> OpResult<T> {
        let value = match outcome {
            Ok(value) => value,
            Err(error) => {
                act.tx.rollback().await;
                return Err(error);
            }
        };
        store::audit::add(&mut act.tx, &self.keys, &act.history, act.now).await?;
        act.tx.commit().await?;
        if act.has_jobs {
            self.jobs.notify_waiters();
        }
        Ok(value)
    }
}

/// Runs an act: one transaction with its history rows and its jobs, answered after the commit, and
/// tried again where it has not happened and may succeed. (A macro and no function: a closure that borrows would
/// make the future one that cannot be sent between threads.)
macro_rules! act {
    ($app:expr, $act:ident => $body:block) => {
        $crate::app::act!($crate::app::Repeat::IfNotDone, $app, $act => $body)
    };
    ($repeat:expr, $app:expr, $act:ident => $body:block) => {{
        let mut tries = $crate::store::tries::Tries::begin();
        loop {
            let outcome = match $app.begin(&tries).await {
                Ok(mut begun) => {
                    let outcome: $crate::ops::error::OpResult<_> = {
                        let $act = &mut begun;
                        async { $body }.await
                    };
                    $app.end(begun, outcome).await
                }
                Err(error) => Err(error),
            };
            match $crate::app::judge($repeat, &mut tries, &$app.rng, outcome).await {
                Some(outcome) => break outcome,
                None => continue,
            }
        }
    }};
}
pub(crate) use act;

/// When an act is run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// When it is certain that it has not happened.
    IfNotDone,
    /// Also when its outcome is unknown: its operation's id shows what has happened.
    UntilKnown,
}

/// What to answer after a try of an act, or `None` after a wait, when there is to be another.
pub async fn judge<T>(
    repeat: Repeat,
    tries: &mut Tries,
    rng: &Rng,
    outcome: OpResult<T>,
) -> Option<OpResult<T>> {
    let is_again = match &outcome {
        Err(OpError::Collision) => true,
        Err(OpError::OutcomeUnknown) => {
            tries.note_outcome_unknown();
            repeat == Repeat::UntilKnown
        }
        _ => false,
    };
    if is_again && tries.wait(rng).await {
        return None;
    }
    let is_uncertain =
        matches!(outcome, Err(OpError::Collision | OpError::Unavailable | OpError::Internal(_)));
    Some(if tries.is_settling() && is_uncertain { Err(OpError::OutcomeUnknown) } else { outcome })
}

/// Runs an act of somebody once: a second request with the same key gets the first result. `request`
/// is the canonical form that tells a retry from another request.
macro_rules! act_once {
    ($app:expr, $actor:expr, $key:expr, $verb:literal, $request:expr, $act:ident => $body:block) => {{
        let fingerprint = $app.keys.fingerprint(&format!("{}\n{}", $verb, $request));
        $crate::app::act!($crate::app::Repeat::UntilKnown, $app, $act => {
            if let Some(first) = $crate::app::replay($act, $actor, $key, fingerprint).await? {
                return Ok(first);
            }
            let result: $crate::ops::error::OpResult<String> = async { $body }.await;
            let result = match result {
                Ok(result) => result,
                Err(error) => return Err($crate::app::unless_met($act, $actor, $key, error).await),
            };
            $crate::app::keep($act, $actor, $key, fingerprint, $verb, result).await
        })
    }};
}
pub(crate) use act_once;

/// What an act did, or had done when it was first sent.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The verb and the sentence of its notice, apart by a line break, and [`about`] on a line of its own.
    pub result: String,
    pub replayed: bool,
}

impl Outcome {
    /// What the act was about, as it was right after: for giving the first answer again.
    ///
    /// # Errors
    /// [`OpError::Internal`] where the act keeps nothing of that kind.
    pub fn about<T: serde::de::DeserializeOwned>(&self) -> OpResult<T> {
        let text = self.result.splitn(3, '\n').nth(2).unwrap_or_default();
        serde_json::from_str(text).map_err(|e| OpError::Internal(e.to_string()))
    }
}

/// The last line of an act's result: what it was about.
///
/// # Errors
/// Never for values of the database.
pub fn about<T: serde::Serialize>(value: &T) -> OpResult<String> {
    serde_json::to_string(value).map_err(|e| OpError::Internal(e.to_string()))
}

/// The first result of an operation that has happened.
///
/// # Errors
/// A refusal when the key was used for another request.
pub async fn replay(
    act: &mut Act,
    actor: &Actor,
    key: &str,
    fingerprint: Fingerprint,
) -> OpResult<Option<Outcome>> {
    match store::operations::used(&mut act.tx, actor.user_id, key).await? {
        None => Ok(None),
        Some(Use::Write(stored)) if stored.fingerprint == fingerprint => {
            Ok(Some(Outcome { result: stored.result, replayed: true }))
        }
        Some(_) => refuse("", Reason::KeyReused),
    }
}

/// Why an act failed. Where the same request was sent twice at once, the second may have waited for the
/// first and then be refused by what that did: it is tried again, and gets the first result.
pub async fn unless_met(act: &mut Act, actor: &Actor, key: &str, error: OpError) -> OpError {
    let is_refusal = matches!(error, OpError::Refused(..) | OpError::Invalid(_) | OpError::NotFound);
    if is_refusal && matches!(store::operations::find(&mut act.tx, actor.user_id, key).await, Ok(Some(_))) {
        return OpError::Collision;
    }
    error
}

/// Keeps an operation's result, so that it happens once.
///
/// # Errors
/// A collision where it happened meanwhile.
pub async fn keep(
    act: &mut Act,
    actor: &Actor,
    key: &str,
    fingerprint: Fingerprint,
    verb: &str,
    result: String,
) -> OpResult<Outcome> {
    let stored = Stored { fingerprint, verb: verb.to_owned(), result: result.clone() };
    store::operations::add(&mut act.tx, actor.user_id, key, &stored, act.now).await?;
    Ok(Outcome { result, replayed: false })
}

/// Makes the data folder, which only its owner may enter.
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

/// New keys are for a new database: one that was made with others is not to be touched without them.
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

/// A database knows the key file that it was made with.
async fn check_keys(db: &Db, keys: &Keys) -> Result<(), StartError> {
    let mut tx = db.read().await?;
    let kept = store::settings::get(&mut tx, "key_check").await?;
    drop(tx);
    if kept.is_some() {
        return if kept == Some(keys.check_value()) {
            Ok(())
        } else {
            Err(crate::keys::KeyError::WrongKey.into())
        };
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
