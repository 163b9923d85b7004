//! SQL, written once for both databases. Each function takes a [`db::Tx`] and gives model types.

pub mod audit;
pub mod auth;
pub mod code_lists;
pub mod codes;
pub mod companies;
pub mod company_lists;
pub mod db;
pub mod jobs;
pub mod ledger;
pub mod migrate;
pub mod operations;
pub mod pools;
pub mod reach;
pub mod resources;
pub mod scratch;
pub mod second_factor;
pub mod sessions;
pub mod settings;
pub mod throttle;
pub mod tokens;
pub mod transfers;
pub mod users;
pub mod verify;
