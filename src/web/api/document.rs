//! The OpenAPI document: generated from the handlers; what they all share is added here.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi as _;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{
    AuthorizationCode, ClientCredentials, Flow, Http, HttpAuthScheme, OAuth2, Scopes, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Required, Response as Described, ResponseBuilder};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::failure::Failure;
use super::refusals::{meaning, refused_by};
use crate::model::token::Scope;
use crate::urls;
use crate::web::assets;
use crate::web::state::Portal;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Scrip",
        description = "Prepaid resources: who owns what, moves, codes, activations and use by devices.\n\n\
            Every call needs an access token: a personal one from Account settings, API, or that of an application \
            registered there (OAuth 2.1): `Authorization: Bearer TOKEN`. Every write takes an `Idempotency-Key` (1 \
            to 255 printable characters): sending the same key and body again returns the first answer and does \
            nothing twice.\n\n\
            Every refusal has the same envelope, with a stable `code` for each error, and has changed nothing. After \
            a 503 `UNAVAILABLE` nothing has changed. After a 503 `OUTCOME_UNKNOWN` it is not known yet: the answer \
            has an `operation_id`; the same request, sent again with that as its `Idempotency-Key`, happens once. \
            Without a key, a repeated write would happen twice.\n\n\
            The headers `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` say how many requests the \
            token has left in this minute.",
        license(name = "AGPL-3.0-or-later", identifier = "AGPL-3.0-or-later"),
    ),
    servers((url = "/", description = "This portal")),
    components(schemas(Failure)),
    security(("token" = []), ("application" = [])),
    tags(
        (name = "user", description = "Whose token it is"),
        (name = "companies", description = "The tree of companies"),
        (name = "credits", description = "Resources: balances, moves and history"),
        (name = "ledger", description = "The chain that proves the ledger was not rewritten"),
        (name = "codes", description = "Codes that anybody can activate, once"),
        (name = "devices", description = "Devices and what runs on them"),
        (name = "roles", description = "Roles, and the permissions that they have"),
        (name = "tags", description = "Tags of devices"),
        (name = "users", description = "Users"),
    )
)]
struct Head;

/// The document without its endpoints.
pub fn head() -> OpenApi {
    let mut head = Head::openapi();
    let mut components = head.components.take().unwrap_or_default();
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some("A personal access token: scrip_pat_…".into());
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    components.add_security_scheme("application", SecurityScheme::OAuth2(applications()));
    head.components = Some(components);
    head
}

/// How applications get their access tokens.
fn applications() -> OAuth2 {
    let scopes = || Scopes::from_iter(Scope::ALL.map(|scope| (scope.slug(), scope.explained())));
    let (asked, given) = (urls::AUTHORIZE, urls::OAUTH_TOKEN);
    let flows = [
        Flow::AuthorizationCode(AuthorizationCode::with_refresh_url(asked, given, scopes(), given)),
        Flow::ClientCredentials(ClientCredentials::new(given, scopes())),
    ];
    OAuth2::with_description(flows, "The access token of an application: scrip_oat_…. PKCE with S256 is required.")
}

/// The document as JSON, with what every operation shares.
pub fn text(document: &OpenApi) -> String {
    let mut document = document.clone();
    for (path, item) in &mut document.paths.paths {
        // A preview changes nothing. It is a POST to keep codes out of addresses.
        let is_preview = path.ends_with("/preview");
        for operation in item.get.iter_mut() {
            share(operation, false);
        }
        for operation in [&mut item.post, &mut item.put, &mut item.delete].into_iter().flatten() {
            share(operation, !is_preview);
        }
    }
    let mut text = document.to_pretty_json().expect("a document of plain values");
    text.push('\n');
    text
}

