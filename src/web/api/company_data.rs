//! Data that companies buy for credits, in bytes.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{Data, List, Stamp, Written};
use super::body::{self, Body, Field, Key};
use super::caller::{CreditsRead, CreditsWrite, May};
use super::error::{ApiError, ApiResult};
use super::history::transfers;
use super::moves::MovesQuery;
use super::page::{Paging, Query};
use crate::model::data::MEBIBYTE;
use crate::model::ledger::Cause;
use crate::ops;
use crate::ops::error::Problems;
use crate::store::transfers::{ListedTransfer, TransferFilter};
use crate::web::state::Portal;

/// Credits to buy data for.
#[derive(Deserialize, ToSchema)]
pub struct NewData {
    #[serde(default)]
    #[schema(value_type = i64, required)]
    company_id: Field<i64>,
    #[serde(default)]
    #[schema(value_type = i64, required, minimum = 1, maximum = 1_000_000_000, example = 1)]
    credits: Field<i64>,
}

/// Data that was bought.
#[derive(Debug, Serialize, ToSchema)]
pub struct DataBought {
    id: i64,
    company_id: i64,
    company_name: String,
    credits: i64,
    /// What the company has left of Credit.
    credits_left: i64,
    /// What was bought, in bytes.
    #[schema(example = 2_147_483_648_i64)]
    data: i64,
    /// What the company has now, in bytes.
    remaining_data: i64,
}

/// Buy data for a company
///
/// A setting of the portal says how much a credit buys: 2,048 MiB by default.
#[utoipa::path(post, path = "/api/companies/data", tag = "companies",
    request_body = NewData, responses((status = 201, body = Data<DataBought>)))]
pub async fn buy_data(
    State(portal): State<Portal>,
    caller: May<CreditsWrite>,
    Key(key): Key,
    Body(new): Body<NewData>,
) -> ApiResult<Written<Data<DataBought>>> {
    let mut problems = Problems::default();
    let company_id = problems.take("company_id", body::company(new.company_id));
    let credits = problems.take("credits", body::amount(new.credits));
    problems.finish()?;
    let (company_id, credits) = (company_id.unwrap_or_default(), credits.unwrap_or_default());
    let outcome = ops::company_data::buy(&portal.app, &caller.actor, &key, company_id, credits)
        .await
        .map_err(|e| ApiError::of(e, &[("company", "company_id"), ("from", "company_id"), ("amount", "credits")]))?;
    let bought = outcome.about;
    let body = DataBought {
        id: bought.id,
        company_id,
        company_name: bought.company_name,
        credits: bought.credits,
        credits_left: bought.credits_left,
        data: bought.mebibytes * MEBIBYTE,
        remaining_data: bought.mebibytes_left * MEBIBYTE,
    };
    Ok(Written { status: StatusCode::CREATED, replayed: outcome.replayed, body: Data::of(body) })
}

/// A purchase of data, as the history has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DataPurchase {
    id: i64,
    company_id: i64,
    company_name: String,
    credits: i64,
    /// In bytes.
    #[schema(example = 2_147_483_648_i64)]
    data: i64,
    user_id: Option<i64>,
    /// The e-mail address of the user who bought.
    user: Option<String>,
    created_at: Stamp,
}

impl From<(ListedTransfer, i64)> for DataPurchase {
    fn from((t, mebibytes): (ListedTransfer, i64)) -> DataPurchase {
        DataPurchase {
            id: t.id,
            company_id: t.from_company_id,
            company_name: t.from_name,
            credits: t.amount,
            data: mebibytes * MEBIBYTE,
            user_id: t.actor_id,
            user: t.actor_email,
            created_at: Stamp::of(t.at),
        }
    }
}

/// Purchases of data in the caller's tree
#[utoipa::path(get, path = "/api/companies/data/history", tag = "companies",
    params(Paging, MovesQuery), responses((status = 200, body = List<DataPurchase>)))]
pub async fn data_history(
    State(portal): State<Portal>,
    caller: May<CreditsRead>,
    query: Query,
) -> ApiResult<List<DataPurchase>> {
    let filter = TransferFilter { cause: Some(Cause::BuyData), ..TransferFilter::default() };
    let (rows, meta) = transfers(&portal, &caller, query, filter).await?;
    let purchases = ops::company_data::with_data(&portal.app, rows).await?;
    Ok(List::of(purchases.into_iter().map(DataPurchase::from).collect(), meta))
}
