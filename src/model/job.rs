//! Work done after a commit: its kinds, and which worker runs each.

/// Work done after a commit.
pub enum Job {
    /// A mail, sealed: it may carry a link that stands in for a password.
    Mail { sealed: String },
    /// A device file, by its id.
    Import { id: String },
    /// A batch of codes, by its id.
    Codes { id: String },
    /// An invoice or a credit note to mail, by its id.
    Document { id: String },
    /// A reminder of an invoice, by its id.
    Reminder { id: String },
    /// An order whose codes are being created, by its id.
    OrderCodes { id: String },
    /// An order whose payment has arrived, by its id.
    OrderPaid { id: String },
    /// A card payment to refund, by its id.
    Refund { id: String },
    /// An order that no longer needs the card provider's pages, by its id.
    CloseCardPages { id: String },
    /// A credit note whose sum is refunded by card, by its id.
    CreditRefund { id: String },
}

impl Job {
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Job::Mail { .. } => "mail",
            Job::Import { .. } => "import",
            Job::Codes { .. } => "codes",
            Job::Document { .. } => "document",
            Job::Reminder { .. } => "reminder",
            Job::OrderCodes { .. } => "order_codes",
            Job::OrderPaid { .. } => "order_paid",
            Job::Refund { .. } => "refund",
            Job::CloseCardPages { .. } => "close_card_pages",
            Job::CreditRefund { .. } => "credit_refund",
        }
    }

    #[must_use]
    pub fn payload(&self) -> &str {
        match self {
            Job::Mail { sealed } => sealed,
            Job::Import { id }
            | Job::Codes { id }
            | Job::Document { id }
            | Job::Reminder { id }
            | Job::OrderCodes { id }
            | Job::OrderPaid { id }
            | Job::Refund { id }
            | Job::CloseCardPages { id }
            | Job::CreditRefund { id } => id,
        }
    }

    /// The worker that runs it: work that waits for another server or takes long delays nothing else.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Job::Mail { .. } | Job::Document { .. } | Job::Reminder { .. } | Job::OrderPaid { .. } => Lane::Mail,
            Job::Import { .. } | Job::Codes { .. } | Job::OrderCodes { .. } => Lane::Bulk,
            Job::Refund { .. } | Job::CloseCardPages { .. } | Job::CreditRefund { .. } => Lane::Money,
        }
    }
}

/// Jobs that one worker runs one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Goes through the mail server.
    Mail,
    /// Takes many steps.
    Bulk,
    /// Talks to the card provider.
    Money,
}

impl Lane {
    pub const ALL: [Lane; 3] = [Lane::Mail, Lane::Bulk, Lane::Money];

    /// As stored in the database.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Lane::Mail => "mail",
            Lane::Bulk => "bulk",
            Lane::Money => "money",
        }
    }
}
