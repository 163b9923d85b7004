//! The complete map of addresses, nothing else.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;

use super::api;
use super::pages::{
    account, applications, auth, authorize, billing, buy, buy_for_pool, buy_licences, buying_terms, clock,
    code_batches, code_sheet, code_windows, codes, companies, company, company_data, company_windows, confirm,
    demo_card, device_tags, device_windows, devices, distributors, failed_jobs, history, imports, invoices, issue,
    licences, moves, orders, overview, own_pool, payments, price_list, redeem, report_files, reports, roles, search,
    second_factor, second_step, seller, subscriptions, tags, tokens, top_ups, users, vat_classes, vouchers,
};
use super::state::{Portal, REQUEST_TIMEOUT};
use super::{assets, company_field, error::WebError, guard, health, oauth, session, webhooks};
use crate::app::App;
use crate::urls;

const BODY_BYTES_MAX: usize = 1 << 20;

/// The portal as one service.
pub fn router(app: App) -> Router {
    router_of(Portal::new(app, REQUEST_TIMEOUT))
}

/// The same with other limits.
pub fn router_of(portal: Portal) -> Router {
    guarded(&portal, pages(&portal)).with_state(portal)
}

/// The layers around every handler; a request passes them from the last line up.
pub fn guarded(portal: &Portal, routes: Router<Portal>) -> Router<Portal> {
    routes
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(portal.clone(), guard::host))
        .layer(from_fn_with_state(portal.clone(), guard::answered))
        .layer(from_fn_with_state(portal.clone(), guard::outermost))
}

fn pages(portal: &Portal) -> Router<Portal> {
    let app = &portal.app;
    let csrf = CsrfLayer::new().add_trusted_origin(&app.config.public_url).unwrap_or_default();
    Router::new()
        .merge(signed_out())
        .merge(administration())
        .merge(devices())
        .merge(buying())
        .merge(selling())
        .merge(own_account())
        .layer(session::layer(app))
        .layer(from_fn(guard::run_to_end))
        .layer(csrf)
        .merge(webhooks())
        .merge(oauth_clients())
        .merge(api::router(portal))
        .route("/static/{hash}/{name}", get(assets::serve).layer(CompressionLayer::new()))
        .route(urls::LICENCE_PUBLIC_KEY, get(licences::public_key))
        .route(urls::LICENCE_REVOCATIONS, get(licences::revocations).layer(CompressionLayer::new()))
        .route(urls::HEALTHZ, get(health::healthz))
        .route(urls::READYZ, get(health::readyz))
        .fallback(async || WebError::NotFound)
        .method_not_allowed_fallback(async || axum::http::StatusCode::METHOD_NOT_ALLOWED)
}

fn signed_out() -> Router<Portal> {
    Router::new()
        .route(urls::SIGN_IN, get(auth::sign_in_page).post(auth::sign_in))
        .route(urls::SIGN_IN_CODE, get(second_step::page).post(second_step::check))
        .route(urls::SIGN_IN_CODE_MAIL, post(second_step::mail_again))
        .route(urls::SIGN_OUT, post(auth::sign_out))
        .route(urls::FORGOTTEN_PASSWORD, get(auth::forgotten_page).post(auth::forgotten))
        .route(urls::SIGN_UP, get(auth::sign_up_page).post(auth::sign_up))
        .route("/link/{token}", get(auth::follow_link))
        .route(urls::LINK_PAGE, get(auth::link_page).post(auth::use_link))
        .route(urls::THEME, post(auth::theme))
}

