//! The vouchers of paid orders: shown, cancelled, replaced, expired. Redeeming one is redeeming a code.

use super::actor::Actor;
use super::codes::changes::new_code;
use super::codes::{ShownCode, show};
use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::mail;
use crate::model::amount::grouped;
use crate::model::event::OrderEvent;
use crate::model::invoice::{self, Billing};
use crate::model::job::Job;
use crate::model::ledger::{self, CancelCodes, CodeStatus, Command, Done, ExpireCodes, Operation, ReplaceCode};
use crate::model::order::{OrderError, OrderLine, among_first};
use crate::model::permission::Permission;
use crate::model::refusal::{CodeReason, FieldReason};
use crate::model::time::Moment;
use crate::ops::work::{Outcome, Work, work, work_once};
use crate::store;
use crate::store::orders::OrderRow;
use crate::store::vouchers::{StateCount, VoucherFilter, VoucherRow};
use crate::words;

/// The most vouchers cancelled at once.
pub const CANCELLED_MAX: usize = 1_000;
/// How many vouchers one operation expires.
const EXPIRED_AT_ONCE: i64 = 500;
/// How many days before their vouchers expire buyers are warned.
pub const WARNED_DAYS: [i64; 2] = [60, 7];

/// A voucher as its reader may see it.
#[derive(Debug, Clone)]
pub struct ShownVoucher {
    pub shown: ShownCode,
    pub order_id: i64,
    pub line: i64,
    pub replaced_by: Option<i64>,
    pub replaces: Option<i64>,
}

impl ShownVoucher {
    fn of(app: &App, actor: &Actor, found: VoucherRow) -> OpResult<ShownVoucher> {
        let VoucherRow { row, order_id, order_line, replaced_by, replaces } = found;
        Ok(ShownVoucher { shown: show(app, actor, row)?, order_id, line: order_line, replaced_by, replaces })
    }
}

/// A page of the vouchers of the actor's tree.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn list(app: &App, actor: &Actor, filter: &VoucherFilter) -> OpResult<Vec<ShownVoucher>> {
    actor.require(Permission::ViewOrders)?;
    let scope = super::companies::scope(Permission::ViewOrders, app, actor, None).await?;
    let mut tx = app.db.read_list().await?;
    let found = store::vouchers::list(&mut tx, &scope, filter).await?;
    found.into_iter().map(|row| ShownVoucher::of(app, actor, row)).collect()
}

/// A page of the codes of an order's line, in one state or in all, after the one with this id.
///
/// # Errors
/// [`OpError::NotFound`] outside the actor's tree.
pub async fn of_line(
    app: &App,
    actor: &Actor,
    place: (i64, i64),
    status: Option<CodeStatus>,
    after: i64,
    limit: i64,
) -> OpResult<Vec<ShownVoucher>> {
    in_line(app, actor, place, status, after, limit).await
}

/// A page of an order's codes that are still usable, after the one with this id.
///
/// # Errors
/// [`OpError::NotFound`] outside the actor's tree; [`OpError::Forbidden`] for users who may not see codes.
pub async fn unused(
    app: &App,
    actor: &Actor,
    place: (i64, i64),
    after: i64,
    limit: i64,
) -> OpResult<Vec<ShownVoucher>> {
    actor.require(Permission::ViewCodes)?;
    in_line(app, actor, place, Some(CodeStatus::Unused), after, limit).await
}

async fn in_line(
    app: &App,
    actor: &Actor,
    place: (i64, i64),
    status: Option<CodeStatus>,
    after: i64,
    limit: i64,
) -> OpResult<Vec<ShownVoucher>> {
    actor.require(Permission::ViewOrders)?;
    let mut tx = app.db.read().await?;
    store::orders::find(&mut tx, &actor.company_path, place.0).await?.ok_or(OpError::NotFound)?;
    let found = store::vouchers::of_line(&mut tx, place, status, after, limit).await?;
    found.into_iter().map(|row| ShownVoucher::of(app, actor, row)).collect()
}

/// One voucher of the actor's tree.
///
/// # Errors
/// [`OpError::NotFound`] outside it.
pub async fn find(app: &App, actor: &Actor, code_id: i64) -> OpResult<ShownVoucher> {
    actor.require(Permission::ViewOrders)?;
    let mut tx = app.db.read().await?;
    let found = store::vouchers::find_many(&mut tx, &actor.company_path, &[code_id]).await?.pop();
    ShownVoucher::of(app, actor, found.ok_or(OpError::NotFound)?)
}

