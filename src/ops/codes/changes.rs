//! Makes, comments, redeems and deletes codes.

use crate::app::App;
use crate::model::code::Code;
use crate::model::event::CodeEvent;
use crate::model::ledger::{CodeStatus, Command, CreateCodes, DeleteCode, Done, Limit, NewCode, Redeem, Refusal, Tag};
use crate::model::permission::Permission;
use crate::model::refusal::{FieldReason, Reason};
use crate::model::resources::ResourceType;
use crate::model::text;
use crate::model::throttle::{Attempts, CODES_OF_ADDRESS, CODES_OF_COMPANY, CODES_OF_USER, counted_address};
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult, at, refuse, text_reason};
use crate::ops::resources::Served;
use crate::ops::work::{Outcome, work, work_once};
use crate::store;
use crate::store::codes::ListedCode;

pub const COMMENT_LENGTH_MAX: usize = 1_000;
/// The most codes that one operation makes.
pub const CODES_AT_ONCE_MAX: i64 = 1_000;

/// What a new code is to be; several at once are alike.
#[derive(Debug, Clone)]
pub struct CodeOrder<'a> {
    pub company_id: i64,
    pub resource_type: ResourceType,
    pub amount: i64,
    pub comment: &'a str,
    pub count: i64,
}

/// Codes that were made.
pub struct Made {
    pub done: Done,
    /// Their texts, in the order of the transfers, so that they can be returned even if reads fail now.
    /// `None` if an earlier request made them.
    pub texts: Option<Vec<String>>,
}

impl std::ops::Deref for Made {
    type Target = Done;

    fn deref(&self) -> &Done {
        &self.done
    }
}

/// Makes codes for a company of the actor's tree, all or none. Their units are locked at once.
pub async fn create(app: &App, actor: &Actor, operation_id: &str, order: &CodeOrder<'_>) -> OpResult<Made> {
    actor.require(Permission::EditCodes)?;
    let CodeOrder { company_id, resource_type, amount, count, .. } = *order;
    let comment = check_text("comment", order.comment)?;
    if !(1..=CODES_AT_ONCE_MAX).contains(&count) {
        return refuse("count", FieldReason::NotBetween { minimum: 1, maximum: CODES_AT_ONCE_MAX });
    }
    let request = serde_json::json!(["create_code", company_id, resource_type.id(), amount, comment, count]);
    let codes: Vec<NewCode> = (0..count).map(|_| new_code(app)).collect();
    let texts = codes.iter().map(|new| new.code.reveal()).collect();
    let create = Command::CreateCodes(CreateCodes { company_id, resource_type, amount, comment, codes });
    let done = crate::ops::resources::submit(app, actor, operation_id, &request, create).await?;
    let texts = if done.replayed { None } else { Some(texts) };
    Ok(Made { done, texts })
}

pub(in crate::ops) fn new_code(app: &App) -> NewCode {
    let code = Code::from_random(app.rng.bytes());
    NewCode { tag: app.keys.tag(&code), suffix_tag: app.keys.suffix_tag(&code.suffix()), code }
}

/// A comment or memo: trimmed, of visible characters, within the limit.
pub(in crate::ops) fn check_text(field: &'static str, text: &str) -> OpResult<String> {
    let read = text::lines(text, COMMENT_LENGTH_MAX);
    read.map_err(|error| OpError::refused(field, text_reason(error, FieldReason::Missing)))
}

/// Redeems a code for the actor's own company, no matter who issued it.
///
/// # Errors
/// Mistyped, unknown, used or expired; or how long to wait after too many wrong ones.
pub async fn redeem(app: &App, actor: &Actor, operation_id: &str, text: &str) -> OpResult<Done> {
    actor.require(Permission::ActivateCodes)?;
    let tag = read_code(app, text)?;
    let request = serde_json::json!(["redeem", hex::encode(tag.0)]);
    let redeem = Command::Redeem(Redeem { tag, limits: limits(actor) });
    let outcome = crate::ops::resources::submit(app, actor, operation_id, &request, redeem).await;
    if matches!(outcome, Err(OpError::Refused(_, Reason::Ledger(Refusal::UnknownCode)))) {
        crate::ops::watched::note_wrong_code(app, actor).await;
    }
    outcome
}

fn read_code(app: &App, text: &str) -> OpResult<Tag> {
    let code = Code::parse(text).map_err(at("code"))?;
    Ok(app.keys.tag(&code))
}

