//! The layers around every handler: request ids, security headers, requests that run to their end, the log line.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;

use super::error::WebError;
use super::state::Portal;
use super::underway::{self, Underway};
use crate::app::App;
use crate::ops;
use crate::ops::actor::Actor;

/// No inline script or style, no other host, no frame.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; manifest-src 'self'";

/// The same for a page whose form leads to another origin at the end.
pub fn csp_with_form_target(origin: &str) -> String {
    CSP.replace("form-action 'self'", &format!("form-action 'self' {origin}"))
}

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()"),
];

/// The sender of a request, set by the first code that identifies it: for the log and the history.
#[derive(Clone, Default)]
struct Who(Arc<OnceLock<Actor>>);

/// Sets the sender of the request.
pub fn record_who(parts: &Parts, actor: &Actor) {
    if let Some(who) = parts.extensions.get::<Who>() {
        let _ = who.0.set(actor.clone());
    }
}

/// Gives the request an id, runs it, logs one line, sets the headers of every answer.
pub async fn outermost(State(portal): State<Portal>, mut request: Request, next: Next) -> Response {
    let request_id = hex::encode(portal.app.rng.bytes::<8>());
    let started = tokio::time::Instant::now();
    let method = request.method().clone();
    let route = loggable(request.uri().path());
    let address = address_of(&portal.app, request.extensions(), request.headers());
    let who = Who::default();
    request.extensions_mut().insert(who.clone());
    let mut response = Underway::new(request_id.clone(), &method, request.uri().path()).scope(next.run(request)).await;
    tracing::info!(
        request_id,
        %method,
        route,
        address,
        user = who.0.get().map(|actor| actor.user_id),
        status = response.status().as_u16(),
        milliseconds = started.elapsed().as_millis() as u64,
        "request"
    );
    count(&method, &response, started);
    if let (StatusCode::FORBIDDEN, Some(actor)) = (response.status(), who.0.get()) {
        // Boxed: it is rare and large, and each request would otherwise reserve room for it.
        Box::pin(note_forbidden(&portal.app, actor, &method, &route)).await;
    }
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

/// Records a forbidden request, which is refused whether that succeeds or not.
async fn note_forbidden(app: &App, actor: &Actor, method: &Method, route: &str) {
    if let Err(error) = ops::watched::note_forbidden(app, actor, &format!("{method} {route}")).await
        && !app.db.is_disk_full()
    {
        tracing::warn!(%error, "a forbidden request was not noted");
    }
}

fn count(method: &Method, response: &Response, started: tokio::time::Instant) {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE];
    let method = known.iter().find(|m| *m == method).map_or("other", Method::as_str).to_owned();
    let status = response.status().as_str().to_owned();
    metrics::counter!("scrip_http_requests_total", "method" => method, "status" => status).increment(1);
    metrics::histogram!("scrip_http_request_seconds").record(started.elapsed().as_secs_f64());
}

/// A path that may be logged: without its query, and without a link's secret.
fn loggable(path: &str) -> String {
    if path.starts_with("/link/") { "/link/…".into() } else { path.chars().take(200).collect() }
}

/// Runs writes to their end, even if the client goes away.
pub async fn run_to_end(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let Some(underway) = Underway::present() else { return next.run(request).await };
    let run = tokio::spawn(underway.clone().scope(next.run(request)));
    run.await.unwrap_or_else(|error| {
        // It is unknown how far it came.
        tracing::error!(%error, request_id = underway::request_id(), "a request ended in the middle");
        match underway.is_api() {
            true => super::api::error::ApiError::outcome_unknown().into_response(),
            false => WebError::OutcomeUnknown.into_response(),
        }
    })
}

/// Answers if the handler panicked or takes too long. A write then continues, or is partly done, so the answer does not
/// say whether it happened.
pub async fn answered(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let Some(underway) = Underway::present() else { return next.run(request).await };
    let run = AssertUnwindSafe(next.run(request)).catch_unwind();
    let (error, fault) = match tokio::time::timeout(portal.request_timeout, run).await {
        Ok(Ok(response)) => return response,
        Ok(Err(panic)) => (WebError::Internal("a panic".to_owned()), Some(panic)),
        Err(_) => (WebError::Unavailable, None),
    };
    if let Some(panic) = &fault {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        tracing::error!(error = text, request_id = underway::request_id(), "a request panicked");
    }
    match (underway.is_api(), underway.is_read()) {
        (true, is_read) => super::api::not_answered(!is_read, fault.is_some()),
        (false, false) => WebError::OutcomeUnknown.into_response(),
        (false, true) => error.into_response(),
    }
}

/// Refuses requests for another host than the portal's, so that no foreign address is echoed.
pub async fn host(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let wanted = portal.app.config.public_url.split("://").nth(1).unwrap_or_default();
    let hosts = request.headers().get_all(header::HOST);
    if hosts.iter().count() > 1 {
        // Two proxies could each choose a different one as the host.
        return (StatusCode::BAD_REQUEST, "Send one Host.\n").into_response();
    }
    let given = request.uri().authority().map(|a| a.as_str().to_owned());
    let given = given.or_else(|| hosts.iter().next().and_then(|host| host.to_str().ok()).map(str::to_owned));
    let is_loopback = |host: &str| {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        matches!(name, "localhost" | "127.0.0.1" | "[::1]")
    };
    let is_open = request.uri().path() == crate::urls::HEALTHZ || request.uri().path() == crate::urls::READYZ;
    let is_served = |host: &String| host.eq_ignore_ascii_case(wanted) || (is_loopback(host) && is_loopback(wanted));
    // Health checks need not know the portal's name.
    match given.as_ref().is_some_and(is_served) || is_open {
        true => next.run(request).await,
        false => (StatusCode::MISDIRECTED_REQUEST, "This address is not served here.\n").into_response(),
    }
}

/// A request's origin: the connection's peer, or what trusted proxies report.
pub fn client_address(app: &App, request: &Parts) -> String {
    address_of(app, &request.extensions, &request.headers)
}

fn address_of(app: &App, extensions: &Extensions, headers: &HeaderMap) -> String {
    let Some(peer) = extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip()) else {
        return "unknown".to_owned();
    };
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .collect();
    let mut address = peer;
    // Each proxy appends its peer on the right: only what a trusted one appended is believed.
    for hop in forwarded.iter().rev() {
        if !app.config.is_trusted_proxy(address) {
            break;
        }
        let Some(before) = read_hop(hop.trim()) else { break };
        address = before;
    }
    address.to_canonical().to_string()
}

/// An address as proxies write it, some with a port.
fn read_hop(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()))
}
