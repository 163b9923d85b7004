//! Balances, and moving units. Every change goes through the writer.

use super::actor::Actor;
use super::error::{OpError, OpResult};
use crate::app::App;
use crate::ledger;
use crate::model::ledger::{Command, Done, Issue, Ledger, MoveUnits, Operation, SERVED_MAX};
use crate::model::permission::Permission;
use crate::model::resources::ResourceType;
use crate::ops::work::Work;
use crate::store;
use crate::store::pools::{ListedPool, Pool};
use crate::store::transfers::{ListedTransfer, TransferFilter};
use crate::writer::WriteError;

/// Runs ledger operations within an act: all of them, or none.
///
/// # Errors
/// The first refusal.
pub(super) async fn within(app: &App, work: &mut Work, operations: &[Operation]) -> OpResult<Ledger> {
    let run = ledger::run(&mut work.tx, &app.keys, &app.rng, operations).await?;
    for decision in run.decisions {
        decision.ok_or(OpError::Collision)?.map_err(WriteError::Refused)?;
    }
    Ok(run.ledger)
}

/// A company's pools.
///
/// # Errors
/// [`OpError::NotFound`] outside the actor's tree.
pub async fn pools(app: &App, actor: &Actor, company_id: i64) -> OpResult<Vec<Pool>> {
    super::companies::find_to(Permission::ViewResources, app, actor, company_id).await?;
    let mut tx = app.db.read().await?;
    Ok(store::pools::of_company(&mut tx, company_id).await?)
}

/// The pools of the actor's own company, for the account menu.
pub async fn own_pools(app: &App, actor: &Actor) -> OpResult<Vec<Pool>> {
    let mut tx = app.db.read().await?;
    Ok(store::pools::of_company(&mut tx, actor.company_id).await?)
}

/// What a company of the tree can use of one type now.
///
/// # Errors
/// [`OpError::NotFound`] outside the actor's tree.
pub async fn balance(app: &App, actor: &Actor, company_id: i64, resource_type: ResourceType) -> OpResult<i64> {
    super::companies::find_to(Permission::ViewResources, app, actor, company_id).await?;
    let mut tx = app.db.read().await?;
    Ok(store::pools::balance(&mut tx, company_id, resource_type).await?)
}

/// The waiting devices that a company would extend at once.
#[derive(Debug, Clone)]
pub struct Served {
    pub count: i64,
    /// The names of the first few, in the order of service.
    pub first: Vec<String>,
}

/// How many of [`Served`] are named.
const NAMED_MAX: i64 = 10;

/// Which waiting devices a company would extend at once if it received that many units.
pub async fn served_by(app: &App, company_id: i64, resource_type: ResourceType, units: i64) -> OpResult<Served> {
    let mut tx = app.db.read().await?;
    let waiting = store::devices::waiting(&mut tx, company_id, resource_type).await?;
    let count = waiting.min(units).min(SERVED_MAX as i64);
    if count == 0 {
        return Ok(Served { count, first: Vec::new() });
    }
    let first = store::ledger::first_served(&mut tx, company_id, resource_type, count.min(NAMED_MAX)).await?;
    Ok(Served { count, first: first.into_iter().map(|device| device.label).collect() })
}

/// The balance after each change of the last days, oldest first.
///
/// # Errors
/// [`OpError::NotFound`] outside the actor's tree.
pub async fn balance_history(
    app: &App,
    actor: &Actor,
    company_id: i64,
    resource_type: ResourceType,
    days: i64,
) -> OpResult<Vec<(i64, i64)>> {
    super::companies::find_to(Permission::ViewResources, app, actor, company_id).await?;
    let mut tx = app.db.read_list().await?;
    let since = app.clock.now().plus_seconds(-days * 86_400);
    Ok(store::pools::balance_history(&mut tx, company_id, resource_type, since).await?)
}

/// The filter of a list of pools.
#[derive(Debug, Clone, Default)]
pub struct PoolFilter<'a> {
    pub company_id: Option<i64>,
    /// Part of the company's name.
    pub text: &'a str,
    /// The last pool's id on the previous page.
    pub cursor: Option<i64>,
    pub limit: i64,
    pub offset: i64,
}

