//! Background work, done at least once each: mails, invoices, refunds, clean-up, imports, large batches of codes,
//! renewals, expired vouchers, queries about card payments, and the WAL's checkpoints. To add a kind of job: a variant
//! of [`crate::model::job::Job`] with its lane, a file here, its arm in `queue.rs`. To add a timer: a line in
//! [`start`].

pub mod audit_log;
pub mod card_payments;
pub mod chain;
pub mod checkpoint;
pub mod cleanup;
pub mod clock;
pub mod codes;
pub mod expiry;
pub mod imports;
pub mod invoices;
pub mod order_codes;
pub mod queue;
pub mod renewals;
mod timers;
pub mod top_ups;

use crate::app::App;
use crate::model::job::Lane;
use crate::store::db::Db;

pub use queue::run_next;

const CLEAN_UP_EVERY_SECONDS: u64 = 600;
const REMIND_EVERY_SECONDS: u64 = 600;
const EXPIRE_EVERY_SECONDS: u64 = 60;
const COUNT_EVERY_SECONDS: u64 = 15;
const TOP_UP_EVERY_SECONDS: u64 = 60;
const LOOK_AT_CLOCK_EVERY_SECONDS: u64 = 5;

/// The result of a job's step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Done,
    /// A step is done, and there may be more: other jobs have their turn first.
    Again,
}

impl Progress {
    #[must_use]
    pub fn of(has_more: bool) -> Progress {
        if has_more { Progress::Again } else { Progress::Done }
    }
}

/// Starts all background work, each as a watched task.
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
                timers::every($name, $seconds, app.clone(), stop.clone(), |app| async move { $round(&app).await }),
            )
        };
    }
    every!("clock", LOOK_AT_CLOCK_EVERY_SECONDS, clock::run);
    every!("top-ups", TOP_UP_EVERY_SECONDS, top_ups::run);
    every!("expiry", EXPIRE_EVERY_SECONDS, expiry::run);
    every!("clean-up", CLEAN_UP_EVERY_SECONDS, cleanup::run);
    every!("reminders", REMIND_EVERY_SECONDS, invoices::remind);
    every!("counts of jobs", COUNT_EVERY_SECONDS, cleanup::count_jobs);
    if app.cards.are_taken() {
        every!("card payments", card_payments::ASK_EVERY_SECONDS, card_payments::ask);
    }
}
