//! Settings as they are given: flags and variables by clap, the file by serde, under the same names.

use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Deserializer};

use super::{ConfigError, Secret};

/// Settings from the command line or the environment. The settings file uses the same names.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Given {
    /// A TOML file with these settings by the same names (listen = "127.0.0.1:8080").
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
    /// The portal's public address, such as https://credits.example.com [default: http:// and the listen address].
    #[arg(long, env = "SCRIP_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,
    /// Addresses and networks (10.0.0.0/8) of reverse proxies whose X-Forwarded-For is trusted, separated by
    /// commas or by repeating the flag.
    #[arg(long, env = "SCRIP_TRUSTED_PROXY", global = true, value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_several")]
    pub trusted_proxy: Option<Vec<String>>,
    /// Whether somebody with a code but no account may sign up (true or false) [default: false].
    #[arg(long, env = "SCRIP_SIGN_UP", global = true)]
    pub sign_up: Option<bool>,
    /// Where to serve metrics at /metrics, such as 127.0.0.1:9090 [default: nowhere].
    #[arg(long, env = "SCRIP_METRICS_LISTEN", global = true)]
    pub metrics_listen: Option<String>,
    /// The most connections open at once [default: 16384].
    #[arg(long, env = "SCRIP_CONNECTIONS_MAX", global = true)]
    pub connections_max: Option<usize>,
    /// Seconds to keep serving after SIGTERM, while /readyz already reports that the portal is stopping [default: 2].
    #[arg(long, env = "SCRIP_DRAIN_SECONDS", global = true)]
    pub drain_seconds: Option<u64>,
    /// Renewals and expiry pause if the clock leaps ahead by more than this many minutes while the portal runs, or at
    /// its start if the kernel does not report the clock as synchronised [default: 60].
    #[arg(long, env = "SCRIP_CLOCK_LEAP_MINUTES", global = true)]
    pub clock_leap_minutes: Option<i64>,
    /// The same at its start if the clock is synchronised: how many days the portal may have been off
    /// [default: 32].
    #[arg(long, env = "SCRIP_CLOCK_OFF_DAYS", global = true)]
    pub clock_off_days: Option<i64>,
    /// How much data a credit buys for a company, in MiB [default: 2048].
    #[arg(long, env = "SCRIP_DATA_PER_CREDIT", global = true)]
    pub data_per_credit: Option<i64>,
    /// Requests per minute allowed for each access token [default: 6000].
    #[arg(long, env = "SCRIP_API_REQUESTS_PER_MINUTE", global = true)]
    pub api_requests_per_minute: Option<u32>,
    /// The mail server, such as smtp.example.com:587 [default: none, and no mail is sent].
    #[arg(long, env = "SCRIP_SMTP_SERVER", global = true)]
    pub smtp_server: Option<String>,
    /// How the connection to the mail server is encrypted: tls, starttls or none [default: starttls].
    #[arg(long, env = "SCRIP_SMTP_SECURITY", global = true)]
    pub smtp_security: Option<String>,
    #[arg(long, env = "SCRIP_SMTP_USER", global = true)]
    pub smtp_user: Option<String>,
    /// The mail server's password. Set SCRIP_SMTP_PASSWORD instead: other users of the machine can see command lines.
    #[arg(long, env = "SCRIP_SMTP_PASSWORD", global = true, hide_env_values = true)]
    pub smtp_password: Option<Secret>,
    /// The sender of mails, such as "Acme credits <credits@example.com>".
    #[arg(long, env = "SCRIP_MAIL_FROM", global = true)]
    pub mail_from: Option<String>,
    /// Stripe's secret key, for card payments. Set SCRIP_STRIPE_SECRET_KEY instead.
    #[arg(long, env = "SCRIP_STRIPE_SECRET_KEY", global = true, hide_env_values = true)]
    pub stripe_secret_key: Option<Secret>,
    /// The signing secret of Stripe's webhook. Set SCRIP_STRIPE_WEBHOOK_SECRET instead.
    #[arg(long, env = "SCRIP_STRIPE_WEBHOOK_SECRET", global = true, hide_env_values = true)]
    pub stripe_webhook_secret: Option<Secret>,
    /// Stripe's API; change it only for tests [default: https://api.stripe.com].
    #[arg(long, env = "SCRIP_STRIPE_API_BASE", global = true)]
    pub stripe_api_base: Option<String>,
    /// A file to append the history to as JSON lines, for other systems to read [default: none].
    #[arg(long, env = "SCRIP_AUDIT_LOG", global = true)]
    pub audit_log: Option<PathBuf>,
    /// What is logged: error, warn, info, debug, or a filter such as scrip=debug [default: info].
    #[arg(long, env = "SCRIP_LOG", global = true)]
    pub log: Option<String>,
    /// text or json [default: text].
    #[arg(long, env = "SCRIP_LOG_FORMAT", global = true)]
    pub log_format: Option<String>,
}

impl Given {
    /// Reads a settings file.
    pub(super) fn read(path: &std::path::Path) -> Result<Given, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|e| ConfigError(format!("settings file {}: {e}", path.display())))?;
        toml::from_str(&text).map_err(|e| ConfigError(format!("settings file {}: {}", path.display(), e.message())))
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

/// A misspelt variable would otherwise be ignored silently.
pub(super) fn refuse_unknown_variables(names: impl Iterator<Item = String>) -> Result<(), ConfigError> {
    use clap::CommandFactory as _;
    #[derive(clap::Parser)]
    struct OnlyGiven {
        #[command(flatten)]
        given: Given,
    }
    let command = OnlyGiven::command();
    let known: Vec<String> =
        command.get_arguments().filter_map(|a| a.get_env().map(|e| e.to_string_lossy().into_owned())).collect();
    for name in names.filter(|n| n.starts_with("SCRIP_") && !n.starts_with("SCRIP_TEST_")) {
        if !known.contains(&name) {
            return Err(ConfigError(format!("variable {name} is no setting of Scrip; see scrip --help")));
        }
    }
    Ok(())
}
