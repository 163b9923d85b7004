//! What a job is for, and which jobs were retried.

use super::Notice;
use crate::model::amount::grouped;
use crate::model::event::JobEvent;

/// A kind of job.
#[must_use]
pub fn kind(kind: &str) -> &str {
    match kind {
        "mail" => "Mail",
        "import" => "Import of devices",
        "codes" => "Codes of a batch",
        "document" => "Mail with an invoice or credit note",
        "reminder" => "Reminder of an invoice",
        "order_paid" => "Mail that an order is paid",
        "refund" => "Refund of a card payment",
        "close_card_pages" => "Closing a card payment's pages",
        "credit_refund" => "Refund of a credit note",
        other => other,
    }
}

pub(super) fn event(event: &JobEvent) -> Notice {
    let text = match event {
        JobEvent::Retried => "The job is tried again now. If it fails again, it comes back here.".to_owned(),
        JobEvent::AllRetried { count } => format!("{}. What fails again comes back here.", retried(*count)),
    };
    Notice::done("Try again", text)
}

/// How many jobs are retried.
#[must_use]
pub fn retried(count: u64) -> String {
    match count {
        0 => "No job was left to try again".to_owned(),
        1 => "1 job is tried again now".to_owned(),
        n => format!("{} jobs are tried again now", grouped(n as i64)),
    }
}
