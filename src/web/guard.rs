//! What stands before every handler: request ids, security headers, runs that end, the log line.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::router::Portal;
use super::underway::{self, Underway};
use crate::app::App;

/// No inline script or style, no other host, no frame.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; manifest-src 'self'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()"),
];

/// Gives the request an id, runs it, logs one line, sets the headers that every answer has.
pub async fn outermost(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let request_id = crate::store::db::hex(&portal.app.rng.bytes::<8>());
    let started = tokio::time::Instant::now();
    let method = request.method().clone();
    let route = loggable(request.uri().path());
    let mut response =
        Underway::new(request_id.clone(), &method, request.uri().path()).scope(next.run(request)).await;
    tracing::info!(
        request_id,
        %method,
        route,
        status = response.status().as_u16(),
        milliseconds = started.elapsed().as_millis() as u64,
        "request"
    );
    count(&method, &response, started);
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if portal.app.config.is_https() {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(year);
    }
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

fn count(method: &Method, response: &Response, started: tokio::time::Instant) {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE];
    let method = known.iter().find(|m| *m == method).map_or("other", Method::as_str).to_owned();
    let status = response.status().as_str().to_owned();
    metrics::counter!("scrip_http_requests_total", "method" => method, "status" => status).increment(1);
    metrics::histogram!("scrip_http_request_seconds").record(started.elapsed().as_secs_f64());
}

/// A path as the log may have it: without its query, and without a link's secret.
fn loggable(path: &str) -> String {
    if path.starts_with("/link/") { "/link/…".into() } else { path.chars().take(200).collect() }
}

/// Runs what writes to its end, even when the client goes away.
pub async fn run_to_end(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let Some(underway) = Underway::present() else { return next.run(request).await };
    let run = tokio::spawn(underway.clone().scope(next.run(request)));
    run.await.unwrap_or_else(|error| {
        // How far it came is not known.
        tracing::error!(%error, request_id = underway::request_id(), "a request ended in the middle");
        match underway.is_api() {
            true => super::api::error::ApiError::outcome_unknown().into_response(),
            false => super::error::WebError::OutcomeUnknown.into_response(),
        }
    })
}

/// Refuses requests for a host that is not the portal's, so that no address of another is echoed.
pub async fn host(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let wanted = portal.app.config.public_url.split("://").nth(1).unwrap_or_default();
    let given = request
        .uri()
        .authority()
        .map(|a| a.as_str().to_owned())
        .or_else(|| request.headers().get(header::HOST).and_then(|h| h.to_str().ok()).map(str::to_owned));
    let is_loopback = |host: &str| {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        matches!(name, "localhost" | "127.0.0.1" | "[::1]")
    };
    let is_open = request.uri().path() == super::urls::HEALTHZ || request.uri().path() == super::urls::READYZ;
    match given {
        Some(host) if host.eq_ignore_ascii_case(wanted) => next.run(request).await,
        Some(host) if is_open || (is_loopback(&host) && is_loopback(wanted)) => next.run(request).await,
        _ => (StatusCode::MISDIRECTED_REQUEST, "This address is not served here.\n").into_response(),
    }
}

/// Where a request comes from: the connection's peer, or what a trusted proxy says of it.
pub fn client_address(app: &App, request: &axum::http::request::Parts) -> String {
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
    let forwarded = || {
        let last = request.headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next()?.trim().parse::<IpAddr>().ok()
    };
    let address =
        if peer.is_some() && peer == app.config.trusted_proxy { forwarded().or(peer) } else { peer };
    address.map_or_else(|| "unknown".to_owned(), |a| a.to_canonical().to_string())
}
