//! Users of the caller's tree.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, List, Stamp, Written};
use super::body::{self, Body, Field, IdOrName, Key};
use super::caller::{May, UsersRead, UsersWrite};
use super::error::{ApiError, ApiResult};
use super::page::{Page, Paging, Query};
use super::path::Id;
use super::user::UserRole;
use crate::model::refusal::{FieldReason, RoleReason};
use crate::model::role;
use crate::model::user::EmailError;
use crate::ops;
use crate::ops::error::Problems;
use crate::store::users::{User, UserFilter, UserSort};
use crate::web::state::Portal;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub struct Person {
    id: i64,
    username: String,
    email: String,
    first_name: String,
    last_name: String,
    company_id: i64,
    company_name: String,
    /// The id of the role.
    #[schema(example = 1)]
    role: i64,
    #[schema(example = "Administrator")]
    role_title: String,
    /// `invited` until a password is set, then `active`, or `disabled`.
    #[schema(example = "active")]
    status: &'static str,
    last_login_at: Option<Stamp>,
    created_at: Stamp,
    /// When somebody last changed the account; at first when it was made.
    updated_at: Stamp,
}

impl From<User> for Person {
    fn from(u: User) -> Person {
        let status = match (u.disabled_at, u.is_active) {
            (Some(_), _) => "disabled",
            (None, 1) => "active",
            _ => "invited",
        };
        let role = UserRole::of(&u);
        Person {
            id: u.id,
            username: u.email.clone(),
            email: u.email,
            first_name: u.first_name,
            last_name: u.last_name,
            company_id: u.company_id,
            company_name: u.company_name,
            role: role.id,
            role_title: role.title,
            status,
            last_login_at: u.last_login_at.map(Stamp::of),
            created_at: Stamp::of(u.created_at),
            updated_at: Stamp::of(u.updated_at.unwrap_or(u.created_at)),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct UsersQuery {
    /// Part of the e-mail address or of the company's name.
    q: Option<String>,
    /// One company; `company` does the same.
    company_id: Option<i64>,
    company: Option<i64>,
    /// One id, or several separated by commas.
    #[param(pattern = "^([0-9]{1,18}(,[0-9]{1,18}){0,99})?$", example = "1")]
    id: Option<String>,
    /// The id or the name of a role.
    #[param(pattern = "^(admin|end_user|read_only|[1-9][0-9]{0,17})?$", example = "admin")]
    role: Option<String>,
    /// `id` (the default), `created_at`, `email` or `username`; with a minus for descending order. With `cursor` the
    /// order is by id.
    #[param(pattern = "^(-?(id|created_at|email|username))?$", example = "email")]
    sort: Option<String>,
}

/// Users of the caller's tree
#[utoipa::path(get, path = "/api/users", tag = "users",
    params(Paging, UsersQuery), responses((status = 200, body = List<Person>)))]
pub async fn list(State(portal): State<Portal>, caller: May<UsersRead>, query: Query) -> ApiResult<List<Person>> {
    people(&portal, &caller, query, false).await
}

/// A page of people, or of those who were invited only.
pub async fn people<T: From<User>>(
    portal: &Portal,
    caller: &May<UsersRead>,
    mut query: Query,
    is_invited: bool,
) -> ApiResult<List<T>> {
    let company_id = query.number(&["company_id", "company"]);
    let text = query.text(&["q"]).unwrap_or_default().to_owned();
    let ids = query.ids(&["id"]);
    let role_id = query.read("role", |text| role::read(text).ok_or(RoleReason::Unknown));
    let (sort, descending) = query.read("sort", order).unwrap_or((UserSort::Id, false));
    if query.has("cursor") && sort != UserSort::Id {
        query.problems.add("sort", FieldReason::NotAChoice { choices: "id, -id, with a cursor" });
    }
    let page: Page = query.page()?;
    let wanted = UserFilter {
        company_id,
        ids: &ids,
        text: &text,
        role_id,
        is_invited,
        sort,
        descending,
        after: page.cursor.flatten(),
        limit: page.rows(),
        offset: page.offset,
    };
    let (mut found, total) = ops::users::list(&portal.app, &caller.actor, &wanted, !page.is_walk()).await?;
    let mut meta = page.meta(&mut found, total, |u| u.id);
    meta.next_cursor = meta.next_cursor.filter(|_| sort == UserSort::Id);
    meta.rms_total = meta.total;
    Ok(List::of(found.into_iter().map(T::from).collect(), meta))
}

fn order(text: &str) -> Result<(UserSort, bool), FieldReason> {
    let (key, descending) = text.strip_prefix('-').map_or((text, false), |key| (key, true));
    match key {
        // Ids are given in the order of time.
        "id" | "created_at" => Ok((UserSort::Id, descending)),
        "email" | "username" => Ok((UserSort::Email, descending)),
        _ => Err(FieldReason::NotAChoice { choices: "id, created_at, email, username, and these with a minus" }),
    }
}

/// One person
#[utoipa::path(get, path = "/api/users/{id}", tag = "users",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Person>)))]
pub async fn show(State(portal): State<Portal>, caller: May<UsersRead>, Id(id): Id) -> ApiResult<Data<Person>> {
    Ok(Data::of(ops::users::find(&portal.app, &caller.actor, id).await?.into()))
}

/// A change of a person.
#[derive(Deserialize, ToSchema)]
pub struct PersonChange {
    /// The id or the name of a role.
    #[serde(default)]
    #[schema(value_type = IdOrName, required, inline, example = "end_user")]
    role: Field<serde_json::Value>,
}

/// Change a person's role
#[utoipa::path(put, path = "/api/users/{id}", tag = "users",
    params(("id" = i64, Path)), request_body = PersonChange, responses((status = 200, body = Data<Person>)))]
