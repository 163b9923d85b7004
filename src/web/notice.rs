//! The message at the top of the page after something was done. It is made from stored data, so that it is right on
//! reload and with several processes, and only for the actor.

use super::error::WebResult;
use crate::app::App;
use crate::model::ledger::{Cause, Transfer};
use crate::ops::actor::Actor;
use crate::ops::coverage;
use crate::ops::history::{self, Happened};
use crate::words::{self, Notice};

/// The notice of an operation, if it has happened.
pub async fn of(app: &App, actor: &Actor, operation_id: &str) -> WebResult<Option<Notice>> {
    Ok(match history::happened(app, actor, operation_id).await? {
        Some(Happened::Transfers(transfers)) => {
            let mut notice = words::transfers(&transfers);
            notice.text += &lasts(app, actor, &transfers).await?;
            Some(notice)
        }
        Some(Happened::Other(event)) => Some(words::event(&event)),
        None => None,
    })
}

/// How long the balance that a code was redeemed into lasts from now; empty if nothing draws on it.
async fn lasts(app: &App, actor: &Actor, transfers: &[Transfer]) -> WebResult<String> {
    let Some(first) = transfers.first().filter(|t| t.cause == Cause::Redeem) else {
        return Ok(String::new());
    };
    let coverage = coverage::of_pool(app, actor, actor.company_id, first.resource_type).await?;
    Ok(coverage.filter(|c| !c.is_used_up).map_or(String::new(), |c| format!(" It lasts {}.", words::coverage(&c))))
}
