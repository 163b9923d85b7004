//! The cookies beside the session's.

use axum::http::{HeaderName, header};
use time::Duration;
use tower_sessions::cookie::{Cookie, SameSite};

use super::state::Portal;

/// Marks the browser as one that the account has signed in from.
pub fn known_device(portal: &Portal, email: &str) -> (HeaderName, String) {
    let mark = portal.app.keys.device_mark(&crate::model::company::searchable(email));
    cookie(portal, portal.cookie_names.known_device, &mark, Duration::days(365))
}

/// A cookie for the whole portal that no script reads.
pub fn cookie(portal: &Portal, name: &str, value: &str, age: Duration) -> (HeaderName, String) {
    let cookie = Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(portal.app.config.is_https())
        .max_age(age);
    (header::SET_COOKIE, cookie.to_string())
}
