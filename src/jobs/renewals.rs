//! Renewals: devices whose paid time has passed take a unit, wait, or expire; and those that wait
//! although there are units are served (more than one transaction serves, or the tree has changed).
//!
//! A batch is one operation of the ledger, and goes through the writer like all others: between two
//! batches redemptions have their turn. What is due is asked of the database anew for each batch, and
//! decided under its locks: a batch that was killed has not happened, and one that has happened is no
//! longer due. So nothing need be remembered, and each period is paid once, whoever runs the job. The
//! lease only keeps processes from doing the same work in vain.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::model::device::DeviceChange;
use crate::model::ledger::{Actor, Command, Operation, SetDevices};
use crate::model::time::Moment;
use crate::ops;
use crate::ops::error::{OpError, OpResult};
use crate::store;
use crate::writer::WriteError;

const LOOK_EVERY_SECONDS: u64 = 1;
/// Each batch prolongs it; a holder that says nothing for so long has died.
pub const LEASE_SECONDS: i64 = 5;
const LEASE: &str = "renewals";
/// Long enough to be worth its commit, short enough that a redemption behind it does not wait for long.
pub const BATCH_LENGTH: i64 = 500;

/// Renews until told to stop. Where nothing is due, a look costs two reads of an index.
pub async fn run(app: App, stop: CancellationToken) {
    let holder = new_holder(&app);
    while !stop.is_cancelled() {
        match run_batch(&app, &holder).await {
            Ok(false) => {}
            Ok(true) => continue,
            Err(OpError::Unavailable | OpError::Collision) => {}
            Err(error) => tracing::error!(%error, "the renewal job failed, and will try again"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(LOOK_EVERY_SECONDS)) => {}
        }
    }
    if let Err(error) = give_back(&app, &holder).await {
        tracing::warn!(%error, "the renewals' lease was not given back, and will run out");
    }
}

/// A name for whoever runs the job: one of its own for each process.
#[must_use]
pub fn new_holder(app: &App) -> String {
    hex::encode(app.rng.bytes::<8>())
}

/// Renews one batch of what is due; tells whether there may be more. Not so: nothing is due, nothing
/// could be done, or another process has the lease.
///
/// # Errors
/// [`OpError::Unavailable`] when the database cannot take a write now.
pub async fn run_batch(app: &App, holder: &str) -> OpResult<bool> {
    let Some(now) = ops::clock::trusted_now(app).await? else { return Ok(false) };
    let (devices, is_due) = due(app, now).await?;
    if devices.is_empty() || !take_lease(app, holder).await? {
        return Ok(false);
    }
    let mut tx = app.db.read().await?;
    let Some((root, _)) = store::companies::root(&mut tx).await? else { return Ok(false) };
    drop(tx);
    let key = format!("renewal {}", hex::encode(app.rng.bytes::<8>()));
    let operation = Operation {
        actor: Actor::portal(root),
        fingerprint: app.keys.fingerprint(&key),
        key,
        at: now,
        command: Command::SetDevices(SetDevices { devices, change: DeviceChange::default() }),
    };
    match app.writer.submit(operation).await {
        // What is due always changes: it is paid, waits or expires.
        Ok(done) => Ok(is_due || !done.transfers.is_empty()),
        // A device was removed or changed at this moment: the next look sees what is due now.
        Err(WriteError::Refused(_)) => Err(OpError::Collision),
        Err(error) => Err(error.into()),
    }
}

/// Whose time has passed; or, where there are none, who waits although there are units.
async fn due(app: &App, now: Moment) -> OpResult<(Vec<i64>, bool)> {
    let mut tx = app.db.read().await?;
    let due = store::devices::due(&mut tx, now, BATCH_LENGTH).await?;
    if !due.is_empty() {
        return Ok((due, true));
    }
    Ok((store::devices::servable(&mut tx, BATCH_LENGTH).await?, false))
}

async fn take_lease(app: &App, holder: &str) -> OpResult<bool> {
    let mut tx = app.db.write().await?;
    let is_ours = store::leases::take(&mut tx, LEASE, holder, app.clock.now(), LEASE_SECONDS).await?;
    tx.commit().await?;
    Ok(is_ours)
}

async fn give_back(app: &App, holder: &str) -> OpResult<()> {
    let mut tx = app.db.write().await?;
    store::leases::give_back(&mut tx, LEASE, holder).await?;
    Ok(tx.commit().await?)
}
