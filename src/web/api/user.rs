//! The caller.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Stamp;
use super::caller::Caller;
use super::error::ApiResult;
use crate::model::role;
use crate::ops;
use crate::store;
use crate::web::state::Portal;

/// What both forms of the answer say of the user that the token acts for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserFacts {
    id: i64,
    username: String,
    email: String,
    first_name: String,
    last_name: String,
    /// The second factor at sign-in: `email`, `totp` or null.
    mfa_type: Option<&'static str>,
    last_login_at: Option<Stamp>,
    email_verified: bool,
    company: UserCompany,
    /// What the token may be used for.
    scope: Vec<&'static str>,
    /// What the role allows, by name.
    permissions: Vec<&'static str>,
    token: UserToken,
}

/// The token itself, with times in seconds since 1970.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserToken {
    jti: String,
    /// The portal that issued it.
    iss: String,
    iat: i64,
    nbf: i64,
    /// Null if it does not expire.
    exp: Option<i64>,
    sub: String,
    /// The application that it was given to; null for a personal access token.
    client_id: Option<String>,
    /// Whether it is a personal access token.
    first_party: bool,
}

impl UserToken {
    fn of(portal: &Portal, caller: &Caller) -> UserToken {
        let token = &caller.token;
        let created = token.created_at.0.div_euclid(1_000_000);
        UserToken {
            jti: token.id.clone(),
            iss: portal.app.config.public_url.clone(),
            iat: created,
            nbf: created,
            exp: token.expires_at.map(|at| at.0.div_euclid(1_000_000)),
            sub: caller.actor.user_id.to_string(),
            client_id: token.client_id.clone(),
            first_party: token.client_id.is_none(),
        }
    }
}

/// The company that a user belongs to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserCompany {
    pub id: i64,
    pub name: String,
    pub parent_id: Option<i64>,
    pub level: i64,
}

/// A role.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserRole {
    pub id: i64,
    #[schema(example = "admin")]
    pub name: String,
    #[schema(example = "Administrator")]
    pub title: String,
}

impl UserRole {
    pub fn of(user: &store::users::User) -> UserRole {
        // What an earlier version kept has the name of a built-in role and no id.
        let id = if user.role_id == 0 { role::read(&user.role_title).unwrap_or_default() } else { user.role_id };
        let name = role::name(id).map_or_else(|| user.role_title.clone(), str::to_owned);
        UserRole { id, name, title: user.role_title.clone() }
    }
}

/// The user, with the role as an object.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    #[serde(flatten)]
    facts: UserFacts,
    role: UserRole,
}

/// The same user, with the role's name.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserData {
    #[serde(flatten)]
    facts: UserFacts,
    company_id: i64,
    #[schema(example = "admin")]
    role: String,
}

/// The user's fields at the top level, as in RMS, and again under `data`: programs read either.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserAnswer {
    #[schema(example = true)]
    success: bool,
    #[serde(flatten)]
    flat: User,
    data: UserData,
}

/// The token's user
///
/// Needs no scope: it tells a program whose token it holds, and what the token may do.
#[utoipa::path(get, path = "/api/user", tag = "user", responses((status = 200, body = UserAnswer)))]
pub async fn show(State(portal): State<Portal>, caller: Caller) -> ApiResult<axum::Json<UserAnswer>> {
    let (person, company) = ops::users::own_account(&portal.app, &caller.actor).await?;
    let role = UserRole::of(&person);
    let facts = UserFacts {
        id: person.id,
        username: person.email.clone(),
        email: person.email,
        first_name: person.first_name,
        last_name: person.last_name,
        mfa_type: caller.actor.second_factor.map(|factor| factor.slug()),
        last_login_at: person.last_login_at.map(Stamp::of),
        email_verified: person.is_active == 1,
        company: UserCompany { id: company.id, name: company.name, parent_id: company.parent_id, level: company.level },
        scope: caller.scopes.iter().map(|s| s.slug()).collect(),
        permissions: caller.actor.may.iter().map(|permission| permission.slug()).collect(),
        token: UserToken::of(&portal, &caller),
    };
    let data = UserData { facts: facts.clone(), company_id: person.company_id, role: role.name.clone() };
    Ok(axum::Json(UserAnswer { success: true, flat: User { facts, role }, data }))
}
