//! What happens later, at least once each: mails, documents, refunds, clean-up, imports, codes by the
//! thousand, renewals, expired vouchers, questions about card payments, and the WAL's checkpoints.
//! To add a kind: a variant of [`Job`], a file here, its lane and its arm in `queue.rs`. To add what is done now and
//! then: a line in [`start`].

pub mod audit_log;
pub mod card_payments;
pub mod chain;
pub mod checkpoint;
pub mod cleanup;
pub mod clock;
pub mod codes;
pub mod documents;
pub mod expiry;
pub mod imports;
pub mod mail;
pub mod order_codes;
pub mod queue;
pub mod renewals;
mod timers;

use crate::app::App;
use crate::store::db::Db;

pub use queue::run_next;

const CLEAN_UP_EVERY_SECONDS: u64 = 600;
const REMIND_EVERY_SECONDS: u64 = 600;
const EXPIRE_EVERY_SECONDS: u64 = 60;
const COUNT_EVERY_SECONDS: u64 = 15;
const LOOK_AT_CLOCK_EVERY_SECONDS: u64 = 5;

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

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Done,
    /// A step is done, and there may be more: others have their turn first.
    Again,
}

impl Progress {
    /// From whether there may be more.
    #[must_use]
    pub fn of(has_more: bool) -> Progress {
        if has_more { Progress::Again } else { Progress::Done }
    }
}

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
    /// A job that sends a mail.
    #[must_use]
    pub fn mail(app: &App, mail: &mail::Mail) -> Job {
        let text = serde_json::to_string(mail).unwrap_or_default();
        Job::Mail { sealed: app.keys.seal_text(&text, &app.rng) }
    }

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
}

/// Begins all that is done in the background, each as a task that is watched.
pub fn start(app: &App) {
    let stop = app.tasks.stopping();
    for (name, lane) in [("mail jobs", Lane::Mail), ("bulk jobs", Lane::Bulk), ("money jobs", Lane::Money)] {
        app.tasks.spawn(name, queue::work(app.clone(), lane, stop.clone()));
    }
    app.tasks.spawn("renewals", renewals::run(app.clone(), stop.clone()));
    app.tasks.spawn("chain", chain::run(app.clone(), stop.clone()));
    app.tasks.spawn("audit log", audit_log::run(app.clone(), stop.clone()));
    if let Db::Sqlite(_) = app.db {
        app.tasks.spawn("checkpoints", checkpoint::run(app.db.clone(), stop.clone()));
    }
    macro_rules! every {
        ($name:literal, $seconds:expr, $round:path) => {
            app.tasks.spawn(
                $name,
                timers::every(
                    $name,
                    $seconds,
                    app.clone(),
                    stop.clone(),
                    |app| async move { $round(&app).await },
                ),
            )
        };
    }
    every!("clock", LOOK_AT_CLOCK_EVERY_SECONDS, clock::run);
    every!("expiry", EXPIRE_EVERY_SECONDS, expiry::run);
    every!("clean-up", CLEAN_UP_EVERY_SECONDS, cleanup::run);
    every!("reminders", REMIND_EVERY_SECONDS, documents::remind);
    every!("counts of jobs", COUNT_EVERY_SECONDS, cleanup::count_jobs);
    if app.cards.are_taken() {
        every!("card payments", card_payments::ASK_EVERY_SECONDS, card_payments::ask);
    }
}
