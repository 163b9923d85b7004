//! Settings: flags, then `SCRIP_…` variables, then a TOML file, then the defaults. An unknown or invalid one stops the
//! start with a line that names it.

mod stripe;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use crate::model::clock::Leaps;
pub use stripe::{Secret, StripeConfig};

/// What prevents the start.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// What may be given on the command line or in the environment; the same names stand in the file.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Given {
    /// A TOML file with these same names (listen = "127.0.0.1:8080").
    #[arg(long, env = "SCRIP_CONFIG", global = true)]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// The address and port to listen on [default: 127.0.0.1:8080].
    #[arg(long, env = "SCRIP_LISTEN", global = true)]
    pub listen: Option<String>,
    /// The folder of the database and the keys [default: ./scrip-data].
    #[arg(long, env = "SCRIP_DATA", global = true)]
    pub data: Option<PathBuf>,
    /// `sqlite` (in the data folder) or a `postgres://` URL [default: sqlite].
    #[arg(long, env = "SCRIP_DATABASE_URL", global = true, hide_env_values = true)]
    pub database_url: Option<String>,
    /// The key file [default: scrip.key in the data folder].
    #[arg(long, env = "SCRIP_KEY_FILE", global = true)]
    pub key_file: Option<PathBuf>,
    /// The address that people use, such as https://credits.example.com [default: http:// and the listen address].
    #[arg(long, env = "SCRIP_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,
    /// The addresses and networks (10.0.0.0/8) of reverse proxies whose X-Forwarded-For is believed; several with
    /// commas between, or the flag again.
    #[arg(long, env = "SCRIP_TRUSTED_PROXY", global = true, value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_several")]
    pub trusted_proxy: Option<Vec<String>>,
    /// Whether a person with a code and no account may sign up (true or false) [default: false].
    #[arg(long, env = "SCRIP_SIGN_UP", global = true)]
    pub sign_up: Option<bool>,
    /// Where the counters are served at /metrics, such as 127.0.0.1:9090; without it they are not counted.
    #[arg(long, env = "SCRIP_METRICS_LISTEN", global = true)]
    pub metrics_listen: Option<String>,
    /// How many connections may be open at once [default: 16384].
    #[arg(long, env = "SCRIP_CONNECTIONS_MAX", global = true)]
    pub connections_max: Option<usize>,
    /// How many seconds all is served still after SIGTERM, while /readyz says that the end is near [default: 2].
    #[arg(long, env = "SCRIP_DRAIN_SECONDS", global = true)]
    pub drain_seconds: Option<u64>,
    /// Renewals and expiry wait when the clock leaps ahead by more than so many minutes while the portal runs; and
    /// at its start, where the kernel does not call the clock synchronised [default: 60].
    #[arg(long, env = "SCRIP_CLOCK_LEAP_MINUTES", global = true)]
    pub clock_leap_minutes: Option<i64>,
    /// The same at its start where the clock is synchronised: for so many days the portal may have been off
    /// [default: 32].
    #[arg(long, env = "SCRIP_CLOCK_OFF_DAYS", global = true)]
    pub clock_off_days: Option<i64>,
    /// How many requests a minute each access token may make [default: 6000].
    #[arg(long, env = "SCRIP_API_REQUESTS_PER_MINUTE", global = true)]
    pub api_requests_per_minute: Option<u32>,
    /// The mail server, such as smtp.example.com:587; without it no mail is sent.
    #[arg(long, env = "SCRIP_SMTP_SERVER", global = true)]
    pub smtp_server: Option<String>,
    /// How the connection to the mail server is kept secret: tls, starttls or none [default: starttls].
    #[arg(long, env = "SCRIP_SMTP_SECURITY", global = true)]
    pub smtp_security: Option<String>,
    #[arg(long, env = "SCRIP_SMTP_USER", global = true)]
    pub smtp_user: Option<String>,
    /// Better given as SCRIP_SMTP_PASSWORD than on the command line, which others can see.
    #[arg(long, env = "SCRIP_SMTP_PASSWORD", global = true, hide_env_values = true)]
    pub smtp_password: Option<Secret>,
    /// The sender of mails, such as "Acme credits <credits@example.com>".
    #[arg(long, env = "SCRIP_MAIL_FROM", global = true)]
    pub mail_from: Option<String>,
    /// Stripe's secret key, for card payments. Better given as SCRIP_STRIPE_SECRET_KEY.
    #[arg(long, env = "SCRIP_STRIPE_SECRET_KEY", global = true, hide_env_values = true)]
    pub stripe_secret_key: Option<Secret>,
    /// The signing secret of the webhook at Stripe. Better given as SCRIP_STRIPE_WEBHOOK_SECRET.
    #[arg(long, env = "SCRIP_STRIPE_WEBHOOK_SECRET", global = true, hide_env_values = true)]
    pub stripe_webhook_secret: Option<Secret>,
    /// Where Stripe's API is; another address is for trials [default: https://api.stripe.com].
    #[arg(long, env = "SCRIP_STRIPE_API_BASE", global = true)]
    pub stripe_api_base: Option<String>,
    /// A file that the history is appended to as JSON lines, for another system to read; without it there is none.
    #[arg(long, env = "SCRIP_AUDIT_LOG", global = true)]
    pub audit_log: Option<PathBuf>,
    /// What is logged: error, warn, info, debug, or a filter such as scrip=debug [default: info].
    #[arg(long, env = "SCRIP_LOG", global = true)]
    pub log: Option<String>,
    /// text or json [default: text].
    #[arg(long, env = "SCRIP_LOG_FORMAT", global = true)]
    pub log_format: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres(String),
}

