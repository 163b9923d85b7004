//! Settings: flags, then `SCRIP_…` variables, then a TOML file, then the defaults. An unknown or invalid one stops the
//! start with a line that names it.

mod given;
mod mail;
mod stripe;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::model::clock::Leaps;
pub use given::Given;
pub use mail::{MailConfig, MailSecurity};
pub use stripe::{Secret, StripeConfig};

/// What prevents the start.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres(String),
}

/// All settings, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub data: PathBuf,
    pub database: Database,
    pub key_file: PathBuf,
    /// Without a trailing slash.
    pub public_url: String,
    pub trusted_proxies: Vec<IpNet>,
    pub sign_up: bool,
    pub metrics_listen: Option<SocketAddr>,
    pub connections_max: usize,
    pub drain_seconds: u64,
    pub clock_leaps: Leaps,
    /// How much data a credit buys, in MiB.
    pub data_mebibytes_per_credit: i64,
    /// Per access token.
    pub api_requests_per_minute: NonZeroU32,
    pub mail: Option<MailConfig>,
    pub stripe: Option<StripeConfig>,
    /// Where the history is appended as JSON lines.
    pub audit_log: Option<PathBuf>,
    pub log: String,
    pub log_json: bool,
    /// Set by `scrip demo`: the sign-in page shows the accounts.
    pub demo: bool,
}

impl Config {
    /// Merges the settings and checks each one.
    ///
    /// # Errors
    /// Names the unknown or invalid setting.
    pub fn load(given: &Given) -> Result<Config, ConfigError> {
        given::refuse_unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
        let file = match &given.config {
            Some(path) => Given::read(path)?,
            None => Given::default(),
        };
        Config::check(given, &file)
    }

    fn check(given: &Given, file: &Given) -> Result<Config, ConfigError> {
        macro_rules! setting {
            ($name:ident) => {
                given.$name.clone().or_else(|| file.$name.clone())
            };
        }
        let listen_text = setting!(listen).unwrap_or_else(|| "127.0.0.1:8080".into());
        let listen: SocketAddr = listen_text
            .parse()
            .map_err(|_| wrong("listen", &listen_text, "an address and a port, such as 127.0.0.1:8080"))?;
        let data = setting!(data).unwrap_or_else(|| "scrip-data".into());
        let public_url = match setting!(public_url) {
            Some(text) => public_url(&text)?,
            None => format!("http://{listen}"),
        };
        let sign_up = setting!(sign_up).unwrap_or(false);
        if sign_up && setting!(smtp_server).is_none() {
            return Err(ConfigError("setting sign-up needs smtp-server: addresses are confirmed by mail".into()));
        }
        Ok(Config {
            listen,
            key_file: setting!(key_file).unwrap_or_else(|| data.join("scrip.key")),
            data,
            database: database(setting!(database_url))?,
            public_url,
            trusted_proxies: trusted_proxies(setting!(trusted_proxy).unwrap_or_default())?,
            sign_up,
            metrics_listen: setting!(metrics_listen)
                .map(|t| t.parse().map_err(|_| wrong("metrics-listen", &t, "an address and a port")))
                .transpose()?,
            connections_max: between("connections-max", setting!(connections_max).unwrap_or(16_384), 16, 1 << 20)?,
            drain_seconds: between("drain-seconds", setting!(drain_seconds).unwrap_or(2), 0, DRAIN_SECONDS_MAX)?,
            clock_leaps: Leaps {
                running_seconds: 60
                    * between(
                        "clock-leap-minutes",
                        setting!(clock_leap_minutes).unwrap_or(60),
                        2,
                        CLOCK_DAYS_MAX * 1_440,
                    )?,
                stopped_seconds: 86_400
                    * between("clock-off-days", setting!(clock_off_days).unwrap_or(32), 1, CLOCK_DAYS_MAX)?,
            },
            data_mebibytes_per_credit: between(
                "data-per-credit",
                setting!(data_per_credit).unwrap_or(2_048),
                1,
                1 << 20,
            )?,
            api_requests_per_minute: NonZeroU32::new(setting!(api_requests_per_minute).unwrap_or(6_000))
                .ok_or_else(|| wrong("api-requests-per-minute", "0", "1 or more"))?,
            mail: mail::check(
                setting!(smtp_server),
                setting!(smtp_security),
                setting!(smtp_user).zip(setting!(smtp_password)),
                setting!(mail_from),
            )?,
            stripe: stripe::check(
                setting!(stripe_secret_key),
                setting!(stripe_webhook_secret),
                setting!(stripe_api_base),
            )?,
            audit_log: setting!(audit_log),
            log: setting!(log).unwrap_or_else(|| "info".into()),
            log_json: match setting!(log_format).as_deref() {
                None | Some("text") => false,
                Some("json") => true,
                Some(other) => return Err(wrong("log-format", other, "text or json")),
            },
            demo: false,
        })
    }

    /// Whether an address is that of a trusted proxy.
    #[must_use]
    pub fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }

    /// A warning for the start: the portal works, but is less safe than it looks.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        let has_proxy = self.is_https() && self.trusted_proxies.is_empty();
        has_proxy.then_some(
            "the public address is https, so a proxy stands before this portal, but setting trusted-proxy is missing: \
             everybody seems to come from the proxy's address, so that one person's wrong passwords and codes slow \
             all others down. Give the proxy's address or network.",
        )
    }

    /// Whether people reach the portal by https: cookies are then Secure.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

fn trusted_proxies(texts: Vec<String>) -> Result<Vec<IpNet>, ConfigError> {
    let read = |text: &String| {
        let text = text.trim();
        let network = text.parse::<IpNet>().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?)));
        network.ok_or_else(|| wrong("trusted-proxy", text, "IP addresses or networks, such as 10.0.0.1 or 10.0.0.0/8"))
    };
    texts.iter().map(read).collect()
}

