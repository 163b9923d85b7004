//! The codes of a paid order. The payment's transaction makes the first, and a job makes the others in steps, so that
//! nobody waits for a big order. Each step locks the order, is one ledger operation under its own id, and counts its
//! codes on the order in the same transaction, so that a step that runs twice makes none twice.

use super::actor::Actor;
use super::codes::changes::new_code;
use super::error::{OpError, OpResult};
use super::vouchers::Cancelled;
use crate::app::App;
use crate::mail;
use crate::model::amount::grouped;
use crate::model::event::OrderEvent;
use crate::model::job::Job;
use crate::model::ledger::{self, Command, Fulfil, Operation, Voucher};
use crate::model::order::{OrderLine, among_first};
use crate::model::time::Moment;
use crate::ops::work::{Outcome, Work, work};
use crate::store;
use crate::store::orders::OrderRow;
use crate::words;

/// How many codes the payment's transaction makes.
pub const CODES_WITH_PAYMENT_MAX: i64 = 1_000;
/// How many codes a step makes: few enough that others need not wait for it.
const STEP: i64 = 500;
/// How many late orders are shown.
const LATE_SHOWN_MAX: i64 = 10;

/// Makes the first codes of an order that the caller has just marked as paid; a job makes the others.
pub(super) async fn begin(
    app: &App,
    work: &mut Work,
    order: &OrderRow,
    lines: &[(i64, OrderLine)],
    by: ledger::ActorFacts,
) -> OpResult<()> {
    let wanted: i64 = lines.iter().filter_map(|(_, line)| Some(line.voucher.as_ref()?.codes)).sum();
    make(app, work, order, lines, by, wanted.min(CODES_WITH_PAYMENT_MAX)).await?;
    if wanted > CODES_WITH_PAYMENT_MAX {
        work.job(&Job::OrderCodes { id: order.id.to_string() }).await?;
    }
    Ok(())
}

/// Makes the next codes of an order; returns whether more remain.
pub async fn run_step(app: &App, order_id: i64) -> OpResult<bool> {
    work!(app, work => {
        let Some((root_id, root)) = store::companies::root(&mut work.tx).await? else { return Ok(false) };
        let found = store::orders::lock(&mut work.tx, &root, order_id).await?;
        let Some(order) = found.filter(OrderRow::is_being_made) else { return Ok(false) };
        let lines = store::orders::lines(&mut work.tx, order_id).await?;
        let made = (order.codes_made + STEP).min(order.codes_wanted);
        make(app, work, &order, &lines, ledger::ActorFacts::portal(root_id), made).await?;
        if made == order.codes_wanted {
            let billing = super::invoices::billing(&order)?;
            let link = format!("{}/orders/{order_id}", app.config.public_url);
            let ready = mail::codes_ready(&billing.email, order_id, &grouped(made), &link);
            work.mail(app, &ready).await?;
        }
        Ok(made < order.codes_wanted)
    })
}

/// Records that an order's codes cannot be made now, for its page and for the operator.
pub async fn note_late(app: &App, order_id: i64) -> OpResult<()> {
    work!(app, work => { Ok(store::orders::set_codes_late(&mut work.tx, order_id, work.now).await?) })
}

/// The orders whose codes cannot be made now, and since when: the operator's alarm.
pub async fn late(app: &App, actor: &Actor) -> OpResult<Vec<(i64, i64)>> {
    if !actor.is_operator() {
        return Ok(Vec::new());
    }
    let mut tx = app.db.read().await?;
    Ok(store::orders::with_late_codes(&mut tx, LATE_SHOWN_MAX).await?)
}

/// Makes codes of a locked order until there are `made` of them.
async fn make(
    app: &App,
    work: &mut Work,
    order: &OrderRow,
    lines: &[(i64, OrderLine)],
    by: ledger::ActorFacts,
    made: i64,
) -> OpResult<()> {
    let expires_at = order.expires_at.map(Moment);
    let expires_at = expires_at.ok_or_else(|| OpError::Internal(format!("order {} has no day of expiry", order.id)))?;
    let operation_id = match order.codes_made {
        0 => format!("order\n{}", order.id),
        before => format!("order\n{}\n{before}", order.id),
    };
    let operation = Operation {
        actor: by,
        fingerprint: app.keys.fingerprint(&operation_id),
        id: operation_id,
        at: work.now,
        command: Command::Fulfil(Fulfil {
            order_id: order.id,
            company_id: order.company_id,
            buyer_id: order.created_by,
            expires_at,
            vouchers: vouchers(app, lines, order.codes_made, made),
        }),
    };
    super::resources::within(app, work, &[operation]).await?;
    if !store::orders::set_codes_made(&mut work.tx, order.id, order.codes_made, made).await? {
        return Err(OpError::Collision);
    }
    Ok(())
}

/// The codes of an order after the first `before`, up to `made` in all.
fn vouchers(app: &App, lines: &[(i64, OrderLine)], before: i64, made: i64) -> Vec<Voucher> {
    let new = among_first(lines, made).zip(among_first(lines, before));
    let vouchers = lines.iter().zip(new).filter_map(|((number, line), (made, before))| {
        let wish = line.voucher.as_ref().filter(|_| before < made)?;
        Some(Voucher {
            line: *number,
            resource_type: wish.resource_type,
            amount: wish.units_per_code(),
            name: wish.name.clone(),
            codes: (before..made).map(|_| new_code(app)).collect(),
        })
    });
    vouchers.collect()
}

/// Cancels and credits the codes of a locked order that are not made yet. Those that were made stay.
pub(super) async fn cancel_rest(work: &mut Work, actor: &Actor, order: &OrderRow) -> OpResult<Outcome> {
    super::vouchers::require_undisputed(order)?;
    let lines = store::orders::lines(&mut work.tx, order.id).await?;
    let (made, wanted) = (among_first(&lines, order.codes_made), among_first(&lines, order.codes_wanted));
    let rest = lines.iter().zip(made.zip(wanted)).map(|((number, _), (made, wanted))| (*number, wanted - made));
    let rest: Vec<(i64, i64)> = rest.collect();
    store::orders::stop_codes(&mut work.tx, order.id).await?;
    let before = store::vouchers::counts(&mut work.tx, order.id).await?;
    let cancelled = Cancelled { order, lines: &lines, codes: &rest, before: &before };
    let credit_note = super::vouchers::credit(work, &cancelled).await?;
    let count = order.codes_wanted - order.codes_made;
    let subject = format!("Order {}", order.id);
    work.note(actor.note_at(order.company_id, "order.vouchers_cancelled", &subject, &words::unmade_codes(count)));
    Ok(Outcome::of(OrderEvent::RestCancelled { order_id: order.id, count, credit_note }))
}
