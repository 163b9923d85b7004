//! People, and the links that they are sent.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::companies::{Way, escape_like};
use super::db::{Query, Result, Tx, WriteTx, sql};
use crate::model::company::{Path, searchable};
use crate::model::second_factor::SecondFactor;
use crate::model::time::Moment;
use crate::model::user::Role;

/// A person as lists show one.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
pub struct User {
    pub id: i64,
    pub company_id: i64,
    pub company_name: String,
    pub email: String,
    #[sqlx(try_from = "String")]
    pub role: Role,
    pub first_name: String,
    pub last_name: String,
    pub time_zone: String,
    /// 1 once a password is set.
    pub is_active: i64,
    pub last_login_at: Option<i64>,
    pub disabled_at: Option<i64>,
    pub created_at: i64,
    pub second_factor: Option<String>,
}

impl User {
    #[must_use]
    pub fn second_factor(&self) -> Option<SecondFactor> {
        self.second_factor.as_deref().and_then(SecondFactor::from_slug)
    }
}

macro_rules! users_sql {
    ($where:expr) => {
        concat!(
            "select u.id, u.company_id, c.name as company_name, u.email, u.role, u.first_name, u.last_name,
                 u.time_zone, cast(case when u.password_hash is null then 0 else 1 end as bigint) as is_active,
                 u.last_login_at, u.disabled_at, u.created_at, u.second_factor
             from person u join company c on c.id = u.company_id where ", $where
        )
    };
}

/// Which users.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserFilter<'a> {
    pub company_id: Option<i64>,
    /// Part of the e-mail address or of the company's name.
    pub text: &'a str,
    /// The last id of the page before.
    pub after: i64,
    pub limit: i64,
    pub offset: i64,
}

/// A page of the users of a tree, oldest first; of one company where it is named.
///
/// # Errors
/// Whatever the database says.
pub async fn list(tx: &mut Tx, tree: &Path, filter: &UserFilter<'_>) -> Result<Vec<User>> {
    let way = Way::through(tx, tree).await?;
    list_query(tree, filter, way).all(tx).await
}

/// The query of [`list`].
#[must_use]
pub fn list_query(tree: &Path, filter: &UserFilter<'_>, way: Way) -> Query {
    // An expression keeps a planner from the index of the other way.
    let is_sorted = way == Way::Gathered && filter.company_id.is_none();
    let id = if is_sorted { "(u.id + 0)" } else { "u.id" };
    // The ids first: only rows that are shown are read.
    let query = sql(users_sql!("u.id in (select u.id from person u")).push(match way {
        Way::Gathered => ", company c",
        Way::Walked => " cross join company c",
    });
    let query = query.push(" where c.id = u.company_id and c.removed_at is null");
    wanted(query, tree, filter, way)
        .push(" and ")
        .push(id)
        .push(" > ")
        .push_value(filter.after)
        .push(" order by ")
        .push(id)
        .push(" limit ")
        .push_value(filter.limit)
        .push(" offset ")
        .push_value(filter.offset)
        .push(") order by u.id")
}

/// How many users there are.
///
/// # Errors
/// Whatever the database says.
pub async fn count(tx: &mut Tx, tree: &Path, filter: &UserFilter<'_>) -> Result<i64> {
    let query = sql("select count(*) from company c cross join person u
         where u.company_id = c.id and c.removed_at is null");
    let (count,): (i64,) = wanted(query, tree, filter, Way::Gathered).one(tx).await?;
    Ok(count)
}

fn wanted(query: Query, tree: &Path, filter: &UserFilter<'_>, way: Way) -> Query {
    let query = match filter.company_id {
        // Whoever asks has made sure that the company is of the tree.
        Some(id) => query.push(" and u.company_id = ").push_value(id).push(" and c.id = ").push_value(id),
        None => way.within(query, tree),
    };
    if filter.text.is_empty() {
        return query;
    }
    let pattern = format!("%{}%", escape_like(&searchable(filter.text)));
    let query = query.push(" and (u.email_search like ").push_value(&pattern).push(" escape '\\'");
    query.push(" or c.name_search like ").push_value(&pattern).push(" escape '\\')")
}

/// A person of a tree; those of removed companies are gone with them.
///
/// # Errors
/// Whatever the database says.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<User>> {
    sql(users_sql!("u.id = $1 and c.removed_at is null and c.path >= $2 and c.path < $3"))
        .bind(id)
        .bind(tree.as_str())
        .bind(tree.end())
        .optional(tx)
        .await
}

