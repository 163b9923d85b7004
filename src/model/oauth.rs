//! OAuth 2.1 for applications: where answers may be sent, what a grant holds, when a refresh token works. Its words are
//! those of RFC 6749, RFC 7636 (PKCE) and RFC 8252 (programs on people's own machines).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use url::Url;

use super::time::Moment;
use super::token::Scopes;

/// How long a code can be exchanged.
pub const CODE_SECONDS: i64 = 60;
pub const ACCESS_SECONDS: i64 = 3_600;
/// How long a refresh token lives unused.
pub const REFRESH_SECONDS: i64 = 90 * 86_400;
/// How long a used refresh token still works, if the answer to its use was lost.
const GRACE_SECONDS: i64 = 60;

pub const REDIRECT_URLS_MAX: usize = 10;
pub const REDIRECT_URL_LENGTH_MAX: usize = 500;
pub const DESCRIPTION_LENGTH_MAX: usize = 500;
/// The longest `state` that is sent back.
pub const STATE_LENGTH_MAX: usize = 2_000;

/// Families of scopes that RMS has and this portal has no use for: they are left out of a grant.
const UNUSED_FAMILIES: [&str; 4] =
    ["device_location", "device_actions", "device_remote_access", "device_configurations"];

/// Why a request of an application is refused, as RFC 6749 and RFC 7009 have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    InvalidScope,
    AccessDenied,
}

impl ErrorCode {
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            ErrorCode::InvalidRequest => "invalid_request",
            ErrorCode::InvalidClient => "invalid_client",
            ErrorCode::InvalidGrant => "invalid_grant",
            ErrorCode::UnauthorizedClient => "unauthorized_client",
            ErrorCode::UnsupportedGrantType => "unsupported_grant_type",
            ErrorCode::UnsupportedResponseType => "unsupported_response_type",
            ErrorCode::InvalidScope => "invalid_scope",
            ErrorCode::AccessDenied => "access_denied",
        }
    }
}

/// What is wrong with an application's redirect URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectError {
    Missing,
    TooMany,
    Malformed(String),
}

/// Where an application's answers may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUrls(Vec<String>);

impl RedirectUrls {
    /// Parses what was typed, one on each line.
    ///
    /// # Errors
    /// What is wrong, with the first text that cannot be one.
    pub fn read(text: &str) -> Result<RedirectUrls, RedirectError> {
        let mut urls: Vec<String> = Vec::new();
        for url in text.split_whitespace() {
            if !is_redirect_url(url) {
                return Err(RedirectError::Malformed(url.chars().take(REDIRECT_URL_LENGTH_MAX).collect()));
            }
            if !urls.iter().any(|known| known == url) {
                urls.push(url.to_owned());
            }
        }
        match urls.len() {
            0 => Err(RedirectError::Missing),
            n if n > REDIRECT_URLS_MAX => Err(RedirectError::TooMany),
            _ => Ok(RedirectUrls(urls)),
        }
    }

    #[must_use]
    pub fn stored(&self) -> String {
        self.0.join("\n")
    }

    #[must_use]
    pub fn from_stored(text: &str) -> RedirectUrls {
        RedirectUrls(text.lines().map(str::to_owned).collect())
    }

    /// Where the answer to a request goes: to the given address if it is registered, or to the only registered one if
    /// none is given.
    #[must_use]
    pub fn choose(&self, given: Option<&str>) -> Option<String> {
        match (given, self.0.as_slice()) {
            (Some(given), registered) => registered.iter().any(|url| matches(url, given)).then(|| given.to_owned()),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        }
    }
}

/// Whether a given address is a registered one, to the letter. A program on a person's own machine takes a free port.
fn matches(registered: &str, given: &str) -> bool {
    match (without_port(registered), without_port(given)) {
        (Some(registered), Some(given)) => registered == given,
        _ => registered == given,
    }
}

