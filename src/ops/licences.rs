//! Licences: issued when their order is paid, shown, moved to another device.
//!
//! A licence's key is bound to a serial number and signed, so it is no secret; still, only administrators see it.

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use super::payments::Settlement;
use crate::app::App;
use crate::model::company::searchable;
use crate::model::event::LicenceEvent;
use crate::model::licence::{
    LicenceFacts, LicenceRefusal, REHOST_REASON_LENGTH, REHOSTS_MAX, Revocations, product_code, serials,
};
use crate::model::order::OrderLine;
use crate::model::permission::Permission;
use crate::model::text;
use crate::model::time::Moment;
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::devices::Device;
use crate::store::licences::{KeyRow, LicenceRow, NewLicence};

/// How many of a device's licences are shown.
const OF_DEVICE_MAX: i64 = 100;
/// How many serial numbers the history names.
const NOTED_SERIALS: usize = 20;

/// A licence as its reader may see it.
#[derive(Debug, Clone)]
pub struct ShownLicence {
    pub row: LicenceRow,
    /// Only for administrators.
    pub key: Option<String>,
    /// Whether the reader's tree bought it.
    pub is_own: bool,
    pub is_expired: bool,
}

impl ShownLicence {
    fn of(actor: &Actor, now: Moment, mut row: LicenceRow) -> ShownLicence {
        let signed = std::mem::take(&mut row.signed);
        ShownLicence {
            key: actor.may.view_codes().then_some(signed),
            is_own: row.company_path.starts_with(actor.company_path.as_str()),
            is_expired: row.expires_at.is_some_and(|end| end <= now.0),
            row,
        }
    }

    /// Whether it can move to another device now.
    #[must_use]
    pub fn may_move(&self) -> bool {
        self.key.is_some() && self.is_own && !self.is_expired && self.row.rehosts < REHOSTS_MAX
    }
}

/// Issues the licences of an order that the caller has just marked as paid, one for each line and serial number. The
/// mark makes sure that this happens once.
pub(super) async fn issue(
    app: &App,
    work: &mut Work,
    settlement: &Settlement<'_>,
    lines: &[(i64, OrderLine)],
) -> OpResult<()> {
    let order = settlement.order;
    let wanted = store::orders::serials(&mut work.tx, order.id).await?;
    if wanted.is_empty() {
        return Ok(());
    }
    let terms = store::licences::terms(&mut work.tx, order.id).await?;
    let issued_at = whole_second(work.now);
    let ids = store::licences::reserve_ids(&mut work.tx, wanted.len() as i64).await?;
    let mut new = Vec::with_capacity(wanted.len());
    for ((number, serial), (id, key_id)) in wanted.into_iter().zip(ids) {
        let found = lines.iter().find(|(n, line)| *n == number && line.resource_type().is_none());
        let (_, line) = found.ok_or_else(|| OpError::Internal(format!("order {} has no line", order.id)))?;
        let months = terms.iter().find(|(n, _)| *n == number).and_then(|(_, months)| *months);
        let expires_at = months.map(|months| issued_at.plus_months(months));
        let signed = sign(app, (key_id, &serial, line.product_id), (issued_at, expires_at))?;
        new.push(NewLicence {
            id,
            key_id,
            line: number,
            product_id: line.product_id,
            version: line.version,
            name: line.name.clone(),
            serial_search: searchable(&serial),
            serial,
            expires_at: expires_at.map(|end| end.0),
            signed,
        });
    }
    store::licences::insert(&mut work.tx, (order.id, order.company_id), &new, issued_at).await?;
    work.note(settlement.note("licence.issued", summary(&new)));
    Ok(())
}

fn summary(new: &[NewLicence]) -> String {
    let named = |l: &NewLicence| format!("{} for {}", l.name, l.serial);
    let mut names: Vec<String> = new.iter().take(NOTED_SERIALS).map(named).collect();
    if new.len() > NOTED_SERIALS {
        names.push(format!("and {} more", new.len() - NOTED_SERIALS));
    }
    names.join(", ")
}

