//! The ledger's decisions: a pure, deterministic function over accounts, codes and operations in memory. No I/O and no
//! clock, so that property tests and the text table can run it millions of times. [`decide`] takes the operations in
//! order and returns, for each, its transfers or a typed refusal; the changes are then in the [`Ledger`].
//!
//! Each command has a file with its footprint next to its decision. To add one: its file, a variant of [`Command`], a
//! [`Cause`] with its wording and the migration that allows it, and its lines in `tests/it/ledger_table.txt` and
//! `tests/it/ledger_oracle.rs`.

mod codes;
mod command;
mod data;
mod decide;
mod devices;
mod footprint;
mod issue;
mod line;
mod move_units;
mod operation;
mod purchases;
mod redeem;
mod refusal;
mod state;
mod vouchers;
mod words;

pub use codes::{CreateCodes, DeleteCode};
pub use command::Command;
pub use data::BuyData;
pub use decide::{Decision, decide};
pub use devices::{SERVED_MAX, SetDevices};
pub use footprint::Wanted;
pub use issue::Issue;
pub use move_units::MoveUnits;
pub use operation::{
    ActorFacts, Done, Filled, Fingerprint, Limit, NewCode, Operation, Tag, Transfer, Voucher, balance_after,
};
pub use purchases::{FillPool, TakeBack};
pub use redeem::Redeem;
pub use refusal::{Refusal, Unloaded};
pub use state::{
    Account, AccountKey, Changes, CodeChange, CodeFacts, CompanyFacts, CreatedCode, Found, Identity, Ledger,
};
pub use vouchers::{CancelCodes, ExpireCodes, Fulfil, ReplaceCode};
pub use words::{Cause, CodeStatus, Kind, UnknownCause, UnknownKind, UnknownStatus};