/// How mail is sent.
#[derive(Debug, Clone)]
pub struct MailConfig {
    pub host: String,
    pub port: u16,
    pub security: MailSecurity,
    pub login: Option<(String, Secret)>,
    pub from: lettre::message::Mailbox,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    Tls,
    StartTls,
    None,
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
        refuse_unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
        let file = match &given.config {
            Some(path) => read_file(path)?,
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
            return Err(ConfigError(
                "setting sign-up needs smtp-server: addresses are confirmed by mail".into(),
            ));
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
            connections_max: between(
                "connections-max",
                setting!(connections_max).unwrap_or(16_384),
                16,
                1 << 20,
            )?,
            drain_seconds: between(
                "drain-seconds",
                setting!(drain_seconds).unwrap_or(2),
                0,
                DRAIN_SECONDS_MAX,
            )?,
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
            api_requests_per_minute: NonZeroU32::new(setting!(api_requests_per_minute).unwrap_or(6_000))
                .ok_or_else(|| wrong("api-requests-per-minute", "0", "1 or more"))?,
            mail: mail(
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

/// One text, or a list of them.
fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Texts {
        One(String),
        Several(Vec<String>),
    }
    Ok(Some(match Texts::deserialize(deserializer)? {
        Texts::One(text) => text.split(',').map(str::to_owned).collect(),
        Texts::Several(texts) => texts,
    }))
}

fn trusted_proxies(texts: Vec<String>) -> Result<Vec<IpNet>, ConfigError> {
    let read = |text: &String| {
        let text = text.trim();
        let network = text.parse::<IpNet>().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?)));
        network.ok_or_else(|| {
            wrong("trusted-proxy", text, "IP addresses or networks, such as 10.0.0.1 or 10.0.0.0/8")
        })
    };
    texts.iter().map(read).collect()
}

/// A year: beyond it nobody would notice that the clock is wrong.
const CLOCK_DAYS_MAX: i64 = 366;

/// The process must end within 20 seconds, and requests need some of them.
const DRAIN_SECONDS_MAX: u64 = 5;

fn between<T: PartialOrd + std::fmt::Display>(
    name: &str,
    value: T,
    low: T,
    high: T,
) -> Result<T, ConfigError> {
    if value < low || value > high {
        return Err(wrong(name, &value.to_string(), &format!("{low} to {high}")));
    }
    Ok(value)
}

fn wrong(name: &str, given: &str, wanted: &str) -> ConfigError {
    ConfigError(format!("setting {name}: {given:?} is not possible; give {wanted}"))
}

fn read_file(path: &std::path::Path) -> Result<Given, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| ConfigError(format!("settings file {}: {e}", path.display())))?;
    toml::from_str(&text)
        .map_err(|e| ConfigError(format!("settings file {}: {}", path.display(), e.message())))
}

/// A misspelt variable would otherwise be ignored silently.
fn refuse_unknown_variables(names: impl Iterator<Item = String>) -> Result<(), ConfigError> {
    use clap::CommandFactory as _;
    #[derive(clap::Parser)]
    struct OnlyGiven {
        #[command(flatten)]
        given: Given,
    }
    let command = OnlyGiven::command();
    let known: Vec<String> = command
        .get_arguments()
        .filter_map(|a| a.get_env().map(|e| e.to_string_lossy().into_owned()))
        .collect();
    for name in names.filter(|n| n.starts_with("SCRIP_") && !n.starts_with("SCRIP_TEST_")) {
        if !known.contains(&name) {
            return Err(ConfigError(format!("variable {name} is no setting of Scrip; see scrip --help")));
        }
    }
    Ok(())
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
    let plain = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.has_host();
    if plain { Ok(url.origin().ascii_serialization()) } else { Err(wrong("public-url", text, wanted)) }
}

fn mail(
    server: Option<String>,
    security: Option<String>,
    login: Option<(String, Secret)>,
    from: Option<String>,
) -> Result<Option<MailConfig>, ConfigError> {
    let Some(server) = server else { return Ok(None) };
    let (host, port) = server
        .rsplit_once(':')
        .and_then(|(h, p)| Some((h.to_owned(), p.parse().ok()?)))
        .ok_or_else(|| wrong("smtp-server", &server, "a name and a port, such as smtp.example.com:587"))?;
    let security = match security.as_deref() {
        None | Some("starttls") => MailSecurity::StartTls,
        Some("tls") => MailSecurity::Tls,
        Some("none") => MailSecurity::None,
        Some(other) => return Err(wrong("smtp-security", other, "tls, starttls or none")),
    };
    let from = from.ok_or_else(|| ConfigError("setting mail-from is missing: mails need a sender".into()))?;
    let from = from.parse().map_err(|_| wrong("mail-from", &from, "an e-mail address"))?;
    Ok(Some(MailConfig { host, port, security, login, from }))
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
        let unknown = refuse_unknown_variables(["SCRIP_LISTN".to_owned()].into_iter()).unwrap_err();
        assert!(unknown.0.contains("SCRIP_LISTN"));
    }

    fn stripe(key: &str, webhook: &str, base: &str) -> String {
        format!(
            "stripe-secret-key = '{key}'\nstripe-webhook-secret = '{webhook}'\nstripe-api-base = '{base}'"
        )
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
        let file =
            "smtp-server = 'x:25'\nsmtp-user = 'me'\nsmtp-password = 'hunter2'\nmail-from = 'a@b.example'";
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
