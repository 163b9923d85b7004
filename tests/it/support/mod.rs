//! An application for each test, on either database, and the people who use it.
//! [`both!`] turns one function into two tests: `sqlite` and `postgres`.

mod browser;
mod data;
pub mod disk;
#[macro_use]
pub mod faults;
pub mod invoice;
mod links;
mod mail;
pub mod markup;
pub mod memory;
pub mod oauth;
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
pub use data::PgDatabase;
pub use links::{link_in, maybe_link_in, open, set_password};
pub use mail::{mail_server, next_mail, next_mail_of_all, no_mail};
pub use program::{Answer, Program};
pub use second_factor::{codes_on, secret_on, set_up};
pub use world::{PASSWORD, World, browser as signed_in, who};

use axum::Router;
use scrip::app::App;
use scrip::clock::Clock;
use scrip::config::{Config, Given};
use scrip::model::time::Moment;
use scrip::rng::Rng;

/// 21 November 2026, 12:00 UTC: the time at which every test begins.
pub const NOON: Moment = Moment(1_795_262_400_000_000);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// Makes an `sqlite` and a `postgres` test of an async function that takes a [`TestApp`].
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

/// Tests of what no database takes part in: headers, cookies, markup. They run once, on SQLite.
macro_rules! once {
    ($($name:ident),* $(,)?) => {
        mod once {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let app = $crate::support::TestApp::start($crate::support::Backend::Sqlite).await;
                Box::pin(super::$name(app.expect("SQLite is always there"))).await;
            })*
        }
    };
}

/// A portal running in this process.
pub struct TestApp {
    pub app: App,
    pub router: Router,
    pub backend: Backend,
    pub database_url: Option<String>,
    folder: tempfile::TempDir,
    _database: Option<PgDatabase>,
}

impl TestApp {
    /// Starts one on its own data; `None` if this is PostgreSQL and the tests run without it.
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

    /// Starts one with settings, and changes the resulting configuration.
    pub async fn start_changed(backend: Backend, given: Given, change: impl FnOnce(&mut Config)) -> Option<TestApp> {
        Self::start_behind(backend, given, change, |db| db).await
    }

    /// Starts one on a wrapped database, such as one behind a layer of faults.
    pub async fn start_behind(
        backend: Backend,
        given: Given,
        change: impl FnOnce(&mut Config),
        wrap: impl FnOnce(scrip::store::db::Db) -> scrip::store::db::Db,
    ) -> Option<TestApp> {
        let (folder, database) = match backend {
            Backend::Sqlite => (data::folder().await, None),
            Backend::Postgres if given.database_url.is_some() => (data::folder_with_key().await, None),
            Backend::Postgres => (data::folder_with_key().await, Some(PgDatabase::copy().await?)),
        };
        let given = Given {
            data: Some(folder.path().to_owned()),
            database_url: given.database_url.or(database.as_ref().map(|copy| copy.url.clone())),
            ..given
        };
        let database_url = given.database_url.clone();
        let mut config = Config::load(&given).unwrap();
        change(&mut config);
        let db = wrap(App::open(&config).await.unwrap());
        let (app, _) = App::start_on(db, config, Clock::fixed(NOON), Rng::System).await.unwrap();
        scrip::ops::clock::keep_up(&app).await.unwrap();
        let router = scrip::web::router::router(app.clone());
        Some(TestApp { app, router, backend, database_url, folder, _database: database })
    }

    /// A browser that is not signed in.
    pub fn browser(&self) -> Browser {
        Browser::new(self.router.clone())
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A browser on a new portal with the same data, as after a restart.
    pub async fn restarted(&self) -> Browser {
        Browser::new(scrip::web::router::router(self.another().await))
    }

    /// Another process on the same database.
    pub async fn another(&self) -> App {
        let config = (*self.app.config).clone();
        // Stores the time that this process has reached. Fails harmlessly if its database is closed.
        let _ = scrip::ops::clock::keep_up(&self.app).await;
        let app = App::start(config, self.app.clock.clone(), Rng::System).await.unwrap().0;
        scrip::ops::clock::keep_up(&app).await.unwrap();
        app
    }

    /// Checks every rule of the ledger.
    pub async fn verify(&self) {
        assert_eq!(self.broken().await, Vec::<String>::new());
    }

    /// The rules of the ledger that are broken.
    pub async fn broken(&self) -> Vec<String> {
        use scrip::store::verify::{Options, check};
        let report = check(&self.app.db, &self.app.keys, Options::default(), &mut |_| {}).await.unwrap();
        let broken = report.findings.iter().filter(|finding| finding.broken > 0);
        broken.map(|finding| format!("{}: {:?}", finding.rule, finding.first)).collect()
    }
}
