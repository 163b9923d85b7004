//! People, and the links mailed to them.

mod changes;
mod links;
mod list;

use super::db::{Result, Tx, sql};
use crate::model::company::{Path, searchable};
use crate::model::role::Standing;
use crate::model::second_factor::SecondFactor;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

pub use changes::{
    end_sessions, insert, remove, set_disabled, set_email, set_last_login, set_password, set_profile, set_role,
    set_short_password,
};
pub use links::{Link, Purpose, add_link, end_links, find_link, forget_links, take_link, void_links};
pub use list::{UserFilter, UserSort, count, list, list_query};

/// A person as in lists.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
pub struct User {
    pub id: i64,
    pub company_id: i64,
    pub company_name: String,
    pub email: String,
    /// 0 in what an earlier version kept, which then has the role's name as its title.
    #[serde(default)]
    pub role_id: i64,
    #[serde(alias = "role")]
    pub role_title: String,
    /// What the role allows, unless it is built in.
    own_permissions: Option<String>,
    pub first_name: String,
    pub last_name: String,
    pub time_zone: String,
    /// 1 once a password is set.
    pub is_active: i64,
    pub last_login_at: Option<i64>,
    pub disabled_at: Option<i64>,
    pub created_at: i64,
    /// `None` if nobody has changed the account since it was made.
    #[serde(default)]
    pub updated_at: Option<i64>,
    pub second_factor: Option<String>,
}

impl User {
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::of(self.role_id, self.own_permissions.as_deref())
    }

    #[must_use]
    pub fn second_factor(&self) -> Option<SecondFactor> {
        self.second_factor.as_deref().and_then(SecondFactor::from_slug)
    }
}

/// What the role of a person allows, unless it is built in: those are known without a look.
macro_rules! own_permissions {
    ($person:literal) => {
        concat!(
            "case when ",
            $person,
            ".role_id >= 100 then (select r.permissions from role r where r.id = ",
            $person,
            ".role_id) end"
        )
    };
}
pub(crate) use own_permissions;

macro_rules! users_sql {
    ($where:expr) => {
        concat!(
            "select u.id, u.company_id, c.name as company_name, u.email, u.role_id,
                 (select r.title from role r where r.id = u.role_id) as role_title, ",
            crate::store::users::own_permissions!("u"),
            " as own_permissions, u.first_name, u.last_name,
                 u.time_zone, cast(case when u.password_hash is null then 0 else 1 end as bigint) as is_active,
                 u.last_login_at, u.disabled_at, u.created_at, u.updated_at, u.second_factor
             from person u join company c on c.id = u.company_id where ",
            $where
        )
    };
}
use users_sql;

/// Finds a person within a tree. Removed people and those of removed companies are gone, and service users are nobody's.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<User>> {
    let people = users_sql!(
        "u.id = $1 and u.is_service = 0 and u.removed_at is null and c.removed_at is null
         and c.path >= $2 and c.path < $3"
    );
    sql(people).bind(id).bind_tree(tree).optional(tx).await
}

/// Finds the person or the service user that acts.
pub async fn account(tx: &mut Tx, id: i64) -> Result<Option<User>> {
    sql(users_sql!("u.id = $1 and c.removed_at is null")).bind(id).optional(tx).await
}

/// Finds a person by e-mail address in the whole portal: for signing in and for the command line.
pub async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<User>> {
    sql(users_sql!("u.email_search = $1 and u.is_service = 0 and u.removed_at is null"))
        .bind(searchable(email))
        .optional(tx)
        .await
}

/// The e-mail addresses of these people.
pub async fn emails(tx: &mut Tx, ids: &[i64]) -> Result<Vec<(i64, String)>> {
    sql("select id, email from person where id in {list}").bind_list(ids).all(tx).await
}

/// Everybody, for the command line.
pub async fn all(tx: &mut Tx, after: i64) -> Result<Vec<User>> {
    sql(users_sql!("u.id > $1 and u.is_service = 0 and u.removed_at is null order by u.id limit 500"))
        .bind(after)
        .all(tx)
        .await
}

/// Locks a company's administrators who can sign in, so that the last one stays.
pub async fn lock_administrators(tx: &mut Tx, company_id: i64) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> = sql("select id from person
             where company_id = $1 and role_id = 1 and disabled_at is null and password_hash is not null
                 and is_service = 0 order by id")
    .locked()
    .bind(company_id)
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|r| r.0).collect())
}
