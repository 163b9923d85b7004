//! Mails about orders: invoices and credit notes with their PDF, confirmations of payment, and reminders of overdue
//! invoices. Also card refunds for credit notes.

use crate::app::App;
use crate::mail;
use crate::model::job::Job;
use crate::model::money::{Currency, Money};
use crate::ops;
use crate::ops::error::OpResult;
use crate::ops::work::work;
use crate::store;
use crate::store::invoices::InvoiceRow;

/// Most reminders of one invoice.
const REMINDERS_MAX: i64 = 3;
/// Days between two reminders.
const REMINDER_DAYS: i64 = 7;

/// Mails a document to its buyer.
pub async fn send(app: &App, id: &str) -> Result<(), String> {
    let Some(row) = find(app, id).await? else { return Ok(()) };
    let document = row.document().map_err(|e| e.to_string())?;
    let link = link(app, &row);
    let mail = match (row.is_credit_note(), &document.paid) {
        (true, _) => mail::credit_note(&document.buyer.email, &document, &link),
        (false, Some(_)) => {
            let is_being_made = is_being_made(app, row.order_id).await?;
            mail::invoice_paid(&document.buyer.email, &document, is_being_made, &link)
        }
        (false, None) => mail::invoice(&document.buyer.email, &document, &link),
    };
    mail::deliver(app.config.mail.as_ref(), mail, vec![mail::attached(&document)?]).await
}

/// Confirms to the buyer that an invoice's payment has arrived.
pub async fn send_paid(app: &App, order_id: &str) -> Result<(), String> {
    let id = order_id.parse().map_err(|_| "no such order".to_owned())?;
    let mut tx = app.db.read().await.map_err(|e| e.to_string())?;
    let found = store::invoices::of_order(&mut tx, id).await.map_err(|e| e.to_string())?;
    drop(tx);
    let Some(row) = found.into_iter().find(|i| !i.is_credit_note()) else { return Ok(()) };
    let document = row.document().map_err(|e| e.to_string())?;
    let is_being_made = is_being_made(app, id).await?;
    let mail = mail::invoice_paid(&document.buyer.email, &document, is_being_made, &link(app, &row));
    mail::deliver(app.config.mail.as_ref(), mail, Vec::new()).await
}

/// Whether codes of an order are still being created.
async fn is_being_made(app: &App, order_id: i64) -> Result<bool, String> {
    let mut tx = app.db.read().await.map_err(|e| e.to_string())?;
    store::orders::is_being_made(&mut tx, order_id).await.map_err(|e| e.to_string())
}

/// Refunds a credit note by card if the order was paid by card. Repeating it refunds once.
pub async fn refund(app: &App, id: &str) -> Result<(), String> {
    let Some(row) = find(app, id).await? else { return Ok(()) };
    if row.paid_at.is_some() {
        return Ok(());
    }
    let mut tx = app.db.read().await.map_err(|e| e.to_string())?;
    let payments = store::payments::of_order(&mut tx, row.order_id).await.map_err(|e| e.to_string())?;
    drop(tx);
    let by_card = payments.iter().find(|p| p.has_paid == 1).filter(|p| p.provider != "bank");
    // A payment by bank is returned by bank: the operator does it, and confirms it on the order's page.
    let Some((payment, intent)) = by_card.and_then(|p| Some((p, p.intent.as_deref()?))) else {
        return Ok(());
    };
    let currency = Currency::from_code(&row.currency).ok_or("no such currency")?;
    let amount = Money::new(-row.total, currency);
    if amount.minor > 0 && !crate::cards::is_payable(amount) {
        // The sum cannot be refunded to a card: the operator returns it another way, and confirms that.
        return Ok(());
    }
    if amount.minor > 0 {
        let key = format!("scrip-credit-{}-{}", payment.reference, row.id);
        let refund = app.cards.refund(intent, amount, &key).await.map_err(|e| e.to_string())?;
        if refund.has_failed() {
            return Err(format!("refund {} is {}", refund.id, refund.status));
        }
    }
    settle(app, row.id).await.map_err(|e| e.to_string())
}

async fn settle(app: &App, id: i64) -> OpResult<()> {
    work!(app, work => {
        store::invoices::settle(&mut work.tx, id, work.now).await?;
        Ok(())
    })
}

/// Reminds buyers of overdue invoices. Running it twice reminds once.
pub async fn remind(app: &App) {
    if let Err(error) = try_remind(app).await {
        tracing::error!(%error, "buyers could not be reminded of invoices, and will be");
    }
}

async fn try_remind(app: &App) -> OpResult<()> {
    let Some(now) = ops::clock::trusted_now(app).await? else { return Ok(()) };
    let mut tx = app.db.read().await?;
    let before = now.plus_seconds(-REMINDER_DAYS * 86_400);
    let overdue = store::invoices::overdue(&mut tx, now, before, REMINDERS_MAX).await?;
    drop(tx);
    for row in overdue {
        work!(app, work => {
            if store::invoices::set_reminded(&mut work.tx, &row, work.now).await? {
                work.job(&Job::Reminder { id: row.id.to_string() }).await?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Mails one reminder.
pub async fn send_reminder(app: &App, id: &str) -> Result<(), String> {
    let Some(row) = find(app, id).await? else { return Ok(()) };
    if row.paid_at.is_some() || row.cancelled_at.is_some() {
        return Ok(());
    }
    let document = row.document().map_err(|e| e.to_string())?;
    let mail = mail::invoice_reminder(&document.buyer.email, &document, &link(app, &row));
    mail::deliver(app.config.mail.as_ref(), mail, vec![mail::attached(&document)?]).await
}

async fn find(app: &App, id: &str) -> Result<Option<InvoiceRow>, String> {
    let id = id.parse().map_err(|_| "no such document".to_owned())?;
    let mut tx = app.db.read().await.map_err(|e| e.to_string())?;
    store::invoices::by_id(&mut tx, id).await.map_err(|e| e.to_string())
}

fn link(app: &App, row: &InvoiceRow) -> String {
    format!("{}/orders/{}", app.config.public_url, row.order_id)
}
