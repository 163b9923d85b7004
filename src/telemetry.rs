//! Logs: one line per event, with the request's id; never a secret, a code or a query. Also counters.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Config, ConfigError};

/// Starts logging to standard error.
///
/// # Errors
/// If the filter cannot be parsed.
pub fn start(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|e| ConfigError(format!("setting log: {:?} is not possible: {e}", config.log)))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if config.log_json { builder.json().finish().try_init() } else { builder.finish().try_init() };
    started.map_err(|e| ConfigError(e.to_string()))
}

/// Starts counting; returns what renders the counters in Prometheus's text format. Until it is called, counting costs
/// next to nothing.
///
/// # Errors
/// If counting has already started.
pub fn count() -> Result<PrometheusHandle, ConfigError> {
    let seconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &seconds)
        .and_then(|b| {
            let sizes = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
            b.set_buckets_for_metric(Matcher::Suffix("_operations".into()), &sizes)
        })
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|e| ConfigError(format!("setting metrics-listen: {e}")))
}
