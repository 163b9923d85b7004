//! The settings of card payments.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::{ConfigError, wrong};

const API_BASE: &str = "https://api.stripe.com";

/// A setting that is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(text.to_owned())
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Secret, Self::Err> {
        Ok(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How to reach Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripeConfig {
    pub secret_key: Secret,
    pub webhook_secret: Secret,
    /// Without a trailing slash.
    pub api_base: String,
}

/// Both secrets, or neither: with only one, the portal would take money and never learn of it, or vice versa.
pub(super) fn check(
    secret_key: Option<Secret>,
    webhook_secret: Option<Secret>,
    api_base: Option<String>,
) -> Result<Option<StripeConfig>, ConfigError> {
    let missing = |name: &str, given: &str| {
        Err(ConfigError(format!("setting {name} is missing: {given} alone takes no card payments")))
    };
    let (secret_key, webhook_secret) = match (secret_key, webhook_secret) {
        (Some(key), Some(webhook)) => (key, webhook),
        (Some(_), None) => return missing("stripe-webhook-secret", "stripe-secret-key"),
        (None, Some(_)) => return missing("stripe-secret-key", "stripe-webhook-secret"),
        (None, None) if api_base.is_some() => return missing("stripe-secret-key", "stripe-api-base"),
        (None, None) => return Ok(None),
    };
    // The values are secret, so they are not repeated.
    for (name, value, prefixes, wanted) in [
        ("stripe-secret-key", &secret_key, ["sk_", "rk_"], "the secret key, which begins with sk_ or rk_"),
        (
            "stripe-webhook-secret",
            &webhook_secret,
            ["whsec_"; 2],
            "the webhook's signing secret, which begins with whsec_",
        ),
    ] {
        let is_plain = value.0.bytes().all(|b| b.is_ascii_graphic());
        if !is_plain || !prefixes.iter().any(|p| value.0.len() > p.len() && value.0.starts_with(p)) {
            return Err(ConfigError(format!("setting {name}: give {wanted}")));
        }
    }
    let api_base = api_base.as_deref().map_or(Ok(API_BASE.to_owned()), base)?;
    Ok(Some(StripeConfig { secret_key, webhook_secret, api_base }))
}

fn base(text: &str) -> Result<String, ConfigError> {
    let wanted = "an https:// address without a path, or an http:// one on loopback";
    let url = url::Url::parse(text).map_err(|_| wrong("stripe-api-base", text, wanted))?;
    let is_loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    let is_plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if is_safe && is_plain && url.username().is_empty() && url.password().is_none() {
        Ok(url.origin().ascii_serialization())
    } else {
        Err(wrong("stripe-api-base", text, wanted))
    }
}