fn administration() -> Router<Portal> {
    Router::new()
        .route(urls::OVERVIEW, get(overview::show))
        .route(urls::SEARCH, post(search::search))
        .route(urls::SUMMARY, get(overview::summary))
        .route(urls::COMPANIES, get(companies::list).post(company_windows::create))
        .route(urls::COMPANIES_NEW, get(company_windows::create_window))
        .route(urls::COMPANIES_REMOVAL, get(company_windows::remove_window).post(company_windows::remove))
        .route(urls::COMPANY_OPTIONS, get(company_field::options))
        .route("/companies/{id}", get(company::overview))
        .route("/companies/{id}/resources", get(company::resources))
        .route("/companies/{id}/codes", get(company::codes))
        .route("/companies/{id}/codes.csv", get(codes::csv))
        .route("/companies/{id}/codes/search", post(codes::search))
        .route("/companies/{id}/users", get(company::users))
        .route("/companies/{id}/subsidiaries", get(company::subsidiaries))
        .route("/companies/{id}/history", get(company::history))
        .route("/companies/{id}/name", get(company_windows::rename_window).post(company_windows::rename))
        .route("/companies/{id}/parent", get(company_windows::parent_window).post(company_windows::put_under))
        .route("/companies/{id}/parent-credits", post(company_windows::parent_credits))
        .route(
            "/companies/{id}/second-factor",
            get(company_windows::second_factor_window).post(company_windows::demand_second_factor),
        )
        .route(urls::RESOURCES, get(company::own_resources))
        .route(urls::RESOURCES_CODES, get(company::own_codes))
        .route(urls::MOVES, post(moves::create))
        .route(urls::MOVES_NEW, get(moves::window))
        .route(urls::MOVES_PREVIEW, get(moves::preview))
        .route(urls::CODES, post(code_windows::create))
        .route(urls::CODES_NEW, get(code_windows::create_window))
        .route("/codes/batches/{id}", get(code_batches::show))
        .route("/codes/batches/{id}/codes.csv", get(code_batches::csv))
        .route("/codes/batches/{id}/cancellation", post(code_batches::cancel))
        .route(urls::CODES_SHEET, get(code_sheet::sheet))
        .route("/codes/{id}/comment", get(code_windows::comment_window).post(code_windows::set_comment))
        .route("/codes/{id}/deletion", get(code_windows::delete_window).post(code_windows::delete))
        .route(urls::REDEEM, get(redeem::window).post(redeem::redeem))
        .route(urls::SUBSCRIPTIONS, get(subscriptions::options))
        .route(urls::VOUCHER, get(subscriptions::voucher).post(subscriptions::check))
        .route(urls::VOUCHER_CONFIRMATION, post(subscriptions::confirm))
        .route(urls::VOUCHER_RECEIVED, get(subscriptions::received))
        .route(urls::USERS, get(users::list).post(users::invite))
        .route(urls::USERS_NEW, get(users::invite_window))
        .route(urls::ROLES, get(roles::list).post(roles::create))
        .route(urls::ROLES_NEW, get(roles::create_window))
        .route("/users/roles/{id}", get(roles::show))
        .route("/users/roles/{id}/content", get(roles::edit_window).post(roles::edit))
        .route("/users/roles/{id}/deletion", get(roles::delete_window).post(roles::delete))
        .route("/users/{id}", get(users::show))
        .route("/users/{id}/role", post(users::set_role))
        .route("/users/{id}/disabled", post(users::set_disabled))
        .route("/users/{id}/removal", get(users::remove_window).post(users::remove))
        .route("/users/{id}/link", get(users::link_window).post(users::new_link))
        .route("/users/{id}/tokens/{token}/revocation", post(users::revoke_token))
        .route("/users/{id}/sessions", post(users::end_sessions))
        .route("/users/{id}/second-factor", get(users::reset_window).post(users::reset_second_factor))
        .route(urls::HISTORY, get(history::show))
        .route(urls::HISTORY_CSV, get(history::csv))
        .route(urls::ISSUES, post(issue::issue))
        .route(urls::ISSUES_NEW, get(issue::window))
}

fn devices() -> Router<Portal> {
    Router::new()
        .route(urls::DEVICES, get(devices::list).post(device_windows::create))
        .route(urls::DEVICES_NEW, get(device_windows::create_window))
        .route(urls::DEVICES_SERVICE, get(device_windows::set_window).post(device_windows::set))
        .route(urls::DEVICES_REMOVAL, get(device_windows::remove_window).post(device_windows::remove))
        .route(urls::DEVICES_TAGS, get(device_tags::window).post(device_tags::set))
        .route(urls::TAGS, get(tags::list).post(tags::create))
        .route(urls::TAGS_NEW, get(tags::create_window))
        .route("/devices/tags/{id}", get(tags::edit_window).post(tags::edit))
        .route("/devices/tags/{id}/deletion", get(tags::delete_window).post(tags::delete))
        .route(urls::IMPORTS, get(imports::list).post(imports::check))
        .route(urls::IMPORTS_NEW, get(imports::window))
        .route("/devices/imports/{id}", get(imports::show))
        .route("/devices/imports/{id}/run", post(imports::start))
        .route("/devices/imports/{id}/cancellation", post(imports::cancel))
        .route("/devices/{id}", get(devices::show))
        .route("/devices/{id}/facts", get(device_windows::edit_window).post(device_windows::edit))
        .route("/companies/{id}/devices", get(devices::of_company))
}

