//! Every address as a constant or a function, so that none is written twice. Functions take ids as `impl Display`
//! because templates pass references to them.

use std::fmt::Display;

use crate::model::token::TokenKind;
use crate::model::user::PendingSetup;

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $path;)*
    };
}

fixed! {
    OVERVIEW = "/";
    SIGN_IN = "/sign-in";
    /// The second step of signing in.
    SIGN_IN_CODE = "/sign-in/code";
    SIGN_IN_CODE_MAIL = "/sign-in/code/mail";
    SIGN_OUT = "/sign-out";
    /// Asks for the password and the second factor once more.
    CONFIRM = "/confirm";
    CONFIRM_MAIL = "/confirm/mail";
    FORGOTTEN_PASSWORD = "/forgotten-password";
    SIGN_UP = "/sign-up";
    /// Where a link leads once its secret is in a cookie.
    LINK_PAGE = "/link";
    THEME = "/theme";
    COMPANIES = "/companies";
    COMPANIES_NEW = "/companies/new";
    COMPANIES_REMOVAL = "/companies/removal";
    COMPANY_OPTIONS = "/companies/options";
    RESOURCES = "/resources";
    RESOURCES_CODES = "/resources/codes";
    MOVES = "/moves";
    MOVES_NEW = "/moves/new";
    MOVES_PREVIEW = "/moves/preview";
    DEVICES = "/devices";
    DEVICES_NEW = "/devices/new";
    DEVICES_SERVICE = "/devices/service";
    DEVICES_REMOVAL = "/devices/removal";
    DEVICES_TAGS = "/devices/tags/set";
    TAGS = "/devices/tags";
    TAGS_NEW = "/devices/tags/new";
    IMPORTS = "/devices/imports";
    IMPORTS_NEW = "/devices/imports/new";
    CODES = "/codes";
    CODES_NEW = "/codes/new";
    CODES_SHEET = "/codes/sheet";
    REDEEM = "/redeem";
    SUMMARY = "/summary";
    USERS = "/users";
    USERS_NEW = "/users/new";
    ROLES = "/users/roles";
    ROLES_NEW = "/users/roles/new";
    PROFILE = "/account/profile";
    SECURITY = "/account/security";
    SECURITY_PASSWORD = "/account/security/password";
    SECURITY_EMAIL = "/account/security/email";
    TOKENS = "/account/tokens";
    TOKENS_NEW = "/account/tokens/new";
    APPLICATIONS = "/account/applications";
    APPLICATIONS_NEW = "/account/applications/new";
    /// Where an application sends a person, to be allowed (OAuth 2.1).
    AUTHORIZE = "/account/authorize";
    /// What applications themselves ask.
    OAUTH_TOKEN = "/account/token";
    OAUTH_REVOKE = "/account/revoke";
    OAUTH_INTROSPECT = "/account/introspect";
    OAUTH_METADATA = "/.well-known/oauth-authorization-server";
    SECURITY_SESSIONS = "/account/security/sessions";
    SECOND_FACTOR = "/account/second-factor";
    SECOND_FACTOR_APP = "/account/second-factor/app";
    SECOND_FACTOR_EMAIL = "/account/second-factor/email";
    SECOND_FACTOR_EMAIL_CODE = "/account/second-factor/email/code";
    SECOND_FACTOR_OFF = "/account/second-factor/off";
    RECOVERY_CODES = "/account/second-factor/recovery-codes";
    HISTORY = "/history";
    HISTORY_CSV = "/history.csv";
    SUBSCRIPTIONS = "/subscriptions";
    VOUCHER = "/subscriptions/voucher";
    VOUCHER_CONFIRMATION = "/subscriptions/voucher/confirmation";
    VOUCHER_RECEIVED = "/subscriptions/voucher/received";
    BUY_VOUCHERS = "/buy/vouchers";
    BUY_LICENCES = "/buy/licences";
    BUY_LICENCES_CHOICE = "/buy/licences/choice";
    /// What devices check licence keys with.
    LICENCE_PUBLIC_KEY = "/licences/public-key";
    LICENCE_REVOCATIONS = "/licences/revocations";
    BUY_VOUCHERS_TOTAL = "/buy/vouchers/total";
    BUY_FOR_POOL = "/buy/own-pool";
    BUY_FOR_POOL_TOTAL = "/buy/own-pool/total";
    TOP_UPS = "/buy/top-ups";
    TOP_UPS_CARD = "/buy/top-ups/card";
    TOP_UPS_CARD_REMOVAL = "/buy/top-ups/card/removal";
    TOP_UPS_OFF = "/buy/top-ups/off";
    PAYMENTS = "/payments";
    VOUCHERS = "/payments/vouchers";
    VOUCHERS_CSV = "/payments/vouchers.csv";
    REPORTS = "/reports";
    SALES_CSV = "/reports/sales.csv";
    OUTSTANDING_CSV = "/reports/unused-codes.csv";
    CODES_BY_MONTH_CSV = "/reports/codes.csv";
    ISSUES = "/operator/issues";
    ISSUES_NEW = "/operator/issues/new";
    PRICE_LIST = "/operator/price-list";
    PRODUCTS_NEW = "/operator/price-list/new";
    VAT_CLASSES = "/operator/price-list/vat-classes";
    VAT_CLASSES_NEW = "/operator/price-list/vat-classes/new";
    DISTRIBUTORS = "/operator/distributors";
    DISTRIBUTORS_NEW = "/operator/distributors/new";
    SELLER = "/operator/seller";
    FAILED_JOBS = "/operator/failed-jobs";
    FAILED_JOBS_RETRY = "/operator/failed-jobs/retry";
    CLOCK = "/operator/clock";
    /// Where Stripe reports on payments.
    STRIPE_WEBHOOK = "/webhooks/stripe";
    API_DOCUMENT = "/api/openapi.json";
    API_PAGE = "/api/docs";
    API_PAGE_STYLE = "/api/docs/index.css";
    SEARCH = "/search";
    HEALTHZ = "/healthz";
    READYZ = "/readyz";
}