/// Several vouchers of the actor's tree.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn find_many(app: &App, actor: &Actor, code_ids: &[i64]) -> OpResult<Vec<ShownVoucher>> {
    actor.require(Permission::ViewOrders)?;
    let mut tx = app.db.read().await?;
    let found = store::vouchers::find_many(&mut tx, &actor.company_path, code_ids).await?;
    found.into_iter().map(|row| ShownVoucher::of(app, actor, row)).collect()
}

/// The codes of an order, counted by line and state.
///
/// # Errors
/// [`OpError::NotFound`] outside the actor's tree.
pub async fn counts(app: &App, actor: &Actor, order_id: i64) -> OpResult<Vec<StateCount>> {
    actor.require(Permission::ViewOrders)?;
    let mut tx = app.db.read_list().await?;
    store::orders::find(&mut tx, &actor.company_path, order_id).await?.ok_or(OpError::NotFound)?;
    Ok(store::vouchers::counts(&mut tx, order_id).await?)
}

/// Whether the actor may cancel vouchers: the operator may, others only if the operator allows it.
pub async fn may_cancel(app: &App, actor: &Actor) -> OpResult<bool> {
    let mut tx = app.db.read().await?;
    let is_allowed = store::seller::get(&mut tx).await?.is_some_and(|s| s.may_cancel);
    Ok(actor.is_operator() || (actor.may.edit_codes() && is_allowed))
}

/// Cancels unused vouchers of one order, all or none: their units go back to the vendor, and a credit note is made.
///
/// # Errors
/// The ledger's refusals; [`OpError::Forbidden`] if the operator does not allow it.
pub async fn cancel(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    order_id: i64,
    code_ids: &[i64],
) -> OpResult<Outcome> {
    if !may_cancel(app, actor).await? {
        return Err(OpError::Forbidden);
    }
    let mut code_ids = code_ids.to_vec();
    code_ids.sort_unstable();
    code_ids.dedup();
    match code_ids.len() {
        0 => return refuse("code", CodeReason::NoneChosen),
        n if n > CANCELLED_MAX => return refuse("code", FieldReason::TooMany { maximum: CANCELLED_MAX }),
        _ => {}
    }
    let request = serde_json::json!([order_id, code_ids]).to_string();
    work_once!(app, actor, operation_id, "cancel_vouchers", &request, work => {
        let found = store::orders::lock(&mut work.tx, &actor.company_path, order_id).await?;
        let order = found.ok_or(OpError::NotFound)?;
        require_undisputed(&order)?;
        let vouchers = store::vouchers::find_many(&mut work.tx, &actor.company_path, &code_ids).await?;
        if vouchers.len() < code_ids.len() || vouchers.iter().any(|v| v.order_id != order_id) {
            return Err(OpError::NotFound);
        }
        // Counts what was cancelled before. The order is locked, so nobody else cancels in between.
        let lines = store::orders::lines(&mut work.tx, order_id).await?;
        let of_line = |number: i64| vouchers.iter().filter(|v| v.order_line == number).count() as i64;
        let codes: Vec<_> = lines.iter().map(|(number, _)| (*number, of_line(*number))).collect();
        let before = store::vouchers::counts(&mut work.tx, order_id).await?;
        let operation = Operation {
            actor: actor.for_ledger(),
            // The act is recorded under its own id, and the ledger's operation under an id derived from it.
            id: format!("{operation_id}\n0"),
            fingerprint: app.keys.fingerprint(&request),
            at: work.now,
            command: Command::CancelCodes(CancelCodes { code_ids: code_ids.clone() }),
        };
        super::resources::within(app, work, &[operation]).await?;
        let cancelled = Cancelled { order: &order, lines: &lines, codes: &codes, before: &before };
        let credit_note = credit(work, &cancelled).await?;
        let (subject, count) = (format!("Order {order_id}"), code_ids.len());
        work.note(actor.note_at(order.company_id, "order.vouchers_cancelled", &subject, &words::codes(count)));
        Ok(Outcome::of(OrderEvent::VouchersCancelled { order_id, count, credit_note }))
    })
}

/// While an order's payment is disputed nothing of it is paid back: the money may be gone.
///
/// # Errors
/// [`OrderError::Disputed`].
pub(super) fn require_undisputed(order: &OrderRow) -> OpResult<()> {
    if order.is_disputed() { refuse("", OrderError::Disputed) } else { Ok(()) }
}

