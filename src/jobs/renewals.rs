//! Renewals: devices whose paid time has passed take a unit, wait, or expire; devices that wait although units are
//! available are served (one transaction does not serve all, or the tree has changed).
//!
//! A batch is one operation of the ledger, and goes through the writer like all others: redemptions have their turn
//! between two batches. Each batch reads afresh what is due and decides under its locks: a killed batch has not
//! happened, and after a completed one the devices are no longer due. So nothing needs to be remembered, and each
//! period is paid once, no matter which process runs the job. The lease only keeps processes from duplicating work.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::model::device::DeviceChange;
use crate::model::ledger::{ActorFacts, Command, Operation, SetDevices};
use crate::model::time::Moment;
use crate::ops;
use crate::ops::error::{OpError, OpResult};
use crate::store;
use crate::writer::WriteError;

const LOOK_EVERY_SECONDS: u64 = 1;
/// Each batch renews it; a holder silent for this long is considered dead.
pub const LEASE_SECONDS: i64 = 5;
const LEASE: &str = "renewals";
/// Long enough to be worth its commit, short enough that a redemption behind it does not wait for long.
pub const BATCH_LENGTH: i64 = 500;

/// Renews until stopped. If nothing is due, a round costs two index reads.
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

/// A lease holder's name, unique to each process.
#[must_use]
pub fn new_holder(app: &App) -> String {
    hex::encode(app.rng.bytes::<8>())
}

/// Renews one batch of due devices; returns whether there may be more. `false` if nothing is due, nothing could be
/// done, or another process has the lease.
///
/// # Errors
/// [`OpError::Unavailable`] if the database cannot take a write now.
pub async fn run_batch(app: &App, holder: &str) -> OpResult<bool> {
    let Some(now) = ops::clock::trusted_now(app).await? else { return Ok(false) };
    let (devices, is_due) = due(app, now).await?;
    if devices.is_empty() || !take_lease(app, holder).await? {
        return Ok(false);
    }
    let mut tx = app.db.read().await?;
    let Some((root, _)) = store::companies::root(&mut tx).await? else { return Ok(false) };
    drop(tx);
    let operation_id = format!("renewal {}", hex::encode(app.rng.bytes::<8>()));
    let operation = Operation {
        actor: ActorFacts::portal(root),
        fingerprint: app.keys.fingerprint(&operation_id),
        id: operation_id,
        at: now,
        command: Command::SetDevices(SetDevices { devices, change: DeviceChange::default() }),
    };
    match app.writer.submit(operation).await {
        // A due device always changes: it is paid, waits or expires.
        Ok(done) => Ok(is_due || !done.transfers.is_empty()),
        // A device was just removed or changed: the next round reads what is due then.
        Err(WriteError::Refused(_)) => Err(OpError::Collision),
        Err(error) => Err(error.into()),
    }
}

/// Devices whose paid time has passed; if there are none, those that wait although units are available.
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
