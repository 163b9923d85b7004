//! Invitations: people who have never set a password.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, List, Stamp, Written};
use super::body::Key;
use super::caller::{May, UsersRead, UsersWrite};
use super::error::ApiResult;
use super::page::{Paging, Query};
use super::path::Id;
use super::user::UserRole;
use super::users::{PersonRemoved, people};
use crate::ops;
use crate::store::users::User;
use crate::web::state::Portal;

/// An invitation that waits for the invited person.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invitation {
    /// The id of the user that it makes.
    id: i64,
    email: String,
    role_id: i64,
    #[schema(example = "end_user")]
    role: String,
    #[schema(example = "End user")]
    role_title: String,
    /// Always null: this portal is not told which mails come back.
    bounce_status: Option<String>,
    company_id: i64,
    company_name: String,
    created_at: Stamp,
}

impl From<User> for Invitation {
    fn from(u: User) -> Invitation {
        let role = UserRole::of(&u);
        Invitation {
            id: u.id,
            email: u.email,
            role_id: role.id,
            role: role.name,
            role_title: role.title,
            bounce_status: None,
            company_id: u.company_id,
            company_name: u.company_name,
            created_at: Stamp::of(u.created_at),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct InvitationsQuery {
    /// Part of the e-mail address or of the company's name.
    q: Option<String>,
    /// The id or the name of a role.
    #[param(pattern = "^(admin|end_user|read_only|[1-9][0-9]{0,17})?$", example = "admin")]
    role: Option<String>,
    /// One company; `company` does the same.
    company_id: Option<i64>,
    company: Option<i64>,
    /// One id, or several separated by commas.
    #[param(pattern = "^([0-9]{1,18}(,[0-9]{1,18}){0,99})?$", example = "1")]
    id: Option<String>,
    /// `id` (the default), `created_at`, `email` or `username`; with a minus for descending order. With `cursor` the
    /// order is by id.
    #[param(pattern = "^(-?(id|created_at|email|username))?$", example = "email")]
    sort: Option<String>,
}

/// Invitations of the caller's tree that nobody has accepted yet
#[utoipa::path(get, path = "/api/users/invitations", tag = "users",
    params(Paging, InvitationsQuery), responses((status = 200, body = List<Invitation>)))]
pub async fn invitations(
    State(portal): State<Portal>,
    caller: May<UsersRead>,
    query: Query,
) -> ApiResult<List<Invitation>> {
    people(&portal, &caller, query, true).await
}

/// Withdraw an invitation
///
/// Its link no longer works, and the address can be invited again.
#[utoipa::path(delete, path = "/api/users/invitations/{id}", tag = "users",
    params(("id" = i64, Path)), responses((status = 200, body = Data<PersonRemoved>)))]
pub async fn withdraw(
    State(portal): State<Portal>,
    caller: May<UsersWrite>,
    Id(id): Id,
    Key(key): Key,
) -> ApiResult<Written<Data<PersonRemoved>>> {
    let outcome = ops::users::removal::withdraw(&portal.app, &caller.actor, &key, id).await?;
    Ok(Written { status: StatusCode::OK, replayed: outcome.replayed, body: Data::of(PersonRemoved { id }) })
}
