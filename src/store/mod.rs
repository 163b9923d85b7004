//! SQL, written once for both databases. Each function takes a [`db::Tx`] and gives model types.

pub mod audit;
pub mod auth;
pub mod codes;
pub mod companies;
pub mod coverage;
pub mod db;
pub mod devices;
pub mod imports;
pub mod jobs;
pub mod leases;
pub mod ledger;
pub mod migrate;
pub mod operations;
pub mod resources;
pub mod sessions;
pub mod settings;
pub mod throttle;
pub mod users;
pub mod verify;
