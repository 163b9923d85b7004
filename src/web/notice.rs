//! The message at the top of the page after something was done. It is made from stored data, so that it is right on
//! reload and with several processes, and only for the actor.

use super::error::WebResult;
use crate::app::App;
use crate::model::amount::grouped;
use crate::model::ledger::{Cause, Transfer, balance_after};
use crate::ops::actor::Actor;
use crate::ops::coverage;
use crate::ops::history::{self, Happened};
use crate::words::{self, Notice};

/// The notice of an operation, if it has happened.
pub async fn of(app: &App, actor: &Actor, operation_id: &str) -> WebResult<Option<Notice>> {
    Ok(match history::happened(app, actor, operation_id).await? {
        Some(Happened::Transfers(transfers)) => {
            let mut notice = of_transfers(&transfers);
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

fn of_transfers(transfers: &[Transfer]) -> Notice {
    let Some(first) = transfers.first() else { return Notice::done("", "") };
    let served = transfers.iter().skip(1).filter(|t| t.cause == Cause::Spend);
    let left = balance_after(transfers);
    let extended = match served.count() {
        0 => String::new(),
        1 => " 1 waiting device was extended at once.".to_owned(),
        n => format!(" {} waiting devices were extended at once.", grouped(n as i64)),
    };
    Notice::done(first.cause.verb(), sentence(first, transfers.len(), left) + &extended)
}

/// `left` is the balance after the whole operation, which may create several codes.
fn sentence(t: &Transfer, count: usize, left: i64) -> String {
    let units = format!("{} {}", grouped(t.amount), t.resource_type.label());
    match t.cause {
        Cause::Issue => format!("{units} issued to {}. The balance is now {}.", t.to_name, grouped(left)),
        Cause::Move => format!("{units} moved from {} to {}.", t.from_name, t.to_name),
        Cause::CreateCode if count > 1 => {
            let count = grouped(count as i64);
            format!("{count} codes of {units} each were created for {}. {} left.", t.from_name, grouped(left))
        }
        Cause::CreateCode => {
            format!("A code of {units} was created for {}. {} left.", t.from_name, grouped(left))
        }
        Cause::DeleteCode => {
            format!("{units} returned to {}. The balance is now {}.", t.to_name, grouped(left))
        }
        Cause::Redeem => format!("{units} added to {}. The balance is now {}.", t.to_name, grouped(left)),
        Cause::Spend => format!("{units} of {} used by {}.", t.from_name, t.memo),
        Cause::Fulfil => format!("Vouchers of {units} each were issued to {}.", t.to_name),
        Cause::Expire => format!("{units} of {} expired.", t.from_name),
        Cause::Cancel => format!("{units} of {} went back to the vendor.", t.from_name),
        Cause::Replace => format!("The code of {units} was replaced. The old one no longer works."),
    }
}