fn limits(actor: &Actor) -> Vec<Limit> {
    vec![
        Limit { key: format!("code:user:{}", actor.user_id), policy: &CODES_OF_USER },
        Limit { key: format!("code:company:{}", actor.company_id), policy: &CODES_OF_COMPANY },
        Limit { key: format!("code:address:{}", counted_address(&actor.address)), policy: &CODES_OF_ADDRESS },
    ]
}

/// What a code holds, before it is redeemed.
#[derive(Debug, Clone)]
pub struct Preview {
    pub resource_type: ResourceType,
    pub amount: i64,
    /// The company that the code belongs to.
    pub issuer: String,
    pub expires_at: Option<i64>,
    /// The usable balance before.
    pub balance: i64,
    /// Waiting devices that it would extend at once.
    pub served: Served,
}

impl Preview {
    /// The balance right after redeeming.
    #[must_use]
    pub fn balance_after(&self) -> i64 {
        self.balance.saturating_add(self.amount).saturating_sub(self.served.count)
    }
}

/// What redeeming a code would do, without doing it. Rate limited like redeeming.
///
/// # Errors
/// As [`redeem`].
pub async fn preview(app: &App, actor: &Actor, text: &str) -> OpResult<Preview> {
    actor.require(Permission::ActivateCodes)?;
    let tag = read_code(app, text)?;
    let limits = limits(actor);
    let outcome = work!(app, work => {
        for limit in &limits {
            let attempts: Attempts = store::throttle::read(&mut work.tx, &limit.key, work.now).await?;
            if let Some(until) = attempts.blocked_until(limit.policy, work.now) {
                return Ok(Err(Refusal::TooManyAttempts { until }));
            }
        }
        let found = store::codes::by_tag(&mut work.tx, tag).await?;
        let Some(found) = found.filter(|c| c.status != CodeStatus::Deleted as i64) else {
            for limit in &limits {
                store::throttle::fail(&mut work.tx, &limit.key, limit.policy, work.now).await?;
            }
            work.note(actor.note("code.wrong", "", ""));
            // The wrong code counts, so the transaction is committed.
            return Ok(Err(Refusal::UnknownCode));
        };
        let facts = found.facts()?;
        Ok(facts.redeemable(work.now).map(|()| (facts, found.company_name)))
    })?;
    let (found, issuer) = outcome.map_err(at("code"))?;
    let resource_type = found.resource_type;
    let mut tx = app.db.read().await?;
    let balance = store::pools::balance(&mut tx, actor.company_id, resource_type).await?;
    drop(tx);
    let units = balance.saturating_add(found.amount);
    let served = crate::ops::resources::served_by(app, actor.company_id, resource_type, units).await?;
    let expires_at = found.expires_at.map(|at| at.0);
    Ok(Preview { resource_type, amount: found.amount, issuer, expires_at, balance, served })
}

/// Deletes an unused code. Its units return to the company that owns it.
pub async fn delete(app: &App, actor: &Actor, operation_id: &str, code_id: i64) -> OpResult<Done> {
    actor.require(Permission::EditCodes)?;
    let request = serde_json::json!(["delete_code", code_id]);
    crate::ops::resources::submit(app, actor, operation_id, &request, Command::DeleteCode(DeleteCode { code_id })).await
}

/// Sets a code's comment.
///
/// # Errors
/// [`OpError::NotFound`] outside the actor's tree.
pub async fn set_comment(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    code_id: i64,
    comment: &str,
) -> OpResult<Outcome<ListedCode>> {
    actor.require(Permission::EditCodes)?;
    let comment = check_text("comment", comment)?;
    let request = serde_json::json!([code_id, comment]).to_string();
    work_once!(app, actor, operation_id, "code_comment", &request, work => {
        let found = store::codes::find(&mut work.tx, &actor.company_path, code_id).await?;
        let found = found.filter(|c| c.row.status != CodeStatus::Deleted as i64).ok_or(OpError::NotFound)?;
        store::codes::set_comment(&mut work.tx, code_id, &comment).await?;
        let listed = store::codes::find(&mut work.tx, &actor.company_path, code_id).await?;
        work.note(actor.note_at(
            found.row.company_id,
            "code.comment_changed",
            &format!("Code #{code_id}"),
            &comment,
        ));
        Ok(Outcome::about(listed.ok_or(OpError::NotFound)?, CodeEvent::CommentSaved))
    })
}
