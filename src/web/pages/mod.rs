//! The pages, by noun. A handler asks `ops` and renders; it decides nothing.

pub mod account;
pub mod auth;
pub mod buy;
pub mod code_batches;
pub mod codes;
pub mod companies;
pub mod company;
pub mod device_windows;
pub mod devices;
pub mod history;
pub mod imports;
pub mod moves;
pub mod operator;
pub mod orders;
pub mod overview;
pub mod payments;
pub mod redeem;
pub mod second_factor;
pub mod second_step;
pub mod tokens;
pub mod users;
pub mod vouchers;
