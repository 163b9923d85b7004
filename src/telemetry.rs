//! Logs: one line an event, with the request's id; never a secret, a code or a query.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Config, ConfigError};

/// Starts logging to standard error.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|e| ConfigError(format!("setting log: {:?} is not possible: {e}", config.log)))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started =
        if config.log_json { builder.json().finish().try_init() } else { builder.finish().try_init() };
    started.map_err(|e| ConfigError(e.to_string()))
}
