//! An application for each test, on either database, and the people who use it.
//! [`both!`] makes two tests of one: `sqlite` and `postgres`.
#![allow(dead_code, unused_imports, reason = "each test file uses a part of it")]

mod browser;
pub mod disk;
pub mod faults;
pub mod invoice;
mod links;
mod mail;
pub mod markup;
pub mod process;
mod program;
pub mod qr;
pub mod sale;
mod second_factor;
pub mod shop;
pub mod stripe;
pub mod till;
pub mod walker;
mod world;

pub use browser::{Browser, Page};
pub use links::{link_in, maybe_link_in, open, set_password};
pub use mail::{mail_server, next_mail, next_mail_of_all, no_mail};
pub use program::{Answer, Program};
pub use second_factor::{codes_on, secret_on, set_up};
pub use world::{PASSWORD, World, browser as signed_in, who};

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use scrip::app::App;
use scrip::clock::Clock;
use scrip::config::{Config, Given};
use scrip::model::time::Moment;
use scrip::rng::Rng;

/// 21 November 2026, 12:00 UTC: what the clock shows when a test begins.
pub const NOON: Moment = Moment(1_795_262_400_000_000);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// Makes two tests of an async function that takes a [`TestApp`].
#[macro_export]
macro_rules! both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(app) = $crate::support::TestApp::start($crate::support::Backend::Sqlite).await {
                    Box::pin(super::$name(app)).await;
                }
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(app) = $crate::support::TestApp::start($crate::support::Backend::Postgres).await {
                    Box::pin(super::$name(app)).await;
                }
            })*
        }
    };
}

/// One portal, in process.
pub struct TestApp {
    pub app: App,
    pub router: Router,
    pub backend: Backend,
    pub database_url: Option<String>,
    folder: tempfile::TempDir,
}

impl TestApp {
    /// Starts one; on PostgreSQL in a schema of its own. Without a server the test is skipped
    /// aloud, and fails where `CI` is set.
    pub async fn start(backend: Backend) -> Option<TestApp> {
        Self::start_with(backend, Given::default()).await
    }

    /// Starts one with settings.
    pub async fn start_with(backend: Backend, given: Given) -> Option<TestApp> {
        Self::start_changed(backend, given, |_| {}).await
    }

    /// Starts one as `scrip demo` does, but empty.
    pub async fn start_demo(backend: Backend) -> Option<TestApp> {
        Self::start_changed(backend, Given::default(), |config| config.demo = true).await
    }

    /// Starts one with settings that are changed besides.
    pub async fn start_changed(
        backend: Backend,
        given: Given,
        change: impl FnOnce(&mut Config),
    ) -> Option<TestApp> {
        Self::start_behind(backend, given, change, |db| db).await
    }

    /// Starts one on a database that is changed first, such as one whose calls fail as a layer says.
    pub async fn start_behind(
        backend: Backend,
        given: Given,
        change: impl FnOnce(&mut Config),
        wrap: impl FnOnce(scrip::store::db::Db) -> scrip::store::db::Db,
    ) -> Option<TestApp> {
        let folder = tempfile::tempdir().unwrap();
        let mut given = Given { data: Some(folder.path().to_owned()), ..given };
        if backend == Backend::Postgres && given.database_url.is_none() {
            given.database_url = Some(schema().await?);
        }
        let database_url = given.database_url.clone();
        let mut config = Config::load(&given).unwrap();
        change(&mut config);
        let db = wrap(App::open(&config).await.unwrap());
        let (app, _) = App::start_on(db, config, Clock::fixed(NOON), Rng::System).await.unwrap();
        scrip::ops::clock::keep_up(&app).await.unwrap();
        let router = scrip::web::router::router(app.clone());
        Some(TestApp { app, router, backend, database_url, folder })
    }

    /// A browser that nobody has signed in with.
    pub fn browser(&self) -> Browser {
        Browser::new(self.router.clone())
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The portal again on the same data, as after a restart.
    pub async fn restarted(&self) -> Browser {
        Browser::new(scrip::web::router::router(self.another().await))
    }

    /// Another process on the same database.
    pub async fn another(&self) -> App {
        let config = (*self.app.config).clone();
        // As far as this one knows the time, if its database is not closed.
        let _ = scrip::ops::clock::keep_up(&self.app).await;
        let app = App::start(config, self.app.clock.clone(), Rng::System).await.unwrap().0;
        scrip::ops::clock::keep_up(&app).await.unwrap();
        app
    }

    /// Checks every rule of the ledger.
    pub async fn verify(&self) {
        assert_eq!(self.broken().await, Vec::<String>::new());
    }

    /// The rules that are broken.
    pub async fn broken(&self) -> Vec<String> {
        use scrip::store::verify::{Options, check};
        let report = check(&self.app.db, &self.app.keys, Options::default(), &mut |_| {}).await.unwrap();
        let broken = report.findings.iter().filter(|finding| finding.broken > 0);
        broken.map(|finding| format!("{}: {:?}", finding.rule, finding.first)).collect()
    }
}

/// A fresh schema of the test server, as a URL.
async fn schema() -> Option<String> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let Ok(server) = std::env::var("SCRIP_TEST_POSTGRES") else {
        assert!(std::env::var("CI").is_err(), "SCRIP_TEST_POSTGRES is not set: tests/run sets it");
        eprintln!("SKIPPED on PostgreSQL: SCRIP_TEST_POSTGRES is not set (tests/run sets it)");
        return None;
    };
    // A server that outlives a run meets the same process ids again.
    let random = scrip::store::db::hex(&Rng::System.bytes::<6>());
    let name = format!("t{random}_{}", COUNT.fetch_add(1, Ordering::SeqCst));
    let pool = sqlx::PgPool::connect(&server).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("create schema {name}"))).execute(&pool).await.unwrap();
    pool.close().await;
    Some(format!("{server}?options=-c%20search_path%3D{name}"))
}