/// A key states whole seconds, so the value stored beside it must too.
fn whole_second(at: Moment) -> Moment {
    Moment(at.0 - at.0.rem_euclid(1_000_000))
}

fn sign(
    app: &App,
    (key_id, serial, product_id): (i64, &str, i64),
    (issued_at, expires_at): (Moment, Option<Moment>),
) -> OpResult<String> {
    let (serial, product) = (serial.to_owned(), product_code(product_id));
    let facts = LicenceFacts { key_id, serial, product, issued_at, expires_at };
    app.keys.sign_licence(&facts).map_err(|e| OpError::Internal(format!("licence key {key_id}: {e}")))
}

/// A page of the licences of an order of the actor's tree, after the one with this id.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree; [`OpError::Forbidden`] for end users.
pub async fn of_order(app: &App, actor: &Actor, order_id: i64, after: i64, limit: i64) -> OpResult<Vec<ShownLicence>> {
    actor.require(Permission::ViewOrders)?;
    let mut tx = app.db.read().await?;
    store::orders::find(&mut tx, &actor.company_path, order_id).await?.ok_or(OpError::NotFound)?;
    let found = store::licences::of_order(&mut tx, order_id, after, limit).await?;
    Ok(shown(app, actor, found))
}

/// The licences of a device that `ops::devices` returned to the actor; none for end users.
pub async fn of_device(app: &App, actor: &Actor, device: &Device) -> OpResult<Vec<ShownLicence>> {
    let Some(serial) = device.serial.as_deref().filter(|_| actor.may.view_orders()) else { return Ok(Vec::new()) };
    let mut tx = app.db.read().await?;
    let found = store::licences::of_serial(&mut tx, &actor.company_path, serial, OF_DEVICE_MAX).await?;
    Ok(shown(app, actor, found))
}

fn shown(app: &App, actor: &Actor, found: Vec<LicenceRow>) -> Vec<ShownLicence> {
    let now = app.clock.now();
    found.into_iter().map(|row| ShownLicence::of(actor, now, row)).collect()
}

/// A licence that the actor's tree bought, or that a device of the tree holds.
///
/// # Errors
/// [`OpError::NotFound`] for any other; [`OpError::Forbidden`] for end users.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<ShownLicence> {
    actor.require(Permission::ViewOrders)?;
    let mut tx = app.db.read().await?;
    let found = store::licences::find(&mut tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)?;
    Ok(ShownLicence::of(actor, app.clock.now(), found))
}

/// A licence's current and former keys, newest first: only for the company that bought it.
///
/// # Errors
/// As [`find`].
pub async fn keys(app: &App, actor: &Actor, id: i64) -> OpResult<Vec<KeyRow>> {
    if !find(app, actor, id).await?.is_own {
        return Ok(Vec::new());
    }
    let mut tx = app.db.read().await?;
    Ok(store::licences::keys(&mut tx, id).await?)
}

/// The form for a licence's new device.
#[derive(Debug, Clone, Copy)]
pub struct Rehost<'a> {
    pub licence_id: i64,
    /// The key that the sender saw: if two users move the licence at once, the second is refused.
    pub key_id: i64,
    pub serial: &'a str,
    pub reason: &'a str,
}