fn buying() -> Router<Portal> {
    Router::new()
        .route(urls::BUY_VOUCHERS, get(buy::window).post(buy::add))
        .route(urls::BUY_VOUCHERS_TOTAL, get(buy::total))
        .route(urls::BUY_FOR_POOL, get(buy_for_pool::window).post(buy_for_pool::add))
        .route(urls::BUY_FOR_POOL_TOTAL, get(buy_for_pool::total))
        .route(urls::TOP_UPS, get(top_ups::show).post(top_ups::set))
        .route(urls::TOP_UPS_OFF, post(top_ups::turn_off))
        .route(urls::TOP_UPS_CARD, get(top_ups::card_saved).post(top_ups::save_card))
        .route(urls::TOP_UPS_CARD_REMOVAL, post(top_ups::forget_card))
        .route(urls::BUY_LICENCES, get(buy_licences::window).post(buy_licences::add))
        .route(urls::BUY_LICENCES_CHOICE, get(buy_licences::begin).post(buy_licences::choose))
        .route("/orders/{id}", get(orders::show))
        .route("/orders/{id}/licences.csv", get(licences::csv))
        .route("/licences/{id}", get(licences::show))
        .route("/licences/{id}/file", get(licences::file))
        .route("/licences/{id}/rehost", get(licences::rehost_window).post(licences::rehost))
        .route("/orders/{id}/lines/{line}/removal", post(buy::remove_line))
        .route("/orders/{id}/lines/{line}/return", get(own_pool::return_window).post(own_pool::take_back))
        .route("/orders/{id}/placement", post(orders::place))
        .route("/orders/{id}/card", post(orders::card))
        .route("/demo/card/{session}", get(demo_card::show).post(demo_card::answer))
        .route("/orders/{id}/return", get(orders::payment_return))
        .route("/orders/{id}/look", post(orders::refresh))
        .route("/orders/{id}/paid", get(orders::paid_window).post(orders::mark_paid))
        .route("/orders/{id}/cancellation", get(orders::cancel_window).post(orders::cancel))
        .route("/orders/{id}/vouchers/{line}", get(vouchers::show))
        .route("/orders/{id}/vouchers/{line}/codes.csv", get(vouchers::csv))
        .route("/orders/{id}/vouchers/{line}/codes.txt", get(vouchers::text))
        .route("/orders/{id}/vouchers/{line}/sheet", get(vouchers::sheet))
        .route("/orders/{id}/vouchers/cancellation", get(vouchers::cancel_window).post(vouchers::cancel))
        .route("/vouchers/{id}/replacement", get(vouchers::replace_window).post(vouchers::replace))
        .route(urls::PAYMENTS, get(payments::list))
        .route(urls::VOUCHERS, get(vouchers::list))
        .route(urls::VOUCHERS_CSV, get(vouchers::list_csv))
        .route(urls::REPORTS, get(reports::show))
        .route(urls::SALES_CSV, get(report_files::sales))
        .route(urls::OUTSTANDING_CSV, get(report_files::unused_codes))
        .route(urls::CODES_BY_MONTH_CSV, get(report_files::codes))
        .route("/invoices/{id}/pdf", get(invoices::pdf))
        .route("/invoices/{id}/settlement", post(invoices::settle))
}

/// Requests from other servers: no session, no form, no origin; each proves itself by a signature.
fn webhooks() -> Router<Portal> {
    Router::new()
        .route(urls::STRIPE_WEBHOOK, post(webhooks::stripe))
        .layer(DefaultBodyLimit::max(webhooks::BODY_BYTES_MAX))
        .layer(from_fn(guard::run_to_end))
}

