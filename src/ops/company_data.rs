//! Companies buy data for credits.

use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::model::data;
use crate::model::event::CompanyEvent;
use crate::model::ledger::{BuyData, Command, Operation, Refusal};
use crate::model::permission::Permission;
use crate::model::refusal::CompanyReason;
use crate::ops::work::{Outcome, work_once};
use crate::store;
use crate::store::transfers::ListedTransfer;

/// A purchase, as it was right after it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Purchase {
    /// The id of its transfer.
    pub id: i64,
    pub company_name: String,
    pub credits: i64,
    pub credits_left: i64,
    pub mebibytes: i64,
    /// What the company has now.
    pub mebibytes_left: i64,
}

/// Buys data for a company of the actor's tree, at the portal's rate.
///
/// # Errors
/// A refusal at `company` or `amount`.
pub async fn buy(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    company_id: i64,
    credits: i64,
) -> OpResult<Outcome<Purchase>> {
    actor.require(Permission::BuyResources)?;
    let mebibytes = data::bought(credits, app.config.data_mebibytes_per_credit);
    let Some(mebibytes) = mebibytes else { return refuse("amount", Refusal::Overflow) };
    let request = serde_json::json!([company_id, credits]).to_string();
    work_once!(app, actor, operation_id, "buy_data", &request, work => {
        let company = store::companies::lock(&mut work.tx, &actor.company_path, &[company_id]).await?.pop();
        let Some(company) = company else { return refuse("company", CompanyReason::Unknown) };
        let operation = Operation {
            actor: actor.for_ledger(),
            // The act is recorded under its own id, and the ledger's operation under an id derived from it.
            id: format!("{operation_id}\n0"),
            fingerprint: app.keys.fingerprint(&request),
            at: work.now,
            command: Command::BuyData(BuyData { company_id, amount: credits, memo: crate::words::data(mebibytes) }),
        };
        let ledger = super::resources::within(app, work, &[operation]).await?;
        let Some(paid) = ledger.changes().transfers.first() else { return Err(OpError::Collision) };
        let has = store::company_data::add(&mut work.tx, paid.id, company_id, mebibytes).await?;
        let Some(mebibytes_left) = has else { return refuse("amount", Refusal::Overflow) };
        let name = company.name.clone();
        let purchase = Purchase {
            id: paid.id,
            company_name: company.name,
            credits,
            credits_left: paid.from_balance,
            mebibytes,
            mebibytes_left,
        };
        Ok(Outcome::about(purchase, CompanyEvent::DataBought { name, credits, mebibytes }))
    })
}

/// Adds to purchases that the actor sees what each has bought, in MiB.
pub async fn with_data(app: &App, purchases: Vec<ListedTransfer>) -> OpResult<Vec<(ListedTransfer, i64)>> {
    let ids: Vec<i64> = purchases.iter().map(|t| t.id).collect();
    let data = store::company_data::of_transfers(&mut app.db.read_list().await?, &ids).await?;
    let with_data = |t: ListedTransfer| {
        let mebibytes = data.get(&t.id).copied().unwrap_or(0);
        (t, mebibytes)
    };
    Ok(purchases.into_iter().map(with_data).collect())
}