pub fn link(token: &str) -> String {
    format!("/link/{token}")
}

pub fn company(id: impl Display) -> String {
    format!("/companies/{id}")
}

/// A tab or an action of a company: `resources`, `codes`, `users`, `subsidiaries`, `history`, `name`, `parent`…
pub fn company_part(id: impl Display, part: &str) -> String {
    format!("/companies/{id}/{part}")
}

pub fn code_part(id: impl Display, part: &str) -> String {
    format!("/codes/{id}/{part}")
}

pub fn device(id: impl Display) -> String {
    format!("/devices/{id}")
}

pub fn device_part(id: impl Display, part: &str) -> String {
    format!("/devices/{id}/{part}")
}

#[must_use]
pub fn role(id: impl Display) -> String {
    format!("/users/roles/{id}")
}

#[must_use]
pub fn role_part(id: impl Display, part: &str) -> String {
    format!("/users/roles/{id}/{part}")
}

pub fn tag(id: impl Display) -> String {
    format!("/devices/tags/{id}")
}

pub fn tag_part(id: impl Display, part: &str) -> String {
    format!("/devices/tags/{id}/{part}")
}

/// The devices that have a tag.
pub fn devices_tagged(id: impl Display) -> String {
    format!("/devices?tag={id}")
}

pub fn import(id: impl Display) -> String {
    format!("/devices/imports/{id}")
}

pub fn import_part(id: impl Display, part: &str) -> String {
    format!("/devices/imports/{id}/{part}")
}

pub fn user(id: impl Display) -> String {
    format!("/users/{id}")
}

pub fn user_part(id: impl Display, part: &str) -> String {
    format!("/users/{id}/{part}")
}

pub fn user_token_revocation(user_id: impl Display, token_id: impl Display) -> String {
    format!("/users/{user_id}/tokens/{token_id}/revocation")
}

/// For a token of the actor.
pub fn token_revocation(id: impl Display) -> String {
    format!("/account/tokens/{id}/revocation")
}

pub fn application(id: impl Display) -> String {
    format!("/account/applications/{id}")
}

/// An action of an application: `content`, `secret`, `deletion`.
pub fn application_part(id: impl Display, part: &str) -> String {
    format!("/account/applications/{id}/{part}")
}

/// Where the actor ends what an application was allowed.
pub fn authorised_application(id: impl Display) -> String {
    format!("/account/security/applications/{id}/revocation")
}

pub fn order(id: impl Display) -> String {
    format!("/orders/{id}")
}

/// An action or a part of an order: `placement`, `card`, `return`, `cancellation`, `vouchers`…
pub fn order_part(id: impl Display, part: &str) -> String {
    format!("/orders/{id}/{part}")
}

pub fn order_line_removal(order_id: impl Display, line: impl Display) -> String {
    format!("/orders/{order_id}/lines/{line}/removal")
}

/// For units that went to the own pool.
pub fn order_line_return(order_id: impl Display, line: impl Display) -> String {
    format!("/orders/{order_id}/lines/{line}/return")
}

/// For an invoice or a credit note.
pub fn invoice_part(id: impl Display, part: &str) -> String {
    format!("/invoices/{id}/{part}")
}

/// The demo's card page for a session.
pub fn demo_card(session_id: &str) -> String {
    format!("/demo/card/{}", escape(session_id))
}

/// The codes of a line of an order.
pub fn voucher(order_id: impl Display, line: impl Display) -> String {
    format!("/orders/{order_id}/vouchers/{line}")
}

