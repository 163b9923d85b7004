//! Static files, embedded in the binary, under names with a content hash, so they are cached forever.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "static"]
struct Files;

/// File name to address.
static ADDRESSES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    Files::iter()
        .filter_map(|name| {
            let file = Files::get(&name)?;
            let hash = hex::encode(&file.metadata.sha256_hash()[..8]);
            Some((name.to_string(), format!("/static/{hash}/{name}")))
        })
        .collect()
});

/// The address of a static file; empty if it does not exist.
pub fn address(name: &str) -> &'static str {
    ADDRESSES.get(name).map_or("", String::as_str)
}

/// Serves a file under its current address only.
pub async fn serve(Path((hash, name)): Path<(String, String)>) -> Response {
    let present = ADDRESSES.get(&name).is_some_and(|a| *a == format!("/static/{hash}/{name}"));
    let Some(file) = Files::get(&name).filter(|_| present) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, file.data.into_owned()).into_response()
}
