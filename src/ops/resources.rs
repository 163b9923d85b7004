//! Balances, and moving them. Every change goes through the writer.

use super::actor::Actor;
use super::error::{OpError, OpResult};
use crate::app::App;
use crate::model::ledger::{Act, Done, Operation, SERVED_MAX};
use crate::model::resources::ResourceType;
use crate::store;
use crate::store::resources::Pool;

/// A company's pools.
///
/// # Errors
/// [`OpError::NotFound`] outside the actor's tree.
pub async fn pools(app: &App, actor: &Actor, company_id: i64) -> OpResult<Vec<Pool>> {
    super::companies::find(app, actor, company_id).await?;
    let mut tx = app.db.read().await?;
    Ok(store::resources::pools(&mut tx, company_id).await?)
}

/// The pools of the actor's own company, for the account menu.
///
/// # Errors
/// Whatever the database says.
pub async fn own_pools(app: &App, actor: &Actor) -> OpResult<Vec<Pool>> {
    let mut tx = app.db.read().await?;
    Ok(store::resources::pools(&mut tx, actor.company_id).await?)
}

/// What a company of the tree can use now of one type.
///
/// # Errors
/// [`OpError::NotFound`] outside the actor's tree.
pub async fn balance(
    app: &App,
    actor: &Actor,
    company_id: i64,
    resource_type: ResourceType,
) -> OpResult<i64> {
    super::companies::find(app, actor, company_id).await?;
    let mut tx = app.db.read().await?;
    Ok(store::resources::balance(&mut tx, company_id, resource_type).await?)
}

/// How many waiting devices would be extended at once if so many units came to a company.
///
/// # Errors
/// Whatever the database says.
pub async fn served_by(app: &App, company_id: i64, resource_type: ResourceType, units: i64) -> OpResult<i64> {
    let mut tx = app.db.read().await?;
    let waiting = store::devices::waiting(&mut tx, company_id, resource_type).await?;
    Ok(waiting.min(units).min(SERVED_MAX as i64))
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
    super::companies::find(app, actor, company_id).await?;
    let mut tx = app.db.read().await?;
    let since = app.clock.now().plus_seconds(-days * 86_400);
    Ok(store::resources::balance_history(&mut tx, company_id, resource_type, since).await?)
}

/// Brings units into being at the root company.
///
/// # Errors
/// The ledger's refusals.
pub async fn issue(
    app: &App,
    actor: &Actor,
    key: &str,
    resource_type: ResourceType,
    amount: i64,
    memo: &str,
) -> OpResult<Done> {
    actor.require_operator()?;
    let memo = super::codes::check_text("memo", memo)?;
    let request = serde_json::json!(["issue", resource_type.id(), amount, memo]);
    submit(app, actor, key, &request, Act::Issue { resource_type, amount, memo }).await
}

/// Moves units between two companies of the actor's tree.
///
/// # Errors
/// The ledger's refusals.
pub async fn move_units(
    app: &App,
    actor: &Actor,
    key: &str,
    resource_type: ResourceType,
    from: i64,
    to: i64,
    amount: i64,
) -> OpResult<Done> {
    actor.require_admin()?;
    let request = serde_json::json!(["move", resource_type.id(), from, to, amount]);
    submit(app, actor, key, &request, Act::Move { resource_type, from, to, amount }).await
}

/// Hands an operation to the writer. It runs to its end even when the caller goes away.
pub(super) async fn submit(
    app: &App,
    actor: &Actor,
    key: &str,
    request: &serde_json::Value,
    act: Act,
) -> OpResult<Done> {
    let operation = Operation {
        actor: actor.for_ledger(),
        key: key.to_owned(),
        fingerprint: app.keys.fingerprint(&request.to_string()),
        at: app.clock.now(),
        act,
    };
    app.writer.submit(operation).await.map_err(OpError::from)
}