pub fn voucher_part(order_id: impl Display, line: impl Display, part: &str) -> String {
    format!("/orders/{order_id}/vouchers/{line}/{part}")
}

/// By the id of the code.
pub fn voucher_replacement(id: impl Display) -> String {
    format!("/vouchers/{id}/replacement")
}

pub fn licence(id: impl Display) -> String {
    format!("/licences/{id}")
}

pub fn licence_part(id: impl Display, part: &str) -> String {
    format!("/licences/{id}/{part}")
}

/// A batch of codes.
pub fn code_batch(id: impl Display) -> String {
    format!("/codes/batches/{id}")
}

pub fn code_batch_part(id: impl Display, part: &str) -> String {
    format!("/codes/batches/{id}/{part}")
}

pub fn product(id: impl Display) -> String {
    format!("/operator/price-list/{id}")
}

pub fn product_part(id: impl Display, part: &str) -> String {
    format!("/operator/price-list/{id}/{part}")
}

pub fn vat_class(id: impl Display) -> String {
    format!("/operator/price-list/vat-classes/{id}")
}

pub fn distributor_part(id: impl Display, part: &str) -> String {
    format!("/operator/distributors/{id}/{part}")
}

pub fn failed_job_retry(id: impl Display) -> String {
    format!("/operator/failed-jobs/{id}/retry")
}

/// Escapes a query value.
pub fn escape(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A page with the notice of an operation.
pub fn with_done(back: &str, key: &str) -> String {
    let (path, query) = back.split_once('?').unwrap_or((back, ""));
    let kept: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name != "done")
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    let mut parameters: Vec<(&str, &str)> = kept.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    parameters.push(("done", key));
    with_query(path, &parameters)
}

/// An address with query parameters; empty ones are left out.
pub fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let parts: Vec<String> = parameters
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", escape(value)))
        .collect();
    if parts.is_empty() { path.to_owned() } else { format!("{path}?{}", parts.join("&")) }
}

/// Where somebody with a pending set-up may go: to the set-up pages and out; if the password is too short, also to the
/// page for a longer one.
pub fn is_open_during_setup(path: &str, pending: PendingSetup) -> bool {
    let set_up = [
        SECOND_FACTOR,
        SECOND_FACTOR_APP,
        SECOND_FACTOR_EMAIL,
        SECOND_FACTOR_EMAIL_CODE,
        CONFIRM,
        CONFIRM_MAIL,
        SIGN_OUT,
    ];
    let password = [SECURITY, SECURITY_PASSWORD];
    set_up.contains(&path) || (pending == PendingSetup::LongerPassword && password.contains(&path))
}

/// An address without tokens and whole codes in its query, which other addresses must not contain.
pub fn without_secrets(path: &str, query: Option<&str>) -> String {
    let is_secret = |pair: &&str| {
        url::form_urlencoded::parse(pair.as_bytes()).any(|(name, value)| {
            let names = ["authorization", "token", "access_token"];
            names.iter().any(|secret| name.eq_ignore_ascii_case(secret))
                || TokenKind::ALL.iter().any(|kind| value.contains(kind.prefix()))
                || crate::model::code::Code::parse(&value).is_ok()
        })
    };
    let kept: Vec<&str> = query.unwrap_or_default().split('&').filter(|p| !p.is_empty() && !is_secret(p)).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

/// Whether programs ask at an address, and read its answers.
pub fn is_for_programs(path: &str) -> bool {
    path.starts_with("/api/") || [OAUTH_TOKEN, OAUTH_REVOKE, OAUTH_INTROSPECT].contains(&path)
}

/// Whether a text is a path of this portal, safe to redirect to after signing in.
pub fn is_local(path: &str) -> bool {
    let mut bytes = path.bytes();
    bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && !path.chars().any(|c| c.is_control() || c == '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_only_to_own_paths() {
        assert!(is_local("/companies?q=a") && is_local("/"));
        for foreign in ["", "https://x", "//x", "/\\x", "/a\\b", "/\n"] {
            assert!(!is_local(foreign), "{foreign:?}");
        }
    }

    #[test]
    fn secrets_stay_out_of_addresses() {
        let query = "a=1&Authorization=Bearer+x&b=scrip_pat_00&q=7M2K-0QGM-94XV-5E1C-T8W5&c=%20";
        assert_eq!(without_secrets("/x", Some(query)), "/x?a=1&q=7M2K-0QGM-94XV-5E1C-T8W5&c=%20");
        let code = crate::model::code::Code::from_random([7; _]).reveal();
        assert_eq!(without_secrets("/x", Some(&format!("q={code}"))), "/x");
        assert_eq!(without_secrets("/x", None), "/x");
    }

    #[test]
    fn queries_are_escaped() {
        assert_eq!(with_query("/a", &[("q", "x & y"), ("r", "")]), "/a?q=x+%26+y");
    }
}
