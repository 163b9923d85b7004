//! Links that set a password or confirm an address; each works once.

use crate::model::time::Moment;
use crate::store::db::{Result, Tx, WriteTx, sql};
use sqlx::FromRow;

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

/// Stores a link's hash; a person has one link per purpose, the newest.
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

/// Finds a valid link.
pub async fn find_link(tx: &mut Tx, hash: &[u8], now: Moment) -> Result<Option<Link>> {
    sql("select purpose, user_id, payload from link where token_hash = $1 and expires_at > $2")
        .bind(hash)
        .bind(now)
        .optional(tx)
        .await
}

/// Consumes a link; `None` if it already was.
pub async fn take_link(tx: &mut WriteTx, hash: &[u8], now: Moment) -> Result<Option<Link>> {
    sql("delete from link where token_hash = $1 and expires_at > $2 returning purpose, user_id, payload")
        .bind(hash)
        .bind(now)
        .returning(tx)
        .await
        .map(|mut links| links.pop())
}

/// Ends all links of a person, whatever their purpose: what they were made for has changed.
pub async fn end_links(tx: &mut WriteTx, user_id: i64) -> Result<()> {
    sql("delete from link where user_id = $1").bind(user_id).run(tx).await?;
    Ok(())
}

/// Deletes expired links.
pub async fn forget_links(tx: &mut WriteTx, now: Moment) -> Result<u64> {
    sql("delete from link where expires_at <= $1").bind(now).run(tx).await
}

/// Voids links of a purpose that belong to nobody yet.
pub async fn void_links(tx: &mut WriteTx, purpose: Purpose) -> Result<()> {
    sql("delete from link where purpose = $1 and user_id is null").bind(purpose.slug()).run(tx).await?;
    Ok(())
}