/// A person by e-mail address, wherever: for signing in and for the command line.
///
/// # Errors
/// Whatever the database says.
pub async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<User>> {
    sql(users_sql!("u.email_search = $1")).bind(searchable(email)).optional(tx).await
}

/// The e-mail addresses of some people.
///
/// # Errors
/// Whatever the database says.
pub async fn emails(tx: &mut Tx, ids: &[i64]) -> Result<Vec<(i64, String)>> {
    sql("select id, email from person where id in {list}").bind_list(ids).all(tx).await
}

/// Everybody, for the command line.
///
/// # Errors
/// Whatever the database says.
pub async fn all(tx: &mut Tx, after: i64) -> Result<Vec<User>> {
    sql(users_sql!("u.id > $1 order by u.id limit 500")).bind(after).all(tx).await
}

/// Adds a person without a password; `None` where the address has an account already.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(
    tx: &mut WriteTx,
    company_id: i64,
    email: &str,
    role: Role,
    now: Moment,
) -> Result<Option<i64>> {
    let id = super::ledger::reserve(tx, "user", 1).await?[0];
    let added = sql("insert into person (id, company_id, email, email_search, role, created_at)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing")
    .bind(id)
    .bind(company_id)
    .bind(email)
    .bind(searchable(email))
    .bind(role.slug())
    .bind(now)
    .run(tx)
    .await?;
    Ok((added == 1).then_some(id))
}

/// Changes a role. The next request of the person counts it already.
///
/// # Errors
/// Whatever the database says.
pub async fn set_role(tx: &mut WriteTx, id: i64, role: Role) -> Result<()> {
    sql("update person set role = $2 where id = $1").bind(id).bind(role.slug()).run(tx).await?;
    Ok(())
}

/// Disables a person, which ends all sessions and links at once, or enables one again.
///
/// # Errors
/// Whatever the database says.
pub async fn set_disabled(tx: &mut WriteTx, id: i64, at: Option<Moment>) -> Result<()> {
    sql("update person set disabled_at = $2, session_epoch = session_epoch + 1 where id = $1")
        .bind(id)
        .bind(at)
        .run(tx)
        .await?;
    end_links(tx, id).await
}

/// Ends all sessions of a person at once.
///
/// # Errors
/// Whatever the database says.
pub async fn end_sessions(tx: &mut WriteTx, id: i64) -> Result<()> {
    sql("update person set session_epoch = session_epoch + 1 where id = $1").bind(id).run(tx).await?;
    Ok(())
}

/// Administrators of a company who can act, locked: so that the last one stays.
///
/// # Errors
/// Whatever the database says.
pub async fn lock_administrators(tx: &mut Tx, company_id: i64) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> = sql(
        "select id from person where company_id = $1 and role = 'admin' and disabled_at is null order by id",
    )
    .locked()
    .bind(company_id)
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|r| r.0).collect())
}

/// Sets a password, which ends all sessions and links at once.
///
/// # Errors
/// Whatever the database says.
pub async fn set_password(tx: &mut WriteTx, id: i64, hash: &str) -> Result<()> {
    sql("update person set password_hash = $2, password_needs_second_factor = 0, session_epoch = session_epoch + 1
         where id = $1")
    .bind(id)
    .bind(hash)
    .run(tx)
    .await?;
    end_links(tx, id).await
}

/// Sets a password as short as only a second factor allows, as [`set_password`] does; `false`, and
/// nothing is set, where there is none.
///
/// # Errors
/// Whatever the database says.
pub async fn set_short_password(tx: &mut WriteTx, id: i64, hash: &str) -> Result<bool> {
    let set = sql(
        "update person set password_hash = $2, password_needs_second_factor = 1, session_epoch = session_epoch + 1
         where id = $1 and second_factor is not null",
    )
    .bind(id)
    .bind(hash)
    .run(tx)
    .await?;
    end_links(tx, id).await?;
    Ok(set == 1)
}

/// Sets the name and the time zone.
///
/// # Errors
/// Whatever the database says.
pub async fn set_profile(tx: &mut WriteTx, id: i64, first: &str, last: &str, zone: &str) -> Result<()> {
    sql("update person set first_name = $2, last_name = $3, time_zone = $4 where id = $1")
        .bind(id)
        .bind(first)
        .bind(last)
        .bind(zone)
        .run(tx)
        .await?;
    Ok(())
}

/// Sets a confirmed e-mail address, which ends all links.
///
/// # Errors
/// A unique violation where another account has it.
pub async fn set_email(tx: &mut WriteTx, id: i64, email: &str) -> Result<()> {
    sql("update person set email = $2, email_search = $3 where id = $1")
        .bind(id)
        .bind(email)
        .bind(searchable(email))
        .run(tx)
        .await?;
    end_links(tx, id).await
}

/// Notes a sign-in.
///
/// # Errors
/// Whatever the database says.
pub async fn set_last_login(tx: &mut WriteTx, id: i64, now: Moment) -> Result<()> {
    sql("update person set last_login_at = $2 where id = $1").bind(id).bind(now).run(tx).await?;
    Ok(())
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Setup,
    Invite,
    Reset,
    Email,
    /// Stops a change of the e-mail address.
    StopEmail,
    SignUp,
}

impl Purpose {
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Purpose::Setup => "setup",
            Purpose::Invite => "invite",
            Purpose::Reset => "reset",
            Purpose::Email => "email",
            Purpose::StopEmail => "stop_email",
            Purpose::SignUp => "sign_up",
        }
    }
}

