//! Invoices and credit notes: the PDF, and settling a credit note.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use crate::ops;
use crate::ops::error::OpError;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Visit};
use crate::web::view;

/// An invoice or a credit note as PDF.
pub async fn pdf(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let document = ops::invoices::document(&portal.app, &me.actor, id).await?;
    let name = document.number.clone();
    // Rendering a page of text and tables keeps a core busy for a moment.
    let bytes = tokio::task::spawn_blocking(move || crate::pdf::invoice(&document)).await;
    let bytes = bytes.map_err(|e| OpError::Internal(e.to_string()))?.map_err(|e| OpError::Internal(e.to_string()))?;
    let disposition = format!("attachment; filename=\"{name}.pdf\"");
    let headers = [(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, bytes).into_response())
}

/// The operator confirms that a credit note was paid back.
pub async fn settle(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let order_id = ops::invoices::settle_credit_note(&portal.app, &me.actor, &operation_id, id).await?;
    Ok(view::done(&urls::order(order_id), &operation_id))
}
