//! What the history records besides acts: unmasked codes that were shown, forbidden requests, guessed codes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::actor::Actor;
use super::codes::ShownCode;
use super::error::{OpError, OpResult};
use crate::app::App;
use crate::model::amount::grouped;
use crate::model::throttle::{FORBIDDEN_OF_PATH, FORBIDDEN_OF_PERSON};
use crate::ops::work::work;
use crate::store;

/// How unmasked codes left the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Shown,
    Exported,
    Printed,
}

impl Way {
    fn verb(self) -> &'static str {
        match self {
            Way::Shown => "code.shown",
            Way::Exported => "code.exported",
            Way::Printed => "code.printed",
        }
    }
}

/// Records codes before they are shown: one row for a whole page, none if they are masked.
///
/// # Errors
/// The database's: what cannot be recorded is not shown.
pub async fn codes_shown(
    app: &App,
    actor: &Actor,
    way: Way,
    company_id: i64,
    what: &str,
    codes: impl IntoIterator<Item = &ShownCode>,
) -> OpResult<()> {
    let count = codes.into_iter().filter(|c| !c.is_masked).count() as i64;
    if count == 0 {
        return Ok(());
    }
    note_codes(app, actor, way, company_id, what, &counted(count)).await
}

fn counted(count: i64) -> String {
    if count == 1 { "1 whole code".to_owned() } else { format!("{} whole codes", grouped(count)) }
}

async fn note_codes(app: &App, actor: &Actor, way: Way, company_id: i64, what: &str, details: &str) -> OpResult<()> {
    work!(app, work => {
        work.note(actor.note_at(company_id, way.verb(), what, details));
        Ok(())
    })
}

/// A file of codes, sent in steps. It is recorded before its first codes are sent; if more follow, once again with the
/// number of codes when it ends, however it ends.
#[derive(Clone)]
pub struct Export(Arc<Exported>);

struct Exported {
    app: App,
    actor: Actor,
    company_id: i64,
    what: String,
    /// How many codes left the portal that no row counts yet.
    count: AtomicI64,
    has_begun: AtomicBool,
}

impl Export {
    /// A file that nothing was sent of yet.
    #[must_use]
    pub fn new(app: &App, actor: &Actor, company_id: i64, what: String) -> Export {
        let (app, actor, count) = (app.clone(), actor.clone(), AtomicI64::new(0));
        Export(Arc::new(Exported { app, actor, company_id, what, count, has_begun: AtomicBool::new(false) }))
    }

    /// Counts the codes of a step, and records the file before its first ones are sent.
    ///
    /// # Errors
    /// The database's: what cannot be recorded is not sent.
    pub async fn step<'a>(&self, codes: impl IntoIterator<Item = &'a ShownCode>, goes_on: bool) -> OpResult<()> {
        let whole = codes.into_iter().filter(|c| !c.is_masked).count() as i64;
        if whole > 0 && !self.0.has_begun.swap(true, Ordering::SeqCst) {
            let details = if goes_on { "begun".to_owned() } else { counted(whole) };
            // Spawned, so that the row is written even if the client goes away.
            let noted = tokio::spawn(self.0.note(details)).await;
            noted.map_err(|e| OpError::Internal(e.to_string()))??;
            if !goes_on {
                return Ok(());
            }
        }
        self.0.count.fetch_add(whole, Ordering::SeqCst);
        Ok(())
    }
}

impl Exported {
    fn note(&self, details: String) -> impl Future<Output = OpResult<()>> + Send + 'static {
        let (app, actor, company_id) = (self.app.clone(), self.actor.clone(), self.company_id);
        let what = self.what.clone();
        async move { note_codes(&app, &actor, Way::Exported, company_id, &what, &details).await }
    }
}

impl Drop for Exported {
    fn drop(&mut self) {
        let count = self.count.load(Ordering::SeqCst);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if count == 0 {
            return;
        }
        let (noting, user, what) = (self.note(counted(count)), self.actor.user_id, self.what.clone());
        runtime.spawn(async move {
            if let Err(error) = noting.await {
                tracing::error!(%error, what, count, user, "an export of codes was not noted");
            }
        });
    }
}

/// Records a forbidden request: only once in a while per user and address, and a limited number per user, so that
/// nobody can flood the history.
pub async fn note_forbidden(app: &App, actor: &Actor, what: &str) -> OpResult<()> {
    let of_person = format!("forbidden:{}", actor.user_id);
    let of_path = format!("{of_person}:{}", super::attempts::hash_hex(what));
    let mut tx = app.db.read().await?;
    let before = store::throttle::peek(&mut tx, &of_path).await?;
    drop(tx);
    if before.blocked_until(&FORBIDDEN_OF_PATH, app.clock.now()).is_some() {
        return Ok(());
    }
    work!(app, work => {
        for (key, policy) in [(&of_person, &FORBIDDEN_OF_PERSON), (&of_path, &FORBIDDEN_OF_PATH)] {
            let noted = store::throttle::read(&mut work.tx, key, work.now).await?;
            if noted.blocked_until(policy, work.now).is_some() {
                return Ok(());
            }
            store::throttle::fail(&mut work.tx, key, policy, work.now).await?;
        }
        work.note(actor.note("request.forbidden", what, ""));
        Ok(())
    })
}

/// Records a wrong code. The ledger has already counted it.
pub(super) async fn note_wrong_code(app: &App, actor: &Actor) {
    let noted: OpResult<()> = async {
        work!(app, work => {
            work.note(actor.note("code.wrong", "", ""));
            Ok(())
        })
    }
    .await;
    if let Err(error) = noted {
        tracing::error!(%error, user = actor.user_id, "a wrong code was not noted");
    }
}
