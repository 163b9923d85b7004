//! Acts and reads. Each is scoped to its actor's tree here, and nowhere else.

pub mod actor;
pub mod audit;
pub mod auth;
pub mod billing;
pub mod code_batches;
pub mod codes;
pub mod companies;
pub mod console;
pub mod coverage;
pub mod devices;
pub mod distributors;
pub mod error;
pub mod imports;
pub mod products;
pub mod resources;
pub mod second_factor;
pub mod second_step;
pub mod seller;
pub mod sign_up;
pub mod tokens;
pub mod users;
pub mod vat_classes;
