//! What a request needs to know about its sender.

use sqlx::FromRow;

use super::db::{Result, Tx, sql};
use super::history::NewHistory;
use crate::model::company::searchable;
use crate::model::second_factor::SecondFactor;

/// A person who can sign in.
#[derive(FromRow)]
pub struct Credentials {
    pub id: i64,
    pub company_id: i64,
    pub email: String,
    pub password_hash: Option<String>,
    pub disabled_at: Option<i64>,
    pub session_epoch: i64,
    pub second_factor: Option<String>,
    pub last_login_at: Option<i64>,
}

impl Credentials {
    #[must_use]
    pub fn second_factor(&self) -> Option<SecondFactor> {
        self.second_factor.as_deref().and_then(SecondFactor::from_slug)
    }

    /// A history row for something the person did without being signed in.
    #[must_use]
    pub fn note(&self, verb: &'static str, address: &str) -> NewHistory {
        NewHistory {
            actor_id: Some(self.id),
            company_id: Some(self.company_id),
            address: address.to_owned(),
            verb,
            subject: self.email.clone(),
            details: String::new(),
            token: None,
        }
    }
}

macro_rules! credentials_sql {
    ($where:literal) => {
        concat!(
            "select id, company_id, email, password_hash, disabled_at, session_epoch, second_factor, last_login_at
             from person where ",
            $where
        )
    };
}

/// Finds credentials by e-mail address.
pub async fn credentials(tx: &mut Tx, email: &str) -> Result<Option<Credentials>> {
    sql(credentials_sql!("email_search = $1")).bind(searchable(email)).optional(tx).await
}

/// Finds credentials by person.
pub async fn credentials_of(tx: &mut Tx, id: i64) -> Result<Option<Credentials>> {
    sql(credentials_sql!("id = $1")).bind(id).optional(tx).await
}

/// Like [`credentials_of`], locked until the end of the transaction, so that ending a person's links, sessions and
/// tokens and creating new ones take turns.
pub async fn lock(tx: &mut Tx, id: i64) -> Result<Option<Credentials>> {
    sql(credentials_sql!("id = $1")).locked().bind(id).optional(tx).await
}

/// A signed-in person with the company, read for this request.
#[derive(Debug, Clone, FromRow)]
pub struct SignedIn {
    pub id: i64,
    pub email: String,
    pub role_id: i64,
    /// What it allows, unless it is built in.
    pub own_permissions: Option<String>,
    /// The role of the maker of a service user's application.
    pub maker_role_id: Option<i64>,
    pub maker_permissions: Option<String>,
    pub first_name: String,
    pub last_name: String,
    pub time_zone: String,
    pub session_epoch: i64,
    pub company_id: i64,
    pub company_name: String,
    pub company_path: String,
    pub may_buy_vouchers: i64,
    pub second_factor: Option<String>,
    pub password_needs_second_factor: i64,
    /// The company that demands a second factor of this person: the person's own, or one above it.
    pub second_factor_demander: Option<String>,
    /// 1 for a service user, which an application acts as.
    pub is_service: i64,
}

/// The columns of [`SignedIn`] for a person `u` with a company `c`.
macro_rules! signed_in_columns {
    () => {
        concat!(
            "u.id, u.email, u.role_id, ",
            crate::store::users::own_permissions!("u"),
            " as own_permissions, case when u.is_service = 1 then (select m.role_id from application a
                 join person m on m.id = a.maker_id where a.service_user_id = u.id) end as maker_role_id,
             case when u.is_service = 1 then (select ",
            crate::store::users::own_permissions!("m"),
            " from application a join person m on m.id = a.maker_id
                 where a.service_user_id = u.id) end as maker_permissions,
             u.first_name, u.last_name, u.time_zone, u.session_epoch, u.company_id,
             c.name as company_name, c.path as company_path, c.may_buy_vouchers, u.second_factor,
             u.password_needs_second_factor, u.is_service, ",
            crate::store::companies::demander_column!()
        )
    };
}
pub(super) use signed_in_columns;

/// The people behind several requests, without those who are disabled.
pub async fn signed_in(tx: &mut Tx, ids: &[i64]) -> Result<Vec<SignedIn>> {
    sql(concat!(
        "select ",
        signed_in_columns!(),
        " from person u join company c on c.id = u.company_id
         where u.disabled_at is null and c.removed_at is null and u.id in {list}"
    ))
    .bind_list(ids)
    .all(tx)
    .await
}
