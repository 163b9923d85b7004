//! Users of the caller's tree.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, List, Stamp, Written};
use super::body::{self, Body, Field, Key};
use super::caller::{May, UsersRead, UsersWrite};
use super::error::{ApiError, ApiResult};
use super::page::{Paging, Query};
use super::path::Id;
use super::user::UserRole;
use crate::model::user::EmailError;
use crate::ops;
use crate::ops::error::Problems;
use crate::store;
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
    role: UserRole,
    /// `invited` until a password is set, then `active`, or `disabled`.
    #[schema(example = "active")]
    status: &'static str,
    last_login_at: Option<Stamp>,
    created_at: Stamp,
}

impl From<store::users::User> for Person {
    fn from(u: store::users::User) -> Person {
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
            role,
            status,
            last_login_at: u.last_login_at.map(Stamp::of),
            created_at: Stamp::of(u.created_at),
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
}

/// Users of the caller's tree, by id
#[utoipa::path(get, path = "/api/users", tag = "users",
    params(Paging, UsersQuery), responses((status = 200, body = List<Person>)))]
pub async fn list(State(portal): State<Portal>, caller: May<UsersRead>, mut query: Query) -> ApiResult<List<Person>> {
    let company_id = query.number(&["company_id", "company"]);
    let text = query.text(&["q"]).unwrap_or_default().to_owned();
    let ids = query.ids(&["id"]);
    let page = query.page()?;
    let wanted = store::users::UserFilter {
        company_id,
        ids: &ids,
        text: &text,
        after: page.cursor.flatten().unwrap_or(0),
        limit: page.rows(),
        offset: page.offset,
    };
    let (mut found, total) = ops::users::list(&portal.app, &caller.actor, &wanted, !page.is_walk()).await?;
    let mut meta = page.meta(&mut found, total, |u| u.id);
    meta.rms_total = meta.total;
    Ok(List::of(found.into_iter().map(Person::from).collect(), meta))
}

/// One person
#[utoipa::path(get, path = "/api/users/{id}", tag = "users",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Person>)))]
pub async fn show(State(portal): State<Portal>, caller: May<UsersRead>, Id(id): Id) -> ApiResult<Data<Person>> {
    Ok(Data::of(ops::users::find(&portal.app, &caller.actor, id).await?.into()))
}

/// A user to invite.
#[derive(Deserialize, ToSchema)]
pub struct Invitation {
    /// One that mail can be sent to: up to 254 characters, with a name for a domain. Of one company, from one address
    /// and to one person there are so many invitations a day and no more.
    #[serde(default)]
    #[schema(value_type = String, required, format = "email", max_length = 254, example = "ann@example.com")]
    email: Field<String>,
    /// A role's id, or `admin`, `end_user` or `read_only`.
    #[serde(default)]
    #[schema(value_type = Object, required, example = "end_user")]
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
    request_body = Invitation, responses((status = 201, body = Data<Invited>)))]
pub async fn invite(
    State(portal): State<Portal>,
    caller: May<UsersWrite>,
    Key(key): Key,
    Body(new): Body<Invitation>,
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