/// The loopback host of an address and what follows it, without the port.
fn without_port(url: &str) -> Option<(&'static str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]", "localhost"].into_iter().find(|host| rest.starts_with(host))?;
    let rest = &rest[host.len()..];
    let after = match rest.strip_prefix(':') {
        Some(port) => port.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    (after.is_empty() || after.starts_with(['/', '?'])).then_some((host, after))
}

fn is_redirect_url(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    // The host goes into a header, so nothing there may separate or quote.
    let is_plain = url.host_str().is_some_and(|host| {
        host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '[' | ']' | ':'))
    });
    let is_secure = url.scheme() == "https" && text.starts_with("https://");
    text.len() <= REDIRECT_URL_LENGTH_MAX
        && text.chars().all(|c| c.is_ascii_graphic())
        && is_plain
        && (is_secure || without_port(text).is_some())
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

/// What a browser allows a form to lead to, for the Content-Security-Policy: the origin of an address. There is no way
/// to name an IPv6 address there.
#[must_use]
pub fn form_target(redirect_url: &str) -> String {
    let Ok(url) = Url::parse(redirect_url) else { return String::new() };
    let is_ipv6 = url.host_str().is_some_and(|host| host.starts_with('['));
    if is_ipv6 { format!("{}:", url.scheme()) } else { url.origin().ascii_serialization() }
}

/// The challenge of PKCE: the SHA-256 of a verifier that only the program knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// Parses a challenge and its method. Only S256 is taken: `plain` shows the verifier.
    #[must_use]
    pub fn parse(text: &str, method: &str) -> Option<Challenge> {
        let is_hash = URL_SAFE_NO_PAD.decode(text).is_ok_and(|hash| hash.len() == 32);
        (method == "S256" && is_hash).then(|| Challenge(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a verifier belongs to a stored challenge.
#[must_use]
pub fn is_verified(challenge: &str, verifier: &str) -> bool {
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    (43..=128).contains(&verifier.len()) && hash.as_bytes().ct_eq(challenge.as_bytes()).into()
}

/// What is granted of the scopes asked for, separated by spaces: never more than `own`. None asked for is all of them.
///
/// # Errors
/// [`ErrorCode::InvalidScope`] for an unknown one, and if nothing is left.
pub fn granted(asked: &str, own: &Scopes) -> Result<Scopes, ErrorCode> {
    let is_unused = |slug: &str| slug.split_once(':').is_some_and(|(family, _)| UNUSED_FAMILIES.contains(&family));
    let slugs: Vec<&str> = asked.split(' ').filter(|slug| !slug.is_empty()).collect();
    let granted = match slugs.is_empty() {
        true => own.clone(),
        false => {
            let known = slugs.into_iter().filter(|slug| !is_unused(slug));
            Scopes::read(known).map_err(|_| ErrorCode::InvalidScope)?.within(own)
        }
    };
    if granted.is_empty() { Err(ErrorCode::InvalidScope) } else { Ok(granted) }
}

/// A refresh token that is presented.
#[derive(Debug, Clone, Copy)]
pub struct RefreshFacts {
    pub expires_at: Moment,
    pub used_at: Option<Moment>,
    /// Whether the refresh token that came of its last use was used as well; `None` if none came of it.
    pub is_successor_used: Option<bool>,
}

/// What a presented refresh token leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// New tokens.
    Rotate,
    /// New tokens in place of those whose answer was lost.
    Replace,
    /// It is too old.
    Expired,
    /// It was copied: all tokens of the grant end.
    EndFamily,
}

/// Decides on a refresh token.
#[must_use]
pub fn refresh(token: RefreshFacts, now: Moment) -> Refresh {
    match token.used_at {
        None if now < token.expires_at => Refresh::Rotate,
        None => Refresh::Expired,
        Some(at) if now < at.plus_seconds(GRACE_SECONDS) && token.is_successor_used == Some(false) => Refresh::Replace,
        Some(_) => Refresh::EndFamily,
    }
}

#[cfg(test)]
mod tests;
