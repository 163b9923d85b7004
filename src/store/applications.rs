//! Applications (OAuth 2.1) and their service users. Their grants and tokens are in [`super::oauth`].

use sqlx::FromRow;

use super::db::{Query, Result, Tx, Value, WriteTx, sql};
use crate::model::company::Path;
use crate::model::oauth::RedirectUrls;
use crate::model::role::Standing;
use crate::model::time::Moment;
use crate::model::token::Scopes;

/// An application as stored.
#[derive(Debug, Clone, FromRow)]
pub struct Application {
    pub id: i64,
    pub company_id: i64,
    pub company_name: String,
    pub company_path: String,
    pub maker_id: i64,
    pub maker_email: String,
    maker_role_id: i64,
    maker_permissions: Option<String>,
    pub name: String,
    pub description: String,
    pub redirect_urls: String,
    pub scopes: String,
    pub client_id: String,
    /// `None` for a public application.
    pub secret_hash: Option<Vec<u8>>,
    pub secret_ending: Option<String>,
    pub is_published: i64,
    pub service_user_id: Option<i64>,
    /// The role of the service user, and its title.
    pub service_role_id: Option<i64>,
    pub service_role: Option<String>,
    pub created_at: i64,
}

impl Application {
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.secret_hash.is_some()
    }

    /// The standing of its maker.
    #[must_use]
    pub fn maker(&self) -> Standing {
        Standing::of(self.maker_role_id, self.maker_permissions.as_deref())
    }

    #[must_use]
    pub fn redirects(&self) -> RedirectUrls {
        RedirectUrls::from_stored(&self.redirect_urls)
    }

    #[must_use]
    pub fn scopes(&self) -> Scopes {
        Scopes::from_stored(&self.scopes)
    }

    /// Whether people of a company may allow it.
    #[must_use]
    pub fn is_open_to(&self, company: &Path) -> bool {
        self.is_published == 1 || Path::from_stored(self.company_path.clone()).contains(company)
    }
}

/// Whose applications somebody sees: their own, and those of a tree.
pub struct Sight<'a> {
    pub user_id: i64,
    pub tree: Option<&'a Path>,
}

macro_rules! applications_sql {
    ($rest:literal) => {
        concat!(
            "select a.id, a.company_id, c.name as company_name, c.path as company_path, a.maker_id,
                 m.email as maker_email, m.role_id as maker_role_id, ",
            crate::store::users::own_permissions!("m"),
            " as maker_permissions, a.name, a.description, a.redirect_urls, a.scopes,
                 a.client_id, a.secret_hash, a.secret_ending, a.is_published, a.service_user_id,
                 s.role_id as service_role_id,
                 (select r.title from role r where r.id = s.role_id) as service_role, a.created_at
             from application a join company c on c.id = a.company_id join person m on m.id = a.maker_id
             left join person s on s.id = a.service_user_id
             where c.removed_at is null and ",
            $rest
        )
    };
}

impl Sight<'_> {
    fn bind(&self, query: Query) -> Query {
        let query = query.bind(self.user_id);
        match self.tree {
            Some(tree) => query.bind_tree(tree),
            // A range with nothing in it.
            None => query.bind("").bind(""),
        }
    }
}

/// An application that somebody sees.
pub async fn find(tx: &mut Tx, sight: &Sight<'_>, id: i64) -> Result<Option<Application>> {
    let query = sql(applications_sql!("(a.maker_id = $1 or (c.path >= $2 and c.path < $3)) and a.id = $4"));
    sight.bind(query).bind(id).optional(tx).await
}

/// A page of the applications that somebody sees, newest first.
pub async fn list(tx: &mut Tx, sight: &Sight<'_>, before: i64, limit: i64) -> Result<Vec<Application>> {
    let query = sql(applications_sql!(
        "(a.maker_id = $1 or (c.path >= $2 and c.path < $3)) and a.id < $4 order by a.id desc limit $5"
    ));
    sight.bind(query).bind(before).bind(limit).all(tx).await
}