/// Codes of an order that were cancelled, either existing ones or ones that were yet to be made.
pub(super) struct Cancelled<'a> {
    pub order: &'a OrderRow,
    pub lines: &'a [(i64, OrderLine)],
    /// How many of each line, by line number.
    pub codes: &'a [(i64, i64)],
    /// The order's codes before the cancellation.
    pub before: &'a [StateCount],
}

/// Makes the credit note for cancelled codes; returns its number. `None` if they cost nothing: no invoice lists them.
pub(super) async fn credit(work: &mut Work, cancelled: &Cancelled<'_>) -> OpResult<Option<String>> {
    let Cancelled { order, lines, codes, before } = *cancelled;
    let documents = store::invoices::of_order(&mut work.tx, order.id).await?;
    let Some(document) = documents.iter().find(|d| !d.is_credit_note()) else { return Ok(None) };
    let mut parts = Vec::new();
    for ((index, (number, line)), wanted) in lines.iter().enumerate().zip(among_first(lines, order.codes_wanted)) {
        let Some(wish) = &line.voucher else { continue };
        let count = codes.iter().find(|(of, _)| of == number).map_or(0, |c| c.1);
        if count == 0 {
            continue;
        }
        let cancelled = |c: &&StateCount| c.line == *number && c.status == CodeStatus::Cancelled as i64;
        let earlier = before.iter().find(cancelled).map_or(0, |c| c.codes) + wish.codes - wanted;
        let units = wish.units_per_code();
        parts.push(invoice::Cancelled { line: index, before: earlier * units, count: count * units });
    }
    let (name, id) = super::invoices::credit(work, document.id, &document.document()?, &parts, None).await?;
    work.job(&Job::CreditRefund { id: id.to_string() }).await?;
    Ok(Some(name))
}

/// Replaces a lost voucher by a new code of the same value. The old one stops working.
///
/// # Errors
/// The ledger's refusals; [`OpError::NotFound`] outside the actor's tree.
pub async fn replace(app: &App, actor: &Actor, operation_id: &str, code_id: i64) -> OpResult<Done> {
    actor.require(Permission::EditCodes)?;
    let found = find(app, actor, code_id).await?;
    if found.shown.row.is_disputed == 1 {
        return refuse("", OrderError::Disputed);
    }
    let request = serde_json::json!(["replace_code", code_id]);
    let comment = found.shown.row.comment;
    super::resources::submit(
        app,
        actor,
        operation_id,
        &request,
        Command::ReplaceCode(ReplaceCode { code_id, code: new_code(app), comment }),
    )
    .await
}

/// Expires the next vouchers that are due; returns whether there may be more. A second run expires none twice.
pub async fn expire_due(app: &App) -> OpResult<bool> {
    let Some(now) = super::clock::trusted_now(app).await? else { return Ok(false) };
    let mut tx = app.db.read().await?;
    let code_ids = store::vouchers::over(&mut tx, now, EXPIRED_AT_ONCE).await?;
    let Some((root_id, _)) = store::companies::root(&mut tx).await? else { return Ok(false) };
    drop(tx);
    if code_ids.is_empty() {
        return Ok(false);
    }
    let operation_id = format!("expiry {}", hex::encode(app.rng.bytes::<8>()));
    let operation = Operation {
        actor: ledger::ActorFacts::portal(root_id),
        fingerprint: app.keys.fingerprint(&operation_id),
        id: operation_id,
        at: now,
        command: Command::ExpireCodes(ExpireCodes { code_ids }),
    };
    app.writer.submit(operation).await?;
    Ok(true)
}

/// Warns buyers whose vouchers expire soon, once for each of [`WARNED_DAYS`].
pub async fn warn(app: &App) -> OpResult<()> {
    for days in WARNED_DAYS {
        let Some(now) = super::clock::trusted_now(app).await? else { return Ok(()) };
        let mut tx = app.db.read().await?;
        let until = now.plus_seconds(days * 86_400);
        let expiring = store::vouchers::expiring(&mut tx, now, until, days).await?;
        drop(tx);
        for order in expiring {
            let billing: Billing =
                serde_json::from_str(&order.billing).map_err(|e| OpError::Internal(e.to_string()))?;
            work!(app, work => {
                if store::vouchers::set_warned(&mut work.tx, order.id, days).await? && order.unused > 0 {
                    let codes = grouped(order.unused);
                    let day = Moment(order.expires_at).readable_date(&jiff::tz::TimeZone::UTC);
                    let mail = mail::vouchers_expire(&billing.email, order.id, &codes, &day, &app.config.public_url);
                    work.mail(app, &mail).await?;
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}