/// Moves a licence to another device: issues a new key, and revokes the old one.
///
/// # Errors
/// A refusal at the invalid field; [`OpError::NotFound`] for a licence that the actor's tree has not bought.
pub async fn rehost(app: &App, actor: &Actor, operation_id: &str, wish: &Rehost<'_>) -> OpResult<Outcome> {
    actor.require(Permission::EditCodes)?;
    let serial = serials::one(wish.serial).map_err(|e| OpError::refused("serial", LicenceRefusal::Serial(e)))?;
    let reason = reason(wish.reason)?;
    let request = serde_json::json!([wish.licence_id, wish.key_id, serial, reason]).to_string();
    work_once!(app, actor, operation_id, "rehost_licence", &request, work => {
        let tree = &actor.company_path;
        let found = store::licences::find(&mut work.tx, tree, wish.licence_id).await?.ok_or(OpError::NotFound)?;
        let licence = ShownLicence::of(actor, work.now, found);
        if !licence.is_own {
            return Err(OpError::NotFound);
        }
        let row = licence.row;
        if licence.is_expired {
            return refuse("", LicenceRefusal::Expired);
        }
        if searchable(&row.serial) == searchable(&serial) {
            return refuse("serial", LicenceRefusal::SameSerial);
        }
        require_suitable(work, actor, &row, &serial).await?;
        if !store::licences::rehost(&mut work.tx, row.id, &serial).await? {
            return refuse("", LicenceRefusal::NoMoreRehosts);
        }
        if row.key_id != wish.key_id
            || !store::licences::revoke(&mut work.tx, wish.key_id, actor.user_id, &reason, work.now).await?
        {
            return refuse("", LicenceRefusal::Moved);
        }
        let key_id = store::licences::reserve_key(&mut work.tx).await?;
        let issued_at = whole_second(work.now);
        let signed = sign(app, (key_id, &serial, row.product_id), (issued_at, row.expires_at.map(Moment)))?;
        store::licences::add_key(&mut work.tx, (key_id, row.id), (&serial, &signed), issued_at).await?;
        let details = format!("from {} to {serial}: {reason}", row.serial);
        work.note(actor.note_at(row.company_id, "licence.rehosted", &row.name, &details));
        Ok(Outcome::of(LicenceEvent::Rehosted { name: row.name, from: row.serial, to: serial.clone() }))
    })
}

/// Refuses a device of the tree whose model the licence does not fit, or which already holds it for good.
async fn require_suitable(work: &mut Work, actor: &Actor, row: &LicenceRow, serial: &str) -> OpResult<()> {
    let (tree, wanted) = (&actor.company_path, [serial.to_owned()]);
    let model = store::devices::models(&mut work.tx, tree, &wanted).await?.pop().map(|(_, model)| model);
    let product = store::products::version(&mut work.tx, row.product_id, row.version).await?;
    if let (Some(model), Some(product)) = (model.filter(|m| !m.is_empty()), product)
        && !product.suits(&model)
    {
        return refuse("serial", LicenceRefusal::Unsuitable { model });
    }
    let held = store::licences::held(&mut work.tx, tree, &wanted, work.now).await?;
    let is_held = held.iter().any(|h| h.product_id == row.product_id && h.expires_at.is_none());
    if is_held { refuse("serial", LicenceRefusal::HeldForGood) } else { Ok(()) }
}

fn reason(reason: &str) -> OpResult<String> {
    let refusal = || OpError::refused("reason", LicenceRefusal::Reason);
    let reason = text::line(reason, *REHOST_REASON_LENGTH.end()).map_err(|_| refusal())?;
    if reason.chars().count() < *REHOST_REASON_LENGTH.start() { Err(refusal()) } else { Ok(reason) }
}

/// The signed list of revoked keys, for anybody. Its number is one more than the count of keys ever revoked, so it only
/// grows. Keys of licences that have since expired need no entry.
///
/// # Errors
/// [`OpError::Internal`] for more keys than a list holds.
pub async fn revocations(app: &App) -> OpResult<String> {
    let now = app.clock.now();
    let mut tx = app.db.snapshot().await?;
    let (count, key_ids) = store::licences::revoked(&mut tx, now).await?;
    let list = Revocations::new(count + 1, now, key_ids);
    app.keys.sign_revocations(&list).map_err(|e| OpError::Internal(format!("the list of revoked keys: {e}")))
}
