//! A portal's data as its first start leaves it. It is created once per build and copied for each test, because
//! migrating takes longer than most tests.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use scrip::app::App;
use scrip::clock::Clock;
use scrip::config::{Config, Given};
use scrip::rng::Rng;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use super::NOON;

/// The copies go to memory if it has at least this much room, otherwise to the system's temporary folder.
const MEMORY: &str = "/dev/shm";
const MEMORY_BYTES_MIN: u64 = 2 << 30;
/// The files that a first start leaves in its folder, on either database.
const FILES: [&str; 3] = ["scrip.key", "scrip.db", "sessions.db"];
const NO_SUCH_DATABASE: &str = "3D000";

/// A folder with a portal's data on SQLite; deleted on drop.
pub async fn folder() -> TempDir {
    let template = template().await;
    let folder = empty_folder();
    for name in FILES {
        fs::copy(template.join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// A folder with only a portal's key file.
pub async fn folder_with_key() -> TempDir {
    let template = template().await;
    let folder = empty_folder();
    fs::copy(template.join(FILES[0]), folder.path().join(FILES[0])).unwrap();
    folder
}

fn empty_folder() -> TempDir {
    let has_room = scrip::store::db::disk::capacity(Path::new(MEMORY)).is_some_and(|c| c.free > MEMORY_BYTES_MIN);
    if has_room { tempfile::tempdir_in(MEMORY) } else { tempfile::tempdir() }.unwrap()
}

/// The data for this build, created by the first test that needs it.
async fn template() -> PathBuf {
    let folder = shared_folder().join(format!("portal-{}", build()));
    let _turn = turn();
    if !folder.exists() {
        let making = tempfile::tempdir_in(shared_folder()).unwrap();
        make(Given { data: Some(making.path().to_owned()), ..Given::default() }).await;
        for old in fs::read_dir(shared_folder()).unwrap().map(|entry| entry.unwrap().path()) {
            if old.file_name().unwrap().to_str().unwrap().starts_with("portal-") {
                let _ = fs::remove_dir_all(old);
            }
        }
        fs::rename(making.keep(), &folder).unwrap();
    }
    folder
}

fn shared_folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Only one test at a time may create the shared data.
fn turn() -> File {
    let lock = File::create(shared_folder().join("turn")).unwrap();
    lock.lock().unwrap();
    lock
}

/// Identifies this build of the tests.
fn build() -> String {
    let program = fs::metadata(std::env::current_exe().unwrap()).unwrap();
    let built = program.modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
    format!("{:x}", built.as_nanos())
}

/// Runs a first start.
async fn make(given: Given) {
    let config = Config::load(&given).unwrap();
    let app = App::start(config, Clock::fixed(NOON), Rng::System).await.unwrap().0;
    scrip::ops::clock::keep_up(&app).await.unwrap();
    assert!(app.db.close().await);
}

/// A database on the test server; dropped together with this value.
pub struct PgDatabase {
    server: String,
    name: String,
    pub url: String,
}

impl PgDatabase {
    /// A copy of the portal's data, for the key in [`folder_with_key`]; `None` if the tests run without PostgreSQL.
    pub async fn copy() -> Option<PgDatabase> {
        let server = std::env::var("SCRIP_TEST_POSTGRES")
            .expect("SCRIP_TEST_POSTGRES is not set: tests/run sets it; \"off\" passes over PostgreSQL's tests");
        if server == "off" {
            return None;
        }
        let name = format!("t{}", hex::encode(Rng::System.bytes::<8>()));
        let template = format!("portal_{}", build());
        let copy = format!("create database {name} template {template}");
        let mut connection = PgConnection::connect(&server).await.unwrap();
        if let Err(error) = run(&mut connection, &copy).await {
            assert_eq!(error.as_database_error().and_then(|e| e.code()).as_deref(), Some(NO_SUCH_DATABASE), "{error}");
            make_template(&mut connection, &server, &template).await;
            run(&mut connection, &copy).await.unwrap();
        }
        let url = url_of(&server, &name);
        Some(PgDatabase { server, name, url })
    }
}

async fn make_template(connection: &mut PgConnection, server: &str, name: &str) {
    let folder = folder_with_key().await;
    let _turn = turn();
    let exists = sqlx::query("select 1 from pg_database where datname = $1").bind(name);
    if exists.fetch_optional(&mut *connection).await.unwrap().is_some() {
        return;
    }
    let making = format!("{name}_made");
    run(connection, &format!("drop database if exists {making} with (force)")).await.unwrap();
    run(connection, &format!("create database {making}")).await.unwrap();
    let database_url = Some(url_of(server, &making));
    make(Given { data: Some(folder.path().to_owned()), database_url, ..Given::default() }).await;
    run(connection, &format!("alter database {making} rename to {name}")).await.unwrap();
}

async fn run(connection: &mut PgConnection, text: &str) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(connection).await.map(drop)
}

fn url_of(server: &str, database: &str) -> String {
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(database);
    url.to_string()
}

impl Drop for PgDatabase {
    fn drop(&mut self) {
        let (server, text) = (self.server.clone(), format!("drop database {} with (force)", self.name));
        // The test's own runtime may already be shutting down.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&server).await?;
                run(&mut connection, &text).await
            })
        });
        if !std::thread::panicking() {
            dropping.join().unwrap().unwrap();
        }
    }
}
