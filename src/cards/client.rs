//! The HTTP client for the card provider.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};

use super::error::ProviderError;

/// The longest accepted answer, in bytes.
const ANSWER_LENGTH_MAX: usize = 256 * 1_024;

/// A client that trusts the public roots built into this program, as the mail and the database client do. It needs
/// neither the machine's certificates, which a bare container lacks, nor a process-wide cryptography provider, without
/// which `reqwest`'s own set-up would panic.
pub fn new(timeout: Duration, is_loopback: bool) -> Result<reqwest::Client, ProviderError> {
    let wrong = |error: &dyn std::fmt::Display| ProviderError::Client(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong(&e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(!is_loopback)
        // A redirect would take the secret key elsewhere.
        .redirect(Policy::none())
        .timeout(timeout)
        .user_agent(concat!("Scrip/", env!("CARGO_PKG_VERSION")));
    let client = if is_loopback { client.no_proxy() } else { client };
    client.build().map_err(|e| wrong(&e))
}

/// Reads an answer's body, up to a limit.
pub async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > ANSWER_LENGTH_MAX {
            return Err(ProviderError::Answer("it is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The address is known, and does not belong in every log line.
pub fn unreachable(error: reqwest::Error) -> ProviderError {
    ProviderError::Unreachable(error.without_url())
}
