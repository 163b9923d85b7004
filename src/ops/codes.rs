//! Reading codes, for those who may see them. Changes are in `changes`.

pub mod changes;

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::model::code::{self, Code};
use crate::model::ledger::CodeStatus;
use crate::model::permission::Permission;
use crate::model::refusal::CodeReason;
use crate::model::resources::ResourceType;
use crate::store;
use crate::store::codes::{CodeFilter, CodeRow};

/// A code as its reader may see it.
#[derive(Debug, Clone)]
pub struct ShownCode {
    pub row: CodeRow,
    pub resource_type: ResourceType,
    pub status: CodeStatus,
    /// The whole code for administrators; for others, all but the last four characters are masked.
    pub text: String,
    pub is_masked: bool,
}

impl ShownCode {
    /// Whether it cannot be used because the payment of its order is disputed.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        self.status == CodeStatus::Unused && self.row.is_disputed == 1
    }
}

/// Finds a company's code by its whole text: `None` if the text is no whole code, 0 if the company has no such code.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn find_whole(app: &App, actor: &Actor, company_id: i64, text: &str) -> OpResult<Option<i64>> {
    actor.require(Permission::ListCodes)?;
    super::companies::find_to(Permission::ListCodes, app, actor, company_id).await?;
    let Ok(code) = Code::parse(text) else { return Ok(None) };
    let mut tx = app.db.read().await?;
    let found = store::codes::by_tag(&mut tx, app.keys.tag(&code)).await?;
    Ok(Some(found.filter(|c| c.company_id == company_id).map_or(0, |c| c.id)))
}

/// Finds a code of the actor's tree by its whole text; `None` if the text is no whole code.
///
/// # Errors
/// [`CodeReason::Searched`] if the tree has no such code.
pub async fn find_by_text(app: &App, actor: &Actor, text: &str) -> OpResult<Option<ShownCode>> {
    if !actor.may.list_codes() {
        return Ok(None);
    }
    let Ok(code) = Code::parse(text) else { return Ok(None) };
    let mut tx = app.db.read().await?;
    let found = match store::codes::by_tag(&mut tx, app.keys.tag(&code)).await? {
        Some(found) => store::codes::find(&mut tx, &actor.company_path, found.id).await?.map(|listed| listed.row),
        None => None,
    };
    match found.filter(|c| c.status != CodeStatus::Deleted as i64) {
        Some(row) => show(app, actor, row).map(Some),
        None => refuse("q", CodeReason::Searched),
    }
}

/// One code of the tree.
///
/// # Errors
/// [`OpError::NotFound`] outside it.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<ListedCode> {
    actor.require(Permission::ListCodes)?;
    let mut tx = app.db.read().await?;
    let found = store::codes::find(&mut tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)?;
    ListedCode::of(app, actor, found)
}

/// Several codes of the tree, for printing: only unmasked and unused ones.
///
/// # Errors
/// [`OpError::Forbidden`] for users who see codes masked.
pub async fn find_many(app: &App, actor: &Actor, ids: &[i64]) -> OpResult<Vec<ShownCode>> {
    actor.require(Permission::ViewCodes)?;
    let mut tx = app.db.read().await?;
    let found = store::codes::find_many(&mut tx, &actor.company_path, ids).await?;
    found.into_iter().map(|row| show(app, actor, row)).collect()
}

/// A page of the codes of the actor's tree, or of one company of it; with their number if `wants_total`. `text` is a
/// whole code, its last four characters, or a part of the comment.
///
/// # Errors
/// [`OpError::NotFound`] for a company outside the tree.
pub async fn list(
    app: &App,
    actor: &Actor,
    company_id: Option<i64>,
    text: &str,
    mut filter: CodeFilter,
    wants_total: bool,
) -> OpResult<(Vec<ListedCode>, Option<i64>)> {
    actor.require(Permission::ListCodes)?;
    let scope = super::companies::scope(Permission::ListCodes, app, actor, company_id).await?;
    let mut tx = app.db.read_list().await?;
    if let Ok(code) = Code::parse(text) {
        filter.facts.id = Some(store::codes::by_tag(&mut tx, app.keys.tag(&code)).await?.map_or(0, |found| found.id));
    } else if !text.trim().is_empty() {
        filter.facts.suffix_tag = code::parse_suffix(text.trim()).map(|suffix| app.keys.suffix_tag(&suffix));
        filter.facts.comment = Some(text.trim().to_owned());
    }
    let found = store::codes::list(&mut tx, &scope, &filter).await?;
    let total = if wants_total { Some(store::codes::count(&mut tx, &scope, &filter).await?) } else { None };
    Ok((found.into_iter().map(|c| ListedCode::of(app, actor, c)).collect::<OpResult<_>>()?, total))
}

/// A code with who used it.
#[derive(Debug, Clone)]
pub struct ListedCode {
    pub shown: ShownCode,
    pub ended_by: Option<i64>,
    pub ended_company_id: Option<i64>,
}

impl ListedCode {
    /// A database row, as the actor may see it.
    ///
    /// # Errors
    /// If the sealed code does not open.
    pub fn of(app: &App, actor: &Actor, found: store::codes::ListedCode) -> OpResult<ListedCode> {
        let (ended_by, ended_company_id) = (found.ended_by, found.ended_company_id);
        Ok(ListedCode { shown: show(app, actor, found.row)?, ended_by, ended_company_id })
    }
}

pub(super) fn show(app: &App, actor: &Actor, row: CodeRow) -> OpResult<ShownCode> {
    let facts = row.facts()?;
    let code = app
        .keys
        .open_code(row.key_version, &row.sealed, &facts)
        .ok_or_else(|| OpError::Internal(format!("code {} does not open with this key file", row.id)))?;
    let is_masked = !actor.sees_whole_codes();
    let text = if is_masked { code.masked() } else { code.reveal() };
    Ok(ShownCode { row, resource_type: facts.resource_type, status: facts.status, text, is_masked })
}
