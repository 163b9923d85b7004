//! Codes by the thousand. A job makes a batch in steps. Each step is one ledger operation under its own id, so that a
//! step that runs twice makes no code twice.

use super::actor::Actor;
use super::codes::changes::{CODES_AT_ONCE_MAX, CodeOrder, check_text, new_code};
use super::error::{OpError, OpResult, at, refuse};
use crate::app::App;
use crate::model::event::CodeEvent;
use crate::model::job::Job;
use crate::model::ledger::{self, Command, CreateCodes, Operation, Refusal};
use crate::model::permission::Permission;
use crate::model::refusal::{CompanyReason, FieldReason};
use crate::model::resources::ResourceType;
use crate::ops::work::{Outcome, work, work_once};
use crate::store;
use crate::store::code_batches::Batch;
use crate::writer::WriteError;

/// The most codes in one batch.
pub const CODES_MAX: i64 = 100_000;
/// How many codes a step makes: few enough that others need not wait for it.
const STEP: i64 = 500;

/// Orders more codes than one operation can make. The outcome refers to the [`Batch`].
///
/// # Errors
/// A refusal at the invalid field; also if the company does not own that many units now.
pub async fn create(app: &App, actor: &Actor, operation_id: &str, order: &CodeOrder<'_>) -> OpResult<Outcome<Batch>> {
    actor.require(Permission::EditCodes)?;
    let comment = check_text("comment", order.comment)?;
    crate::model::amount::check(order.amount).map_err(at("amount"))?;
    if !(CODES_AT_ONCE_MAX..=CODES_MAX).contains(&order.count) {
        return refuse("count", FieldReason::NotBetween { minimum: 1, maximum: CODES_MAX });
    }
    let CodeOrder { company_id, resource_type, amount, count, .. } = *order;
    let request = serde_json::json!([company_id, resource_type.id(), amount, comment, count]).to_string();
    work_once!(app, actor, operation_id, "create_code_batch", &request, work => {
        let found = store::companies::lock(&mut work.tx, &actor.company_path, &[company_id]).await?;
        let Some(company) = found.first() else { return refuse("from", CompanyReason::Unknown) };
        let has = store::pools::balance(&mut work.tx, company_id, resource_type).await?;
        if has < amount.saturating_mul(count) {
            let company = company.name.clone();
            return refuse("amount", Refusal::NotEnough { has, resource_type, company });
        }
        let new = Batch {
            id: 0,
            actor_id: actor.user_id,
            actor_company_id: actor.company_id,
            address: actor.address.clone(),
            company_id,
            resource_type: resource_type.id(),
            amount,
            comment: comment.clone(),
            state: "running".into(),
            wanted: count,
            made: 0,
            created_at: work.now.0,
            ended_at: None,
        };
        let id = store::code_batches::insert(&mut work.tx, &new).await?;
        work.job(&Job::Codes { id: id.to_string() }).await?;
        let ordered = CodeEvent::BatchOrdered { count, company: company.name.clone() };
        Ok(Outcome::about(Batch { id, ..new }, ordered))
    })
}

/// A batch of the actor's tree.
///
/// # Errors
/// [`OpError::NotFound`] outside it.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<Batch> {
    actor.require(Permission::EditCodes)?;
    let mut tx = app.db.read().await?;
    store::code_batches::find(&mut tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)
}

/// Stops a batch. Codes that were made stay.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree.
pub async fn cancel(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Outcome> {
    find(app, actor, id).await?;
    work_once!(app, actor, operation_id, "cancel_code_batch", &id.to_string(), work => {
        let was_over = !store::code_batches::end(&mut work.tx, id, "cancelled", work.now).await?;
        Ok(Outcome::of(CodeEvent::BatchCancelled { was_over }))
    })
}

/// Makes the next codes of a batch; returns whether more remain.
pub async fn run_step(app: &App, id: i64) -> OpResult<bool> {
    let mut tx = app.db.read().await?;
    let Some(batch) = store::code_batches::running(&mut tx, id).await? else { return Ok(false) };
    drop(tx);
    let made = (batch.made + STEP).min(batch.wanted);
    match app.writer.submit(step(app, &batch, made)?).await {
        Ok(_) => work!(app, work => {
            Ok(store::code_batches::advance(&mut work.tx, &batch, made, work.now).await?)
        })?,
        // The units, or the company, are gone since the batch was ordered.
        Err(WriteError::Refused(_)) => {
            work!(app, work => {
                Ok(store::code_batches::end(&mut work.tx, id, "stopped", work.now).await?)
            })?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}

fn step(app: &App, batch: &Batch, made: i64) -> OpResult<Operation> {
    let resource_type = ResourceType::try_from(batch.resource_type).map_err(|e| OpError::Internal(e.to_string()))?;
    let operation_id = batch.key(batch.made);
    Ok(Operation {
        actor: ledger::ActorFacts {
            user_id: batch.actor_id,
            company_id: batch.actor_company_id,
            address: batch.address.clone(),
            token_id: None,
        },
        fingerprint: app.keys.fingerprint(&operation_id),
        id: operation_id,
        at: app.clock.now(),
        command: Command::CreateCodes(CreateCodes {
            company_id: batch.company_id,
            resource_type,
            amount: batch.amount,
            comment: batch.comment.clone(),
            codes: (batch.made..made).map(|_| new_code(app)).collect(),
        }),
    })
}
