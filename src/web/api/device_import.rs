//! Devices from a file, added by the import job; its channel tells how far it is.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Written;
use super::body::Key;
use super::caller::{DevicesWrite, May};
use super::error::{ApiError, ApiResult};
use super::rows::ChannelMeta;
use crate::model::refusal::{CompanyReason, FieldReason};
use crate::ops;
use crate::ops::error::Problems;
use crate::web::extract::Uploaded;
use crate::web::state::Portal;

/// A file of devices.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes the body")]
pub struct DeviceFile {
    /// `csv`, the default.
    #[schema(value_type = Option<String>, pattern = "^csv$", example = "csv")]
    r#type: String,
    /// For rows that name no company.
    company_id: i64,
    /// 1 puts the devices whose row names no service on Credit with auto extend.
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1)]
    auto_credit_enable: i64,
    /// Up to 20,000 rows and 1 MB. The first line names the columns: `serial` or, for apartments, `name`; and of `mac`,
    /// `imei`, `series`, `model`, `description`, `tags`, `kind`, `company`, `service`, `auto_extend`, `monitoring`
    /// those that are needed.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// An import that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportBegun {
    #[schema(example = true)]
    success: bool,
    data: ImportId,
    meta: ChannelMeta,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ImportId {
    id: i64,
}

/// Import devices from a CSV file
///
/// Rows that are wrong are left out; `GET /api/status/channel/{id}` names their lines.
#[utoipa::path(post, path = "/api/devices/import", tag = "devices",
    request_body(content = DeviceFile, content_type = "multipart/form-data"),
    responses((status = 201, body = ImportBegun)))]
pub async fn import(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Key(key): Key,
    Uploaded(form): Uploaded,
) -> ApiResult<Written<ImportBegun>> {
    let mut problems = Problems::default();
    if !matches!(form.value("type").to_lowercase().as_str(), "" | "csv") {
        problems.add("type", FieldReason::NotAChoice { choices: "csv" });
    }
    let company = match form.value("company_id").trim() {
        "" => Err(CompanyReason::Missing.into()),
        text => text.parse().map_err(|_| crate::model::refusal::Reason::from(FieldReason::NotANumber)),
    };
    let company_id: i64 = problems.take("company_id", company).unwrap_or_default();
    let takes_credit = match form.value("auto_credit_enable").trim() {
        "" | "0" | "false" => false,
        "1" | "true" => true,
        _ => {
            problems.add("auto_credit_enable", FieldReason::NotAChoice { choices: "0, 1" });
            false
        }
    };
    problems.finish()?;
    let (app, text) = (&portal.app, form.value("file"));
    let outcome = ops::imports::run(app, &caller.actor, &key, company_id, takes_credit, text)
        .await
        .map_err(|e| ApiError::of(e, &[("company", "company_id")]))?;
    let started = outcome.about;
    let (data, meta) = (ImportId { id: started.import }, ChannelMeta { channel: started.channel });
    let body = ImportBegun { success: true, data, meta };
    Ok(Written { status: StatusCode::CREATED, replayed: outcome.replayed, body })
}
