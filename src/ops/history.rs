//! The history, and the notice of an operation that has happened.

use super::actor::Actor;
use super::error::OpResult;
use crate::app::App;
use crate::model::event::Event;
use crate::model::ledger::Transfer;
use crate::model::permission::Permission;
use crate::store;
use crate::store::company_scope::CompanyScope;
use crate::store::history::{HistoryFilter, HistoryRow};
use crate::store::operations::Use;

/// Each verb of the history with its label on screen.
pub const VERBS: &[(&str, &str)] = &[
    ("issue", "Resources issued"),
    ("move", "Resources moved"),
    ("create_code", "Code created"),
    ("redeem", "Code activated"),
    ("delete_code", "Code deleted"),
    ("spend", "Used by a device"),
    ("fulfil", "Purchased units issued"),
    ("expire", "Voucher expired"),
    ("cancel", "Purchased units taken back"),
    ("replace", "Voucher replaced"),
    ("buy_data", "Data bought"),
    ("order.placed", "Order placed"),
    ("order.paid", "Order paid"),
    ("order.cancelled", "Order cancelled"),
    ("top_up.set", "Standing top-up set"),
    ("top_up.turned_off", "Standing top-up turned off"),
    ("top_up.stopped", "Standing top-up stopped by itself"),
    ("card.saved", "Card saved"),
    ("card.forgotten", "Card forgotten"),
    ("order.dispute_asked", "Payment questioned by the bank"),
    ("order.disputed", "Payment disputed"),
    ("order.dispute_won", "Dispute won"),
    ("order.dispute_lost", "Dispute lost"),
    ("order.refunded", "Card payment given back"),
    ("order.other_sum", "Another sum was paid by card than was due"),
    ("order.paid_back", "Credit note paid back"),
    ("order.vouchers_cancelled", "Vouchers of an order cancelled"),
    ("order.units_taken_back", "Units of an order taken back"),
    ("licence.issued", "Licence keys made"),
    ("licence.rehosted", "Licence moved to another device"),
    ("device.added", "Device added"),
    ("device.changed", "Device changed"),
    ("device.service_set", "Device service set"),
    ("device.monitoring_on", "Device monitoring on"),
    ("device.monitoring_off", "Device monitoring off"),
    ("device.removed", "Device removed"),
    ("device.moved", "Device moved"),
    ("device.tags_set", "Device tags set"),
    ("device.imported", "Devices imported"),
    ("role.created", "Role created"),
    ("role.changed", "Role changed"),
    ("role.deleted", "Role deleted"),
    ("tag.created", "Tag created"),
    ("tag.changed", "Tag changed"),
    ("tag.deleted", "Tag deleted"),
    ("code.comment_changed", "Code comment changed"),
    ("code.shown", "Whole codes shown"),
    ("code.exported", "Whole codes exported"),
    ("code.printed", "Whole codes printed"),
    ("code.wrong", "Wrong code entered"),
    ("request.forbidden", "Forbidden request"),
    ("stranger.sign_in_failed", "Sign-in without an account"),
    ("stranger.code_wrong", "Wrong code at sign-up"),
    ("company.created", "Company created"),
    ("company.renamed", "Company renamed"),
    ("company.moved", "Company put under another"),
    ("company.removed", "Company removed"),
    ("company.parent_credits_on", "Use parent credits on"),
    ("company.parent_credits_off", "Use parent credits off"),
    ("company.own_purchases_set", "Buying for the own pool set"),
    ("company.second_factor_demanded", "Two-factor authentication demanded"),
    ("company.second_factor_optional", "Two-factor authentication no longer demanded"),
    ("user.invited", "User invited"),
    ("user.link_made", "User link renewed"),
    ("user.role_changed", "User role changed"),
    ("user.disabled", "User disabled"),
    ("user.enabled", "User enabled"),
    ("user.removed", "User removed"),
    ("user.invitation_withdrawn", "Invitation withdrawn"),
    ("user.sessions_ended", "Sessions ended"),
    ("user.signed_in", "Signed in"),
    ("user.signed_out", "Signed out"),
    ("user.sign_in_failed", "Sign-in failed"),
    ("user.password_set", "Password set"),
    ("user.password_changed", "Password changed"),
    ("user.second_factor_on", "Two-factor authentication on"),
    ("user.second_factor_off", "Two-factor authentication off"),
    ("user.second_factor_reset", "Two-factor authentication reset"),
    ("user.second_factor_failed", "Second factor wrong"),
    ("user.recovery_codes_made", "Recovery codes made"),
    ("user.recovery_code_used", "Recovery code used"),
    ("user.email_asked", "E-mail change asked for"),
    ("user.email_changed", "E-mail changed"),
    ("user.email_stopped", "E-mail change stopped"),
    ("user.confirmed", "Identity confirmed"),
    ("user.confirmation_failed", "Confirmation failed"),
    ("product.added", "Product added"),
    ("product.changed", "Product changed"),
    ("product.offered", "Product offered again"),
    ("product.withdrawn", "Product no longer offered"),
    ("vat_class.added", "VAT class added"),
    ("vat_class.changed", "VAT class changed"),
    ("distributor.activated", "Distributor activated"),
    ("distributor.deactivated", "Distributor deactivated"),
    ("distributor.reverse_charge_on", "Reverse charge on"),
    ("distributor.reverse_charge_off", "Reverse charge off"),
    ("seller.changed", "Seller and invoices changed"),
    ("company.billing_changed", "Billing data changed"),
    ("token.created", "Access token created"),
    ("token.revoked", "Access token revoked"),
    ("application.created", "Application created"),
    ("application.changed", "Application changed"),
    ("application.secret_made", "Application's secret renewed"),
    ("application.secret_wrong", "Wrong secret of an application"),
    ("application.deleted", "Application deleted"),
    ("application.allowed", "Application allowed"),
    ("application.connected", "Application connected"),
    ("application.revoked", "Application revoked"),
    ("application.copied", "Application ended: a token was used twice"),
    ("job.retried", "Failed job tried again"),
    ("clock.accepted", "Clock accepted"),
    ("portal.restored", "Restored from a backup"),
];

