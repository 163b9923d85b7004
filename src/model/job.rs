//! Work to be done after a commit: which kinds there are, and which worker runs each.

/// Work to be done after a commit.
pub enum Job {
    /// A mail, sealed: it may carry a link that stands in for a password.
    Mail { sealed: String },
    /// A file of devices, by its id.
    Import { id: String },
    /// A batch of codes, by its id.
    Codes { id: String },
    /// An invoice or a credit note that is mailed, by its id.
    Document { id: String },
    /// A reminder of an invoice, by its id.
    Reminder { id: String },
    /// An order whose codes are being made, by its id.
    OrderCodes { id: String },
    /// An order whose payment has come, by its id.
    OrderPaid { id: String },
    /// A payment by card that is given back, by its id.
    Refund { id: String },
    /// An order that needs the card provider's pages no more, by its id.
    CloseCardPages { id: String },
    /// A credit note whose sum is given back by card, by its id.
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

    /// Whose worker runs it: what waits for another server, or takes its time, makes nothing else wait.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Job::Mail { .. } | Job::Document { .. } | Job::Reminder { .. } | Job::OrderPaid { .. } => {
                Lane::Mail
            }
            Job::Import { .. } | Job::Codes { .. } | Job::OrderCodes { .. } => Lane::Bulk,
            Job::Refund { .. } | Job::CloseCardPages { .. } | Job::CreditRefund { .. } => Lane::Money,
        }
    }
}

/// Jobs that one worker runs, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What goes through the mail server.
    Mail,
    /// What is done in many steps.
    Bulk,
    /// What asks the card provider.
    Money,
}

impl Lane {
    pub const ALL: [Lane; 3] = [Lane::Mail, Lane::Bulk, Lane::Money];

    /// As the database has it.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Lane::Mail => "mail",
            Lane::Bulk => "bulk",
            Lane::Money => "money",
        }
    }
}
