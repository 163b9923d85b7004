//! Links new digests into a signed chain every second, and gives digests to older rows step by step. All state is in
//! the database: a run that was killed has not happened, and the next one goes on.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::renewals::new_holder;
use crate::app::App;
use crate::ops::error::{OpError, OpResult};
use crate::store;
use crate::store::chain::LinkRow;
use crate::store::digests::Seen;

const LOOK_EVERY_SECONDS: u64 = 1;
/// Older rows per digest: few enough that nobody waits long for the writer.
const OLDER_LENGTH: usize = 1_000;

/// Links until stopped, and once more at the end.
pub async fn run(app: App, stop: CancellationToken) {
    let mut linker = Linker::new(&app);
    loop {
        let is_last = stop.is_cancelled();
        match linker.run_once(&app).await {
            Ok(true) if !is_last => continue,
            Ok(_) | Err(OpError::Unavailable | OpError::Collision) => {}
            Err(error) => tracing::error!(%error, "linking digests failed, and will be tried again"),
        }
        if is_last {
            break;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(LOOK_EVERY_SECONDS)) => {}
        }
    }
    if let Err(error) = linker.give_back(&app).await {
        tracing::warn!(%error, "the chain's lease was not given back, and will run out");
    }
}

/// One process's linker.
pub struct Linker {
    holder: String,
    seen: Seen,
    /// Whether rows older than digests may still lack one.
    has_older: bool,
}

impl Linker {
    #[must_use]
    pub fn new(app: &App) -> Linker {
        Linker { holder: new_holder(app), seen: Seen::default(), has_older: true }
    }

    /// Links once, and gives the next older rows their digest; returns whether there may be more right away. `false` if
    /// all is linked or another process has the lease.
    ///
    /// # Errors
    /// [`OpError::Unavailable`] if the database cannot take a write now.
    pub async fn run_once(&mut self, app: &App) -> OpResult<bool> {
        let has_more = self.link(app).await?;
        Ok(self.add_older(app).await? || has_more)
    }

    async fn link(&mut self, app: &App) -> OpResult<bool> {
        let mut tx = app.db.read().await?;
        let last = store::chain::last(&mut tx).await?;
        let linked_through = last.as_ref().map_or(0, |link| link.through);
        // Outside a write transaction: on PostgreSQL that one would itself count as running.
        let through = self.seen.look(&mut tx).await?;
        let since = store::digests::unlinked_since(&mut tx, linked_through).await?;
        if self.has_older {
            let (done, of) = store::digests::older(&mut tx).await?;
            self.has_older = done < of;
        }
        drop(tx);
        let now = app.clock.now();
        metrics::gauge!("scrip_chain_unlinked_seconds")
            .set(since.map_or(0.0, |at| (now.0 - at).max(0) as f64 / 1_000_000.0));
        let linked = if through > linked_through { self.try_link(app, through).await? } else { None };
        tell(linked.as_ref().or(last.as_ref()));
        Ok(linked.is_some_and(|link| link.digests == store::chain::LINK_LENGTH_MAX as i64))
    }

    async fn try_link(&mut self, app: &App, through: i64) -> OpResult<Option<LinkRow>> {
        let now = app.clock.now();
        let mut tx = app.db.write().await?;
        if !store::chain::take_lease(&mut tx, &self.holder, now).await? {
            tx.rollback().await;
            return Ok(None);
        }
        let link = store::chain::link(&mut tx, &app.keys, through, now).await?;
        tx.commit().await?;
        Ok(link)
    }

    async fn add_older(&mut self, app: &App) -> OpResult<bool> {
        if !self.has_older {
            return Ok(false);
        }
        let mut tx = app.db.write().await?;
        if !store::chain::take_lease(&mut tx, &self.holder, app.clock.now()).await? {
            tx.rollback().await;
            return Ok(false);
        }
        self.has_older = store::digests::add_older(&mut tx, &app.keys, app.clock.now(), OLDER_LENGTH).await?;
        tx.commit().await?;
        Ok(self.has_older)
    }

    async fn give_back(&self, app: &App) -> OpResult<()> {
        let mut tx = app.db.write().await?;
        store::chain::give_back(&mut tx, &self.holder).await?;
        Ok(tx.commit().await?)
    }
}

/// Reports the chain's length, and when it last grew, to the metrics.
fn tell(link: Option<&LinkRow>) {
    metrics::gauge!("scrip_chain_links").set(link.map_or(0, |link| link.number) as f64);
    if let Some(link) = link {
        metrics::gauge!("scrip_chain_last_link_timestamp_seconds").set(link.at as f64 / 1_000_000.0);
    }
}