/// A year: beyond it nobody would notice that the clock is wrong.
const CLOCK_DAYS_MAX: i64 = 366;

/// The process must end within 20 seconds, and requests need some of them.
const DRAIN_SECONDS_MAX: u64 = 5;

fn between<T: PartialOrd + std::fmt::Display>(name: &str, value: T, low: T, high: T) -> Result<T, ConfigError> {
    if value < low || value > high {
        return Err(wrong(name, &value.to_string(), &format!("{low} to {high}")));
    }
    Ok(value)
}

fn wrong(name: &str, given: &str, wanted: &str) -> ConfigError {
    ConfigError(format!("setting {name}: {given:?} is not possible; give {wanted}"))
}

fn database(url: Option<String>) -> Result<Database, ConfigError> {
    match url.as_deref() {
        None | Some("sqlite") => Ok(Database::Sqlite),
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            Ok(Database::Postgres(url.to_owned()))
        }
        // The value may hold a password, so it is not repeated.
        Some(_) => Err(ConfigError("setting database-url: give sqlite or a postgres:// URL".into())),
    }
}

fn public_url(text: &str) -> Result<String, ConfigError> {
    let wanted = "an address such as https://credits.example.com, without a path";
    let url = url::Url::parse(text).map_err(|_| wrong("public-url", text, wanted))?;
    let plain =
        matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none() && url.has_host();
    if plain { Ok(url.origin().ascii_serialization()) } else { Err(wrong("public-url", text, wanted)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Config, String> {
        let file: Given = toml::from_str(text).map_err(|e| e.message().to_owned())?;
        Config::check(&Given::default(), &file).map_err(|e| e.0)
    }

    #[test]
    fn defaults_serve_on_loopback() {
        let config = check("").unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.public_url, "http://127.0.0.1:8080");
        assert_eq!(config.database, Database::Sqlite);
    }

    #[test]
    fn a_wrong_setting_is_named() {
        for (text, said) in [
            ("lisen = 'x'", "lisen"),
            ("listen = 'nowhere'", "listen"),
            ("public-url = 'ftp://x'", "public-url"),
            ("public-url = 'https://x/path'", "public-url"),
            ("database-url = 'mysql://hunter2@x'", "database-url"),
            ("log-format = 'xml'", "log-format"),
            ("connections-max = 1", "connections-max"),
            ("drain-seconds = 6", "drain-seconds"),
            ("clock-leap-minutes = 1", "clock-leap-minutes"),
            ("clock-off-days = 367", "clock-off-days"),
            ("smtp-server = 'x'", "smtp-server"),
            ("smtp-server = 'x:25'", "mail-from"),
            ("trusted-proxy = 'x'", "trusted-proxy"),
            ("stripe-secret-key = 'sk_hunter2'", "stripe-webhook-secret"),
            ("stripe-webhook-secret = 'whsec_hunter2'", "stripe-secret-key"),
            ("stripe-api-base = 'https://x'", "stripe-secret-key"),
            (&stripe("pk_hunter2", "whsec_hunter2", "https://x"), "stripe-secret-key"),
            (&stripe("sk_", "whsec_hunter2", "https://x"), "stripe-secret-key"),
            (&stripe("sk_hunter2", "hunter2", "https://x"), "stripe-webhook-secret"),
            (&stripe("sk_hunter2", "whsec_hunter2", "http://x"), "stripe-api-base"),
            (&stripe("sk_hunter2", "whsec_hunter2", "https://x/v1"), "stripe-api-base"),
            (&stripe("sk_hunter2", "whsec_hunter2", "https://me@x"), "stripe-api-base"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(said) && !error.contains("hunter2"), "{text}: {error}");
        }
        let unknown = given::refuse_unknown_variables(["SCRIP_LISTN".to_owned()].into_iter()).unwrap_err();
        assert!(unknown.0.contains("SCRIP_LISTN"));
    }

    fn stripe(key: &str, webhook: &str, base: &str) -> String {
        format!("stripe-secret-key = '{key}'\nstripe-webhook-secret = '{webhook}'\nstripe-api-base = '{base}'")
    }

    #[test]
    fn the_secrets_of_card_payments_are_never_printed() {
        assert_eq!(check("").unwrap().stripe, None);
        let config = check(&stripe("rk_one", "whsec_two", "http://127.0.0.1:9/")).unwrap();
        assert_eq!(config.stripe.as_ref().unwrap().api_base, "http://127.0.0.1:9");
        let printed = format!("{config:?}");
        assert!(!printed.contains("rk_one") && !printed.contains("whsec_two"), "{printed}");
    }

    #[test]
    fn the_password_of_the_mail_server_is_never_printed() {
        let file = "smtp-server = 'x:25'\nsmtp-user = 'me'\nsmtp-password = 'hunter2'\nmail-from = 'a@b.example'";
        let given: Given = toml::from_str(file).unwrap();
        let config = Config::check(&given, &Given::default()).unwrap();
        assert_eq!(config.mail.as_ref().unwrap().login, Some(("me".into(), "hunter2".into())));
        let printed = format!("{given:?} {config:?}");
        assert!(!printed.contains("hunter2"), "{printed}");
    }

    #[test]
    fn a_flag_goes_before_the_file() {
        let given = Given { listen: Some("127.0.0.1:1".into()), ..Given::default() };
        let file = Given { listen: Some("127.0.0.1:2".into()), ..Given::default() };
        assert_eq!(Config::check(&given, &file).unwrap().listen.port(), 1);
    }
}