pub async fn update(
    State(portal): State<Portal>,
    caller: May<UsersWrite>,
    Id(id): Id,
    Key(key): Key,
    Body(change): Body<PersonChange>,
) -> ApiResult<Written<Data<Person>>> {
    let mut problems = Problems::default();
    let role = problems.take("role", body::role(change.role));
    problems.finish()?;
    let role = role.unwrap_or_default();
    let outcome = ops::users::set_role(&portal.app, &caller.actor, &key, id, &role).await?;
    Ok(Written { status: StatusCode::OK, replayed: outcome.replayed, body: Data::of(outcome.about.into()) })
}

/// A person, or an invitation, that was removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonRemoved {
    pub id: i64,
}

/// Remove a person
///
/// The account ends at once, with its sessions, links, access tokens and applications' access. It disappears from all
/// lists; what the person did stays in the history. The e-mail address can be invited again.
#[utoipa::path(delete, path = "/api/users/{id}", tag = "users",
    params(("id" = i64, Path)), responses((status = 200, body = Data<PersonRemoved>)))]
pub async fn remove(
    State(portal): State<Portal>,
    caller: May<UsersWrite>,
    Id(id): Id,
    Key(key): Key,
) -> ApiResult<Written<Data<PersonRemoved>>> {
    let outcome = ops::users::removal::remove(&portal.app, &caller.actor, &key, id).await?;
    Ok(Written { status: StatusCode::OK, replayed: outcome.replayed, body: Data::of(PersonRemoved { id }) })
}

/// A user to invite.
#[derive(Deserialize, ToSchema)]
pub struct NewInvitation {
    /// One that mail can be sent to: up to 254 characters, with a name for a domain. Of one company, from one address
    /// and to one person there are so many invitations a day and no more.
    #[serde(default)]
    #[schema(value_type = String, required, format = "email", max_length = 254, example = "ann@example.com")]
    email: Field<String>,
    /// A role's id, or `admin`, `end_user` or `read_only`.
    #[serde(default)]
    #[schema(value_type = IdOrName, required, inline, example = "end_user")]
    role: Field<serde_json::Value>,
    #[serde(default)]
    #[schema(value_type = i64, required)]
    company_id: Field<i64>,
}

/// The invited user.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invited {
    #[serde(flatten)]
    person: Person,
    /// A link to set the password, valid for 7 days: only if this portal sends no mail, because then
    /// it cannot reach the user otherwise.
    link: Option<String>,
}

/// Invite a user by e-mail
#[utoipa::path(post, path = "/api/users/invite", tag = "users",
    request_body = NewInvitation, responses((status = 201, body = Data<Invited>)))]
pub async fn invite(
    State(portal): State<Portal>,
    caller: May<UsersWrite>,
    Key(key): Key,
    Body(new): Body<NewInvitation>,
) -> ApiResult<Written<Data<Invited>>> {
    let mut problems = Problems::default();
    let email = new.email.required(EmailError::Missing, EmailError::Malformed);
    let email = problems.take("email", email.map(|e| e.replace('\0', "")));
    let role = problems.take("role", body::role(new.role));
    let company_id = problems.take("company_id", body::company(new.company_id));
    problems.finish()?;
    let (email, role) = (email.unwrap_or_default(), role.unwrap_or_default());
    let company_id = company_id.unwrap_or_default();
    let invited = ops::users::invite(&portal.app, &caller.actor, &key, &email, &role, company_id)
        .await
        .map_err(|e| ApiError::of(e, &[("company", "company_id")]))?;
    let outcome = invited.outcome;
    let body = Data::of(Invited { person: outcome.about.into(), link: invited.link });
    Ok(Written { status: StatusCode::CREATED, replayed: outcome.replayed, body })
}
