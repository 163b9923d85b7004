//! The REST API, with RMS's addresses and words. To add an endpoint: a handler with its `utoipa::path` in the file of
//! its noun, a line in [`endpoints`], its refusals in `refusals`; `tests/it/openapi.rs` says how to renew the committed
//! document.

mod answer;
mod body;
mod caller;
mod channels;
mod code_batches;
mod code_changes;
mod codes;
mod companies;
mod company_data;
mod credit_report;
mod credits;
mod device_bulk;
mod device_import;
mod device_list;
mod device_row;
mod device_sets;
mod device_statistics;
mod device_tags;
mod devices;
mod document;
pub(super) mod error;
mod failure;
mod fields;
mod history;
mod invitations;
mod ledger;
mod moves;
mod page;
mod path;
mod rate;
mod redeem;
mod refusals;
mod roles;
mod rows;
mod tags;
mod user;
mod users;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use rate::Rates;

use super::guard;
use super::state::Portal;
use crate::urls;
use error::ApiError;

/// The API as one service.
pub fn router(portal: &Portal) -> Router<Portal> {
    let (endpoints, document) = endpoints().split_for_parts();
    let text = document::text(&document);
    endpoints
        .route_layer(from_fn_with_state(portal.clone(), caller::authenticate))
        .merge(document::page())
        .route(urls::API_DOCUMENT, get(async move || document::answer(text)))
        .route("/api", any(async || ApiError::of_status(StatusCode::NOT_FOUND)))
        .route("/api/{*rest}", any(async || ApiError::of_status(StatusCode::NOT_FOUND)))
        .method_not_allowed_fallback(async || ApiError::of_status(StatusCode::METHOD_NOT_ALLOWED))
        .layer(from_fn(error::envelope))
        .layer(from_fn(guard::run_to_end))
}

/// The answer if no handler gave one: it panicked, or took too long.
pub fn not_answered(is_write: bool, is_fault: bool) -> Response {
    match (is_write, is_fault) {
        (true, _) => ApiError::outcome_unknown(),
        (false, true) => ApiError::of_status(StatusCode::INTERNAL_SERVER_ERROR),
        (false, false) => ApiError::unavailable(),
    }
    .into_response()
}

/// The generated OpenAPI document, as served.
#[must_use]
pub fn document() -> String {
    let (_, document) = endpoints().split_for_parts();
    document::text(&document)
}

fn endpoints() -> OpenApiRouter<Portal> {
    OpenApiRouter::with_openapi(document::head())
        .routes(routes!(user::show))
        .routes(routes!(companies::list, companies::create))
        .routes(routes!(companies::show, companies::update, companies::remove))
        .routes(routes!(companies::put_under))
        .routes(routes!(credits::list))
        .routes(routes!(credits::summary))
        .routes(routes!(moves::move_units))
        .routes(routes!(moves::moves))
        .routes(routes!(history::history))
        .routes(routes!(company_data::buy_data))
        .routes(routes!(company_data::data_history))
        .routes(routes!(credit_report::report_json))
        .routes(routes!(credit_report::report_pdf))
        .routes(routes!(credit_report::report_pool))
        .routes(routes!(ledger::head))
        .routes(routes!(codes::list, code_changes::create))
        .routes(routes!(codes::show, code_changes::update, code_changes::delete))
        .routes(routes!(code_batches::show))
        .routes(routes!(redeem::preview))
        .routes(routes!(redeem::activate))
        .routes(routes!(device_list::list, devices::create, device_bulk::update_many, device_bulk::remove_many))
        .routes(routes!(device_list::export))
        .routes(routes!(device_import::import))
        .routes(routes!(device_statistics::statistics))
        .routes(routes!(device_bulk::put_into))
        // Some programs write it like this.
        .route("/api/devices/move/", post(device_bulk::put_into))
        .routes(routes!(device_tags::assign))
        .routes(routes!(device_tags::unassign))
        .routes(routes!(device_tags::overwrite))
        .routes(routes!(devices::show, devices::update, devices::remove))
        .routes(routes!(device_sets::set_credit))
        .routes(routes!(device_sets::set_monitoring))
        .routes(routes!(roles::list, roles::create))
        .routes(routes!(roles::set_permissions))
        .routes(routes!(roles::show, roles::update, roles::delete))
        .routes(routes!(roles::permissions_of))
        .routes(routes!(roles::permissions))
        .routes(routes!(tags::list, tags::create))
        .routes(routes!(tags::show, tags::update, tags::delete))
        .routes(routes!(channels::channel))
        .routes(routes!(users::list))
        .routes(routes!(users::show, users::update, users::remove))
        .routes(routes!(invitations::invitations))
        .routes(routes!(invitations::withdraw))
        .routes(routes!(users::invite))
}