/// A verb's label.
#[must_use]
pub fn label(verb: &str) -> &str {
    VERBS.iter().find(|(slug, _)| *slug == verb).map_or(verb, |(_, label)| label)
}

/// A page of the history of one company of the tree, or of the whole tree. End users see their own company's.
///
/// # Errors
/// [`super::error::OpError::NotFound`] outside the tree.
pub async fn list(
    app: &App,
    actor: &Actor,
    company_id: Option<i64>,
    filter: &HistoryFilter,
) -> OpResult<Vec<HistoryRow>> {
    let scope = super::companies::scope(Permission::ViewHistory, app, actor, company_id).await?;
    let filter = &HistoryFilter { hides_strangers_attempts: !actor.is_operator(), ..filter.clone() };
    let mut tx = app.db.read_list().await?;
    let mut rows = match scope {
        CompanyScope::Companies(ids) => store::history::of_companies(&mut tx, &ids, filter).await?,
        _ => store::history::of_tree(&mut tx, &actor.company_path, filter).await?,
    };
    rows.iter_mut().for_each(|row| hide_strangers(actor, row));
    Ok(rows)
}

/// Shows users of another tree only by their company: anybody may redeem a code, and its issuer need not learn that
/// user's address.
pub(super) fn hide_strangers(actor: &Actor, row: &mut HistoryRow) {
    let is_ours = row.who_path.as_deref().is_none_or(|path| path.starts_with(actor.company_path.as_str()));
    if !is_ours {
        row.who = row.who_company.take();
        row.address = String::new();
        (row.token_id, row.token_name) = (None, None);
    }
    // Client addresses are only for those who manage their colleagues.
    if !actor.may.view_history() && row.who_id != Some(actor.user_id) {
        row.address = String::new();
    }
}

/// What an operation did, for the notice.
pub enum Happened {
    Transfers(Vec<Transfer>),
    Other(Event),
}

/// The actor's operation with this id, if it has happened.
pub async fn happened(app: &App, actor: &Actor, operation_id: &str) -> OpResult<Option<Happened>> {
    let mut tx = app.db.read().await?;
    Ok(match store::operations::find(&mut tx, actor.user_id, operation_id).await? {
        None => None,
        Some(Use::Write(stored)) => Some(Happened::Other(stored.event)),
        Some(Use::Transfers) => {
            Some(Happened::Transfers(store::ledger::operation(&mut tx, actor.user_id, operation_id).await?))
        }
    })
}
