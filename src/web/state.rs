//! State shared by all handlers.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;

use super::api::Rates;
use super::downloads::Downloads;
use super::gather::Gatherer;
use crate::app::App;
use crate::store;
use crate::store::auth::SignedIn;
use crate::store::tokens::Holder;

/// How long a request may take until its answer begins.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// State shared by all handlers. Each request gets several clones.
#[derive(Clone)]
pub struct Portal(Arc<Shared>);

impl Deref for Portal {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The data behind a [`Portal`].
pub struct Shared {
    pub app: App,
    /// Looks up who is signed in, for many requests at once.
    pub people: Gatherer<i64, SignedIn>,
    /// Looks up access tokens' holders, for many requests at once.
    pub holders: Gatherer<Vec<u8>, Holder>,
    /// The same for tokens of applications.
    pub application_holders: Gatherer<Vec<u8>, Holder>,
    pub rates: Rates,
    pub downloads: Downloads,
    pub cookie_names: CookieNames,
    /// How long a request may take until its answer begins.
    pub request_timeout: Duration,
}

/// Behind https, the cookies' names bind them to the host.
#[derive(Clone, Copy)]
pub struct CookieNames {
    pub known_device: &'static str,
    pub link: &'static str,
    pub theme: &'static str,
}

impl FromRef<Portal> for App {
    fn from_ref(portal: &Portal) -> App {
        portal.app.clone()
    }
}

impl Portal {
    /// The shared state, with a limit on how long a request may take until its answer begins.
    #[must_use]
    pub fn new(app: App, request_timeout: Duration) -> Portal {
        Portal::with(app, request_timeout, Downloads::default())
    }

    /// The same with other limits on downloads.
    #[must_use]
    pub fn with(app: App, request_timeout: Duration, downloads: Downloads) -> Portal {
        let cookie_names = if app.config.is_https() {
            CookieNames { known_device: "__Host-known", link: "__Host-link", theme: "__Host-theme" }
        } else {
            CookieNames { known_device: "known", link: "link", theme: "theme" }
        };
        let rates = Rates::new(app.clock.clone(), app.config.api_requests_per_minute);
        let (people, holders, application_holders) = (people(&app), holders(&app), application_holders(&app));
        Portal(Arc::new(Shared {
            app,
            people,
            holders,
            application_holders,
            rates,
            downloads,
            cookie_names,
            request_timeout,
        }))
    }
}

fn holders(app: &App) -> Gatherer<Vec<u8>, Holder> {
    let db = app.db.clone();
    Gatherer::start(&app.tasks, "look-ups of tokens", move |hashes: Vec<Vec<u8>>| {
        let db = db.clone();
        async move {
            let mut tx = db.read().await?;
            let found = store::tokens::holders(&mut tx, &hashes).await?;
            Ok(found.into_iter().map(|h| (h.token_hash.clone(), h)).collect())
        }
    })
}

fn application_holders(app: &App) -> Gatherer<Vec<u8>, Holder> {
    let db = app.db.clone();
    Gatherer::start(&app.tasks, "look-ups of applications' tokens", move |hashes: Vec<Vec<u8>>| {
        let db = db.clone();
        async move {
            let mut tx = db.read().await?;
            let found = store::oauth::holders(&mut tx, &hashes).await?;
            Ok(found.into_iter().map(|h| (h.token_hash.clone(), h)).collect())
        }
    })
}

fn people(app: &App) -> Gatherer<i64, SignedIn> {
    let db = app.db.clone();
    Gatherer::start(&app.tasks, "look-ups of people", move |ids: Vec<i64>| {
        let db = db.clone();
        async move {
            let mut tx = db.read().await?;
            let found = store::auth::signed_in(&mut tx, &ids).await?;
            Ok(found.into_iter().map(|p| (p.id, p)).collect())
        }
    })
}
