//! The id in an address. An id that is not a number is not found.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::error::{ApiError, ApiResult};
use crate::web::state::Portal;

pub struct Id(pub i64);

impl FromRequestParts<Portal> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> ApiResult<Id> {
        let found = axum::extract::Path::<i64>::from_request_parts(parts, portal).await;
        found.map(|id| Id(id.0)).map_err(|_| ApiError::of_status(StatusCode::NOT_FOUND))
    }
}
