//! The end of the chain, which reveals whether the ledger was rewritten.

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Data, Stamp};
use super::caller::{CreditsRead, May};
use super::error::ApiResult;
use crate::ops;
use crate::web::state::Portal;

/// The last link of the chain.
#[derive(Debug, Serialize, ToSchema)]
pub struct LedgerHead {
    /// What to keep: `scrip verify --since HEAD` tells whether anything before it was rewritten.
    #[schema(example = "17:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    head: String,
    /// The number of links.
    number: i64,
    linked_at: Stamp,
    /// The Ed25519 signature of the text `scrip chain HEAD`, in base64.
    signature: String,
    /// The public key that verifies it, in base64.
    public_key: Option<String>,
    /// The version of the key.
    key_version: i64,
}

/// The head of the chain of the ledger's digests
///
/// For administrators and auditors of the root company. Every second, new rows are linked into the chain.
#[utoipa::path(get, path = "/api/ledger/head", tag = "ledger",
    responses((status = 200, body = Data<LedgerHead>)))]
pub async fn head(State(portal): State<Portal>, caller: May<CreditsRead>) -> ApiResult<Data<LedgerHead>> {
    let link = ops::chain::last_link(&portal.app, &caller.actor).await?;
    Ok(Data::of(LedgerHead {
        head: link.head().to_string(),
        number: link.number,
        linked_at: Stamp::of(link.at),
        signature: STANDARD.encode(&link.signature),
        public_key: portal.app.keys.chain_public_key(link.key_version),
        key_version: link.key_version,
    }))
}
