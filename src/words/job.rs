//! What a job is for.

/// What kind of work a job is.
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
