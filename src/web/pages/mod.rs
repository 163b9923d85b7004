//! The pages, by noun. A handler asks `ops` and renders; it decides nothing.

pub mod account;
pub mod auth;
pub mod billing;
pub mod code_batches;
pub mod codes;
pub mod companies;
pub mod company;
pub mod device_windows;
pub mod devices;
pub mod distributors;
pub mod history;
pub mod imports;
pub mod moves;
pub mod operator;
pub mod overview;
pub mod price_list;
pub mod redeem;
pub mod second_factor;
pub mod second_step;
pub mod seller;
pub mod tokens;
pub mod users;
pub mod vat_classes;