/// The refusals, each with its codes.
fn share(operation: &mut Operation, is_write: bool) {
    let tag = operation.tags.as_ref().and_then(|tags| tags.first()).cloned().unwrap_or_default();
    // Handlers of two nouns may share a name, but a generated client needs distinct ones.
    let id = operation.operation_id.take().map(|name| format!("{tag}_{name}")).unwrap_or_default();
    let mut refused = refused_by(&id);
    refused.extend([
        (401, vec!["TOKEN_MISSING", "TOKEN_INVALID"]),
        (403, vec!["SCOPE_MISSING", "ADDRESS_NOT_ALLOWED", "FORBIDDEN"]),
        (429, vec!["TOO_MANY_REQUESTS"]),
        (503, vec!["UNAVAILABLE"]),
    ]);
    if operation.request_body.is_some() {
        let body =
            [(400, "MALFORMED_JSON"), (400, "MALFORMED_REQUEST"), (413, "TOO_LARGE"), (415, "UNSUPPORTED_MEDIA_TYPE")];
        refused.extend(body.map(|(status, code)| (status, vec![code])));
    }
    if is_write {
        take_key(operation);
        let key = [(400, "IDEMPOTENCY_KEY_MALFORMED"), (422, "IDEMPOTENCY_KEY_REUSED"), (503, "OUTCOME_UNKNOWN")];
        refused.extend(key.map(|(status, code)| (status, vec![code])));
    }
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for (status, codes) in refused {
        by_status.entry(status).or_default().extend(codes);
    }
    // What some rows are refused for, all of them may be.
    let of_rows: Vec<&str> = [404, 422].iter().filter_map(|status| by_status.get(status)).flatten().copied().collect();
    if let Some(RefOr::T(some)) = operation.responses.responses.get_mut("207")
        && !some.description.contains('`')
    {
        some.description = format!("{}\n\n{}", some.description, listed(&of_rows));
    }
    for (status, codes) in by_status {
        let responses = &mut operation.responses.responses;
        responses.entry(status.to_string()).or_insert_with(|| RefOr::T(failure(status, &codes)));
    }
    operation.operation_id = Some(id);
}

fn failure(status: u16, codes: &[&str]) -> Described {
    let schema = RefOr::Ref(Ref::from_schema_name("Failure"));
    let mut response = ResponseBuilder::new()
        .description(format!("{}\n\n{}", describe(status), listed(codes)))
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build());
    let headers: &[&str] = match status {
        401 | 403 => &["WWW-Authenticate"],
        429 | 503 => &["Retry-After"],
        _ => &[],
    };
    for name in headers {
        response = response.header(*name, HeaderBuilder::new().schema(Some(text_schema(255))).build());
    }
    response.build()
}

fn listed(codes: &[&str]) -> String {
    let codes: Vec<String> = codes.iter().map(|code| format!("- `{code}`: {}", meaning(code))).collect();
    codes.join("\n")
}

/// The description of a status, shown before its codes.
fn describe(status: u16) -> &'static str {
    match status {
        400 => "The request is malformed.",
        401 => "The access token is missing or not valid.",
        403 => "This token or role does not allow it.",
        404 => "Not found in the caller's tree.",
        409 => "The request conflicts with the current state.",
        413 => "Too large.",
        415 => "Not JSON.",
        422 => "The request is invalid, or asks for more than there is. One error for each problem.",
        429 => "Too many requests: wait for the number of seconds in `Retry-After`.",
        _ => "The portal cannot answer now.",
    }
}

/// Documents that a write may carry a key.
fn take_key(operation: &mut Operation) {
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Sending the same key and body again returns the first answer."))
        .schema(Some(text_schema(255)))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
}

fn text_schema(length_max: usize) -> utoipa::openapi::Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .min_length(Some(1))
        .max_length(Some(length_max))
        .pattern(Some("^[ -~]+$"))
        .build()
        .into()
}

/// A page for reading and trying the API, loaded only from this server. It draws its icons as `data:` images, which no
/// other page may.
pub fn page() -> Router<Portal> {
    let config =
        Config::new([urls::API_DOCUMENT]).validator_url("none").use_base_layout().display_request_duration(true);
    let page: Router<Portal> = SwaggerUi::new(urls::API_PAGE).config(config).into();
    // Its smallest style sheet is ours, under the name that the page requests.
    let page = page.route(urls::API_PAGE_STYLE, get(async || Redirect::temporary(assets::address("api-docs.css"))));
    let csp = HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    );
    page.layer(SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, csp))
        .layer(axum::middleware::map_response(with_charset))
}

/// Declares the charset of the page's texts, which its crate leaves out.
async fn with_charset(mut response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|k| k.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/")
        && !kind.contains("charset")
        && let Ok(kind) = HeaderValue::from_str(&format!("{kind}; charset=utf-8"))
    {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

pub fn answer(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