/// Requests from applications (OAuth 2.1): no session, no form, no origin; each proves itself by its secret.
fn oauth_clients() -> Router<Portal> {
    Router::new()
        .route(urls::OAUTH_TOKEN, post(oauth::token))
        .route(urls::OAUTH_REVOKE, post(oauth::revoke))
        .route(urls::OAUTH_INTROSPECT, post(oauth::introspect))
        .route(urls::OAUTH_METADATA, get(oauth::metadata))
        .layer(DefaultBodyLimit::max(oauth::BODY_BYTES_MAX))
        .layer(from_fn(guard::run_to_end))
}

fn selling() -> Router<Portal> {
    Router::new()
        .route(urls::PRICE_LIST, get(price_list::list).post(price_list::add))
        .route(urls::PRODUCTS_NEW, get(price_list::add_window))
        .route("/operator/price-list/{id}", get(price_list::show))
        .route("/operator/price-list/{id}/version", get(price_list::change_window).post(price_list::change))
        .route("/operator/price-list/{id}/offer", post(price_list::set_offered))
        .route(urls::VAT_CLASSES, post(vat_classes::add))
        .route(urls::VAT_CLASSES_NEW, get(vat_classes::add_window))
        .route("/operator/price-list/vat-classes/{id}", get(vat_classes::change_window).post(vat_classes::change))
        .route(urls::DISTRIBUTORS, get(distributors::list).post(distributors::activate))
        .route(urls::DISTRIBUTORS_NEW, get(distributors::activate_window))
        .route(
            "/operator/distributors/{id}/deactivation",
            get(distributors::deactivate_window).post(distributors::deactivate),
        )
        .route("/operator/distributors/{id}/reverse-charge", post(distributors::set_reverse_charge))
        .route(urls::SELLER, get(seller::show).post(seller::save))
        .route(urls::CLOCK, get(clock::page).post(clock::accept))
        .route(urls::FAILED_JOBS, get(failed_jobs::list))
        .route(urls::FAILED_JOBS_RETRY, post(failed_jobs::retry_all))
        .route("/operator/failed-jobs/{id}/retry", post(failed_jobs::retry))
        .route("/companies/{id}/payments", get(payments::of_company))
        .route("/companies/{id}/data", get(company_data::window).post(company_data::buy))
        .route("/companies/{id}/buying", get(buying_terms::window).post(buying_terms::save))
        .route("/companies/{id}/billing", get(billing::window).post(billing::save))
}

fn own_account() -> Router<Portal> {
    Router::new()
        .route(urls::PROFILE, get(account::profile).post(account::save_profile))
        .route(urls::SECURITY, get(account::security))
        .route(urls::SECURITY_PASSWORD, post(account::change_password))
        .route(urls::SECURITY_EMAIL, get(account::email).post(account::change_email))
        .route(urls::CONFIRM, get(confirm::page).post(confirm::confirm))
        .route(urls::CONFIRM_MAIL, post(confirm::mail_code))
        .route(urls::SECURITY_SESSIONS, post(account::end_sessions))
        .route(urls::TOKENS, get(tokens::list).post(tokens::create))
        .route(urls::TOKENS_NEW, get(tokens::new_window))
        .route("/account/tokens/{id}/revocation", get(tokens::revoke_window).post(tokens::revoke))
        .route(urls::APPLICATIONS, get(applications::list).post(applications::create))
        .route(urls::APPLICATIONS_NEW, get(applications::new_window))
        .route("/account/applications/{id}", get(applications::show))
        .route("/account/applications/{id}/content", get(applications::change_window).post(applications::change))
        .route("/account/applications/{id}/secret", get(applications::secret_window).post(applications::renew_secret))
        .route("/account/applications/{id}/deletion", get(applications::delete_window).post(applications::delete))
        .route("/account/security/applications/{id}/revocation", post(applications::revoke))
        .route(urls::AUTHORIZE, get(authorize::page).post(authorize::decide))
        .route(urls::SECOND_FACTOR, get(second_factor::choice))
        .route(urls::SECOND_FACTOR_APP, get(second_factor::app).post(second_factor::turn_on_app))
        .route(urls::SECOND_FACTOR_EMAIL, get(second_factor::email).post(second_factor::turn_on_email))
        .route(urls::SECOND_FACTOR_EMAIL_CODE, post(second_factor::mail_code))
        .route(urls::SECOND_FACTOR_OFF, get(second_factor::off).post(second_factor::turn_off))
        .route(urls::RECOVERY_CODES, get(second_factor::recovery).post(second_factor::make_recovery_codes))
}
