//! Acts and reads. Each is scoped to its actor's tree here, and nowhere else.

pub mod actor;
pub mod audit;
pub mod auth;
pub mod card_payments;
pub mod code_batches;
pub mod codes;
pub mod companies;
pub mod console;
pub mod coverage;
pub mod devices;
pub mod error;
pub mod imports;
pub mod licences;
pub mod orders;
pub mod payments;
pub mod resources;
pub mod second_factor;
pub mod second_step;
pub mod sign_up;
pub mod tokens;
pub mod users;
pub mod vouchers;
