//! The web pages and the API: parses the request, calls one function of `ops`, renders the answer. To add a page: its
//! address in [`urls`], its line in [`router`], a handler in `pages`, a template.

pub mod api;
pub mod assets;
pub mod bars;
pub mod browser_name;
pub mod chart;
pub mod company_field;
pub mod connections;
pub mod cookies;
pub mod csv;
pub mod downloads;
pub mod error;
pub mod extract;
pub mod fields;
pub mod form;
pub mod gather;
pub mod guard;
pub mod health;
pub mod monthly;
pub mod notice;
pub mod oauth;
pub mod pages;
pub mod paging;
pub mod qr;
pub mod router;
pub mod serve;
pub mod session;
pub mod state;
pub mod underway;
pub mod view;
pub mod webhooks;
