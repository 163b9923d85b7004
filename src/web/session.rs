//! Sessions: tower-sessions over our own table. The cookie's value is stored as its SHA-256. A session ends after 12
//! idle hours or at an age of 14 days; its last use is recorded every few minutes.

use std::collections::HashMap;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use super::gather::Gatherer;
use crate::app::App;
use crate::clock::Clock;
use crate::model::time::Moment;
use crate::ops::confirmation::Confirmed;
use crate::ops::second_step::Pending;
use crate::ops::sign_in::SignedInAs;
use crate::store;
use crate::store::db::Db;
use crate::store::sessions::{NewSession, SessionRow};

const IDLE_SECONDS: i64 = 12 * 3_600;
const LIFETIME_SECONDS: i64 = 14 * 86_400;
const TOUCH_EVERY_SECONDS: i64 = 300;

/// The names of a session's values.
const SIGNED_IN_AS: &str = "as";
const PENDING: &str = "pending";
const CONFIRMED: &str = "confirmed";
const ADDRESS: &str = "address";
const USER_AGENT: &str = "user_agent";

/// Stores sessions in the database.
#[derive(Clone)]
pub struct Store {
    db: Db,
    clock: Clock,
    loads: Gatherer<Vec<u8>, SessionRow>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// The layer that gives each request its session.
pub fn layer(app: &App) -> SessionManagerLayer<Store> {
    let (db, clock, config) = (app.db.clone(), app.clock.clone(), &app.config);
    let loads = Gatherer::start(&app.tasks, "look-ups of sessions", {
        let (db, clock) = (db.clone(), clock.clone());
        move |hashes: Vec<Vec<u8>>| {
            let (db, clock) = (db.clone(), clock.clone());
            async move {
                let mut tx = db.sessions().await?;
                let found = store::sessions::load(&mut tx, &hashes, clock.now()).await?;
                Ok(found.into_iter().map(|row| (row.id_hash.clone(), row)).collect::<HashMap<_, _>>())
            }
        }
    });
    SessionManagerLayer::new(Store { db, clock, loads })
        .with_name(if config.is_https() { "__Host-session" } else { "session" })
        .with_secure(config.is_https())
        .with_same_site(SameSite::Lax)
        .with_http_only(true)
        .with_path("/")
        .with_expiry(Expiry::OnSessionEnd)
}

/// The hash that a session is found by.
pub fn hash(id: Id) -> Vec<u8> {
    Sha256::digest(id.0.to_be_bytes()).to_vec()
}

/// Begins a session for an authenticated person, under a new id. `confirmed` is when the password and the second factor
/// were last entered.
pub async fn begin(
    session: &Session,
    who: &SignedInAs,
    address: &str,
    user_agent: &str,
    confirmed: Option<Confirmed>,
) -> std::result::Result<(), tower_sessions::session::Error> {
    session.cycle_id().await?;
    session.remove_value(PENDING).await?;
    session.insert(CONFIRMED, confirmed).await?;
    session.insert(SIGNED_IN_AS, who).await?;
    session.insert(ADDRESS, address).await?;
    session.insert(USER_AGENT, user_agent.chars().take(300).collect::<String>()).await?;
    session.save().await
}

/// Stores a sign-in that waits for its second step, under a new id. Anyone signed in here before no longer is.
pub async fn begin_pending(
    session: &Session,
    pending: &Pending,
) -> std::result::Result<(), tower_sessions::session::Error> {
    session.cycle_id().await?;
    session.remove_value(SIGNED_IN_AS).await?;
    session.remove_value(CONFIRMED).await?;
    session.insert(PENDING, pending).await?;
    session.save().await
}

/// The sign-in that waits for its second step here.
pub async fn pending(session: &Session) -> std::result::Result<Option<Pending>, tower_sessions::session::Error> {
    session.get(PENDING).await
}

/// The person a session belongs to.
pub async fn signed_in_as(
    session: &Session,
) -> std::result::Result<Option<SignedInAs>, tower_sessions::session::Error> {
    session.get(SIGNED_IN_AS).await
}

/// When the person signed in here last confirmed.
pub async fn confirmed(session: &Session) -> std::result::Result<Option<Confirmed>, tower_sessions::session::Error> {
    Ok(session.get::<Option<Confirmed>>(CONFIRMED).await?.flatten())
}

/// Records that the person signed in here has confirmed.
pub async fn confirm(
    session: &Session,
    confirmed: Confirmed,
) -> std::result::Result<(), tower_sessions::session::Error> {
    session.insert(CONFIRMED, Some(confirmed)).await?;
    session.save().await
}

impl Store {
    async fn write(&self, record: &Record) -> Result<()> {
        let now = self.clock.now();
        let text = |name: &str| record.data.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let user_id = record.data.get(SIGNED_IN_AS).and_then(|v| v.get("user_id")).and_then(serde_json::Value::as_i64);
        let session = NewSession {
            id_hash: &hash(record.id),
            user_id,
            data: serde_json::to_string(&record.data).map_err(|e| Error::Encode(e.to_string()))?,
            expires_at: now.plus_seconds(IDLE_SECONDS),
            address: text(ADDRESS),
            user_agent: text(USER_AGENT),
        };
        let mut tx = self.db.sessions().await.map_err(backend)?;
        store::sessions::save(&mut tx, &session, now).await.map_err(backend)
    }

    async fn touch(&self, row: &SessionRow, now: Moment) -> Result<()> {
        let oldest = Moment(row.created_at).plus_seconds(LIFETIME_SECONDS);
        let until = now.plus_seconds(IDLE_SECONDS).min(oldest);
        let mut tx = self.db.sessions().await.map_err(backend)?;
        store::sessions::touch(&mut tx, &row.id_hash, now, until).await.map_err(backend)
    }
}

fn backend(error: store::db::DbError) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for Store {
    // Ids are 128 random bits, so collisions do not happen.
    async fn create(&self, record: &mut Record) -> Result<()> {
        self.write(record).await
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.write(record).await
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let found = self.loads.get(hash(*id)).await.map_err(|e| Error::Backend(e.to_string()))?;
        let Some(row) = found else { return Ok(None) };
        let now = self.clock.now();
        if now > Moment(row.seen_at).plus_seconds(TOUCH_EVERY_SECONDS) {
            // Reads must not depend on this write: the disk may be full.
            if let Err(error) = self.touch(&row, now).await {
                tracing::debug!(%error, "the use of a session was not noted");
            }
        }
        let data = serde_json::from_str(&row.data).map_err(|e| Error::Decode(e.to_string()))?;
        // The table decides when a session ends, by the application's clock.
        let far_future =
            OffsetDateTime::from_unix_timestamp(253_402_300_799).map_err(|e| Error::Decode(e.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date: far_future }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let mut tx = self.db.sessions().await.map_err(backend)?;
        store::sessions::delete(&mut tx, &hash(*id)).await.map_err(backend)
    }
}