/// Finds an application by what it calls itself.
pub async fn by_client_id(tx: &mut Tx, client_id: &str) -> Result<Option<Application>> {
    sql(applications_sql!("a.client_id = $1")).bind(client_id).optional(tx).await
}

/// Locks an application until the transaction ends; `false` if it was deleted.
pub async fn lock(tx: &mut WriteTx, id: i64) -> Result<bool> {
    let found: Option<(i64,)> = sql("select id from application where id = $1").locked().bind(id).optional(tx).await?;
    Ok(found.is_some())
}

/// How many applications a person has made.
pub async fn count_of_maker(tx: &mut Tx, maker_id: i64) -> Result<i64> {
    let (count,): (i64,) = sql("select count(*) from application where maker_id = $1").bind(maker_id).one(tx).await?;
    Ok(count)
}

/// What its maker decides.
pub struct Content<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub redirect_urls: &'a RedirectUrls,
    pub scopes: &'a Scopes,
    pub is_published: bool,
    pub service_user_id: Option<i64>,
}

/// The hash and the last characters of a client secret.
pub struct Secret {
    pub hash: Vec<u8>,
    pub ending: String,
}

/// Stores a new application; returns its id.
pub async fn insert(
    tx: &mut WriteTx,
    (company_id, maker_id): (i64, i64),
    client_id: &str,
    content: &Content<'_>,
    secret: Option<&Secret>,
    now: Moment,
) -> Result<i64> {
    let id = super::ledger::reserve(tx, "application", 1).await?[0];
    sql("insert into application (id, company_id, maker_id, name, description, redirect_urls, scopes, client_id,
             secret_hash, secret_ending, is_published, service_user_id, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
    .bind(id)
    .bind(company_id)
    .bind(maker_id)
    .bind(content.name)
    .bind(content.description)
    .bind(content.redirect_urls.stored())
    .bind(content.scopes.stored())
    .bind(client_id)
    .bind(Value::Bytes(secret.map(|s| s.hash.clone())))
    .bind(secret.map(|s| s.ending.clone()))
    .bind(content.is_published)
    .bind(content.service_user_id)
    .bind(now)
    .run(tx)
    .await?;
    Ok(id)
}

/// Changes a locked application.
pub async fn update(tx: &mut WriteTx, id: i64, content: &Content<'_>) -> Result<()> {
    sql("update application set name = $2, description = $3, redirect_urls = $4, scopes = $5, is_published = $6,
             service_user_id = $7 where id = $1")
    .bind(id)
    .bind(content.name)
    .bind(content.description)
    .bind(content.redirect_urls.stored())
    .bind(content.scopes.stored())
    .bind(content.is_published)
    .bind(content.service_user_id)
    .run(tx)
    .await?;
    Ok(())
}

/// Replaces the secret of a locked application; the old one no longer works.
pub async fn set_secret(tx: &mut WriteTx, id: i64, secret: &Secret) -> Result<()> {
    sql("update application set secret_hash = $2, secret_ending = $3 where id = $1")
        .bind(id)
        .bind(secret.hash.as_slice())
        .bind(&secret.ending)
        .run(tx)
        .await?;
    Ok(())
}

/// Deletes an application with its grants and tokens.
pub async fn delete(tx: &mut WriteTx, id: i64) -> Result<()> {
    sql("delete from application where id = $1").bind(id).run(tx).await?;
    Ok(())
}

/// Adds the user that an application acts as by itself.
pub async fn insert_service_user(tx: &mut WriteTx, company_id: i64, role_id: i64, now: Moment) -> Result<i64> {
    let id = super::ledger::reserve(tx, "user", 1).await?[0];
    // No address, so no mail and no sign-in leads to it.
    let name = format!("service-user-{id}");
    sql("insert into person (id, company_id, email, email_search, role_id, created_at, is_service)
         values ($1, $2, $3, $3, $4, $5, 1)")
    .bind(id)
    .bind(company_id)
    .bind(name)
    .bind(role_id)
    .bind(now)
    .run(tx)
    .await?;
    Ok(id)
}