/// A page of the pools of the actor's tree; with their number if `wants_total`.
///
/// # Errors
/// [`OpError::NotFound`] for a company outside the tree.
pub async fn list_pools(
    app: &App,
    actor: &Actor,
    filter: &PoolFilter<'_>,
    wants_total: bool,
) -> OpResult<(Vec<ListedPool>, Option<i64>)> {
    let scope = super::companies::scope(Permission::ViewResources, app, actor, filter.company_id).await?;
    let page = store::pools::PoolFilter {
        text: filter.text,
        cursor: filter.cursor,
        limit: filter.limit,
        offset: filter.offset,
    };
    let mut tx = app.db.read_list().await?;
    let found = store::pools::list(&mut tx, &scope, &page).await?;
    let total = if wants_total { Some(store::pools::count(&mut tx, &scope, filter.text).await?) } else { None };
    Ok((found, total))
}

/// The pools of one company, or the totals of the actor's company and all its subsidiaries.
///
/// # Errors
/// [`OpError::NotFound`] for a company outside the tree.
pub async fn summary(app: &App, actor: &Actor, company_id: Option<i64>) -> OpResult<Vec<Pool>> {
    if let Some(id) = company_id {
        return pools(app, actor, id).await;
    }
    if !actor.may.view_resources() {
        return own_pools(app, actor).await;
    }
    let mut tx = app.db.read_list().await?;
    Ok(store::pools::of_tree(&mut tx, &actor.company_path).await?)
}

/// A page of the transfers of the actor's tree; with their number if `wants_total`.
///
/// # Errors
/// [`OpError::NotFound`] for a company outside the tree.
pub async fn transfers(
    app: &App,
    actor: &Actor,
    company_id: Option<i64>,
    filter: &TransferFilter,
    wants_total: bool,
) -> OpResult<(Vec<ListedTransfer>, Option<i64>)> {
    let scope = super::companies::scope(Permission::ViewResources, app, actor, company_id).await?;
    if let Some(id) = filter.device_id {
        super::devices::find(app, actor, id).await?;
    }
    let mut tx = app.db.read_list().await?;
    let mut found = store::transfers::list(&mut tx, &scope, filter).await?;
    let total = if wants_total { Some(store::transfers::count(&mut tx, &scope, filter).await?) } else { None };
    found.iter_mut().for_each(|t| hide_stranger(actor, t));
    Ok((found, total))
}

/// Shows a user of another tree only by their company, as in the history. A company above the actor's that paid for a
/// device is hidden too.
fn hide_stranger(actor: &Actor, transfer: &mut ListedTransfer) {
    let is_ours = |path: &str| path.starts_with(actor.company_path.as_str());
    if !transfer.actor_path.as_deref().is_none_or(is_ours) {
        transfer.actor_email = transfer.actor_company.take();
    }
    if transfer.device_id.is_some() && !is_ours(&transfer.from_path) {
        (transfer.from_name, transfer.to_name) = ("Parent company".into(), "Parent company".into());
    }
}

/// Issues units to the root company.
pub async fn issue(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    resource_type: ResourceType,
    amount: i64,
    memo: &str,
) -> OpResult<Done> {
    actor.require_operator()?;
    let memo = super::codes::changes::check_text("memo", memo)?;
    let request = serde_json::json!(["issue", resource_type.id(), amount, memo]);
    submit(app, actor, operation_id, &request, Command::Issue(Issue { resource_type, amount, memo })).await
}

/// Moves units between two companies of the actor's tree.
pub async fn move_units(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    resource_type: ResourceType,
    from: i64,
    to: i64,
    amount: i64,
) -> OpResult<Done> {
    actor.require(Permission::MoveResources)?;
    let request = serde_json::json!(["move", resource_type.id(), from, to, amount]);
    let command = Command::MoveUnits(MoveUnits { resource_type, from, to, amount });
    submit(app, actor, operation_id, &request, command).await
}

/// Submits an operation to the writer. It runs to its end even if the caller goes away.
pub(super) async fn submit(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    request: &serde_json::Value,
    command: Command,
) -> OpResult<Done> {
    let operation = Operation {
        actor: actor.for_ledger(),
        id: operation_id.to_owned(),
        fingerprint: app.keys.fingerprint(&request.to_string()),
        at: app.clock.now(),
        command,
    };
    app.writer.submit(operation).await.map_err(OpError::from)
}
