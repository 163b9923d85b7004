//! The ledger's decisions: a pure, deterministic function over accounts, codes and operations
//! held in memory. No I/O and no clock, so that property tests and the text table run against
//! it by the million. [`decide`] takes the operations in order and gives, for each, its transfers
//! or a typed refusal; what changed stands in the [`Ledger`] afterwards.
//!
//! To add an operation: a variant of [`Act`], what it reads in `store::ledger::prefetch`, its
//! function in `decide`, and its lines in `tests/it/ledger_table.txt`.

mod decide;
mod devices;
mod operation;
mod state;
mod vouchers;
mod words;

pub use decide::decide;
pub use devices::SERVED_MAX;
pub use operation::{
    Act, Actor, Done, Filled, Fingerprint, Fulfilment, Limit, NewCode, Operation, Refusal, Tag, Transfer,
    Voucher, balance_after,
};
pub use state::{Account, AccountKey, Changes, CodeChange, CodeFacts, CompanyFacts, CreatedCode, Ledger};
pub use words::{Cause, CodeStatus, Kind, UnknownCause, UnknownKind, UnknownStatus};