impl TryFrom<String> for Purpose {
    type Error = std::io::Error;

    fn try_from(slug: String) -> std::result::Result<Self, std::io::Error> {
        use Purpose::{Email, Invite, Reset, Setup, SignUp, StopEmail};
        [Setup, Invite, Reset, Email, StopEmail, SignUp]
            .into_iter()
            .find(|p| p.slug() == slug)
            .ok_or_else(|| std::io::Error::other(slug))
    }
}

/// A link that somebody holds.
#[derive(Debug, Clone, FromRow)]
pub struct Link {
    #[sqlx(try_from = "String")]
    pub purpose: Purpose,
    pub user_id: Option<i64>,
    pub payload: String,
}

/// Keeps a link's hash; a person has one link for each purpose, the newest.
///
/// # Errors
/// Whatever the database says.
pub async fn add_link(tx: &mut WriteTx, hash: &[u8], link: &Link, now: Moment, until: Moment) -> Result<()> {
    sql("delete from link where user_id = $1 and purpose = $2")
        .bind(link.user_id)
        .bind(link.purpose.slug())
        .run(tx)
        .await?;
    sql("insert into link (token_hash, purpose, user_id, payload, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6)")
    .bind(hash)
    .bind(link.purpose.slug())
    .bind(link.user_id)
    .bind(&link.payload)
    .bind(now)
    .bind(until)
    .run(tx)
    .await?;
    Ok(())
}

/// A link that is still good.
///
/// # Errors
/// Whatever the database says.
pub async fn find_link(tx: &mut Tx, hash: &[u8], now: Moment) -> Result<Option<Link>> {
    sql("select purpose, user_id, payload from link where token_hash = $1 and expires_at > $2")
        .bind(hash)
        .bind(now)
        .optional(tx)
        .await
}

/// Uses a link up; `None` where somebody did before.
///
/// # Errors
/// Whatever the database says.
pub async fn take_link(tx: &mut WriteTx, hash: &[u8], now: Moment) -> Result<Option<Link>> {
    sql("delete from link where token_hash = $1 and expires_at > $2 returning purpose, user_id, payload")
        .bind(hash)
        .bind(now)
        .returning(tx)
        .await
        .map(|mut links| links.pop())
}

/// Ends all links of a person, of whatever purpose: what they were made for has changed.
///
/// # Errors
/// Whatever the database says.
pub async fn end_links(tx: &mut WriteTx, user_id: i64) -> Result<()> {
    sql("delete from link where user_id = $1").bind(user_id).run(tx).await?;
    Ok(())
}

/// Forgets links that are past their time.
///
/// # Errors
/// Whatever the database says.
pub async fn forget_links(tx: &mut WriteTx, now: Moment) -> Result<u64> {
    sql("delete from link where expires_at <= $1").bind(now).run(tx).await
}

/// Voids links of a purpose that belong to nobody yet.
///
/// # Errors
/// Whatever the database says.
pub async fn void_links(tx: &mut WriteTx, purpose: Purpose) -> Result<()> {
    sql("delete from link where purpose = $1 and user_id is null").bind(purpose.slug()).run(tx).await?;
    Ok(())
}
