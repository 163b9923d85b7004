//! The nouns and the rules. Pure: no async, no SQL, no HTTP, no clock of its own. To add a noun, give it a file here
//! and its SQL a file of the same name in `store`.

pub mod amount;
pub mod clock;
pub mod code;
pub mod company;
pub mod country;
pub mod coverage;
pub mod credit_report;
pub mod device;
pub mod digest;
pub mod event;
pub mod forecast;
pub mod hardware;
pub mod import;
pub mod invoice;
pub mod job;
pub mod ledger;
pub mod licence;
pub mod money;
pub mod month;
pub mod network;
pub mod oauth;
pub mod order;
pub mod permission;
pub mod product;
pub mod refusal;
pub mod resources;
pub mod role;
pub mod second_factor;
pub mod seller;
pub mod tag;
pub mod text;
pub mod throttle;
pub mod time;
pub mod token;
pub mod user;
