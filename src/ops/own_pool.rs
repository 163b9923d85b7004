//! Units that a company buys for its own pool: in it as soon as the order is paid, and taken back while they are there.

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::model::event::OrderEvent;
use crate::model::invoice::Cancelled;
use crate::model::job::Job;
use crate::model::ledger::{ActorFacts, Command, FillPool, Operation, Refusal, TakeBack};
use crate::model::order::{OrderError, OrderLine, OrderState};
use crate::model::refusal::{OrderReason, Reason};
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::orders::OrderRow;

/// Puts the units of an order that the caller has just marked as paid into the buyer's pool. The mark makes sure that
/// this happens once.
pub(super) async fn fill(
    app: &App,
    work: &mut Work,
    order: &OrderRow,
    lines: &[(i64, OrderLine)],
    by: ActorFacts,
) -> OpResult<()> {
    let units = lines.iter().filter_map(|(_, line)| Some((line.pool?.resource_type, line.pool?.units())));
    let lines: Vec<_> = units.map(|(of, units)| (of, units, memo(order.id))).collect();
    if lines.is_empty() {
        return Ok(());
    }
    let id = format!("order\n{}\npool", order.id);
    let operation = Operation {
        actor: by,
        fingerprint: app.keys.fingerprint(&id),
        id,
        at: work.now,
        command: Command::FillPool(FillPool { company_id: order.company_id, lines }),
    };
    super::resources::within(app, work, &[operation]).await?;
    Ok(())
}

fn memo(order_id: i64) -> String {
    format!("Order {order_id}")
}

/// Takes back all units of a line that a company bought for its own pool, and credits them. Whoever may cancel unused
/// vouchers may do this.
///
/// # Errors
/// [`OrderReason::UnitsUsed`] if some are no longer there; [`OpError::NotFound`] outside the actor's tree.
pub async fn take_back(app: &App, actor: &Actor, operation_id: &str, order_id: i64, number: i64) -> OpResult<Outcome> {
    if !super::vouchers::may_cancel(app, actor).await? {
        return Err(OpError::Forbidden);
    }
    let request = serde_json::json!([order_id, number]).to_string();
    work_once!(app, actor, operation_id, "take_back_units", &request, work => {
        let found = store::orders::lock(&mut work.tx, &actor.company_path, order_id).await?;
        let order = found.ok_or(OpError::NotFound)?;
        super::vouchers::require_undisputed(&order)?;
        let lines = store::orders::lines(&mut work.tx, order_id).await?;
        let found = lines.iter().zip(0..).find(|((n, line), _)| *n == number && line.pool.is_some());
        let Some(((_, line), index)) = found else { return Err(OpError::NotFound) };
        let Some(wish) = line.pool else { return Err(OpError::NotFound) };
        if order.state() != OrderState::Paid
            || !store::orders::set_taken_back(&mut work.tx, order_id, number, work.now).await?
        {
            return refuse("", OrderError::TakenBack);
        }
        let (resource_type, amount) = (wish.resource_type, wish.units());
        let operation = Operation {
            actor: actor.for_ledger(),
            // The act is recorded under its own id, and the ledger's operation under an id derived from it.
            id: format!("{operation_id}\n0"),
            fingerprint: app.keys.fingerprint(&request),
            at: work.now,
            command: Command::TakeBack(TakeBack {
                company_id: order.company_id,
                resource_type,
                amount,
                memo: memo(order_id),
            }),
        };
        match super::resources::within(app, work, &[operation]).await {
            Err(OpError::Refused(_, Reason::Ledger(Refusal::NotEnough { has, .. }))) => {
                return refuse("", OrderReason::UnitsUsed { bought: amount, left: has, resource_type });
            }
            done => done?,
        };
        let credit_note = credit(work, order_id, index, line.quantity).await?;
        let details = crate::words::units(amount, resource_type);
        work.note(actor.note_at(order.company_id, "order.units_taken_back", &memo(order_id), &details));
        let resource_type = resource_type.slug().to_owned();
        Ok(Outcome::of(OrderEvent::UnitsTakenBack { order_id, amount, resource_type, credit_note }))
    })
}

/// The credit note for a whole line; `None` if it cost nothing.
async fn credit(work: &mut Work, order_id: i64, line: usize, count: i64) -> OpResult<Option<String>> {
    let documents = store::invoices::of_order(&mut work.tx, order_id).await?;
    let Some(invoice) = documents.iter().find(|d| !d.is_credit_note()) else { return Ok(None) };
    let parts = [Cancelled { line, before: 0, count }];
    let (name, id) = super::invoices::credit(work, invoice.id, &invoice.document()?, &parts, None).await?;
    work.job(&Job::CreditRefund { id: id.to_string() }).await?;
    Ok(Some(name))
}
