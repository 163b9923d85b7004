//! Both databases have the same schema, and migrating is safe at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::support::{Backend, NOON, TestApp, World};
use scrip::store::db::{Db, Query, Row, sql};
use scrip::store::migrate;
use scrip::store::migration_lease::{self, Holder};

both!(
    migrating_again_changes_nothing,
    processes_take_turns_to_migrate,
    a_current_schema_needs_no_lease_and_a_newer_one_is_refused,
    a_dead_processes_lease_is_taken_over,
    a_missing_key_file_stops_the_start_before_any_write,
    a_portal_restarts_on_its_data,
);

/// Tables that only one database has: SQLite counts ids in a table, PostgreSQL in sequences, and SQLite has words in
/// tables that PostgreSQL has in checks.
const BACKEND_SPECIFIC: [&str; 6] =
    ["counter", "_sqlx_migrations", "resource_type", "account_kind", "code_status", "cause"];

/// Table and column, with its type and whether it is nullable.
type Columns = BTreeMap<(String, String), (&'static str, bool)>;

/// An index: its table, whether it is unique, its columns, whether it is partial.
type Indexes = BTreeMap<String, (String, bool, String, bool)>;

async fn all<T: Row>(test: &TestApp, query: Query) -> Vec<T> {
    let mut tx = test.app.db.write().await.unwrap();
    query.all(&mut tx).await.unwrap()
}

fn kind(name: &str) -> &'static str {
    match name.to_lowercase().as_str() {
        "integer" | "bigint" => "int",
        "text" => "text",
        "blob" | "bytea" => "bytes",
        other => panic!("columns of kind {other} read differently on the two databases"),
    }
}

async fn columns(test: &TestApp) -> Columns {
    let found: Vec<(String, String, String, i64)> = match test.backend {
        Backend::Sqlite => {
            let text = "select m.name, p.name, p.type, cast(p.\"notnull\" = 0 and p.pk = 0 as integer)
                 from sqlite_master m, pragma_table_info(m.name) p where m.type = 'table'";
            let mut sessions = test.app.db.sessions().await.unwrap();
            let mut found = all(test, sql(text)).await;
            found.extend(sql(text).all::<(String, String, String, i64)>(&mut sessions).await.unwrap());
            found
        }
        Backend::Postgres => {
            let text = "select table_name::text, column_name::text, data_type::text,
                 case is_nullable when 'YES' then 1::bigint else 0::bigint end
                 from information_schema.columns where table_schema = current_schema()";
            all(test, sql(text)).await
        }
    };
    let shared = found.into_iter().filter(|row| !BACKEND_SPECIFIC.contains(&row.0.as_str()));
    shared.map(|(table, column, of, nullable)| ((table, column), (kind(&of), nullable == 1))).collect()
}

async fn indexes(test: &TestApp) -> Indexes {
    let found: Vec<(String, String, String)> = match test.backend {
        Backend::Sqlite => {
            let text = "select name, tbl_name, sql from sqlite_master where type = 'index' and sql is not null";
            let mut sessions = test.app.db.sessions().await.unwrap();
            let mut found = all(test, sql(text)).await;
            found.extend(sql(text).all::<(String, String, String)>(&mut sessions).await.unwrap());
            found
        }
        Backend::Postgres => {
            // Indexes of keys get names from the database.
            let text = "select indexname::text, tablename::text, indexdef::text from pg_indexes
                 where schemaname = current_schema() and indexname not like '%\\_key' and indexname not like '%\\_pkey'";
            all(test, sql(text)).await
        }
    };
    let read = |definition: &str| {
        let definition = definition.to_lowercase();
        let columns = definition.split_once('(').unwrap().1.split_once(')').unwrap().0.to_owned();
        (definition.starts_with("create unique"), columns, definition.contains(" where "))
    };
    found
        .into_iter()
        .map(|(name, table, definition)| {
            let (unique, columns, is_partial) = read(&definition);
            (name, (table, unique, columns, is_partial))
        })
        .collect()
}

/// One of each backend, or `None` without a PostgreSQL server.
async fn two() -> Option<(TestApp, TestApp)> {
    Some((TestApp::start(Backend::Sqlite).await?, TestApp::start(Backend::Postgres).await?))
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let Some((sqlite, postgres)) = two().await else { return };
    let (one, other) = (columns(&sqlite).await, columns(&postgres).await);
    assert!(one.len() > 80 && one.keys().any(|(table, _)| table == "session"), "{}", one.len());
    let different: Vec<_> = one
        .keys()
        .chain(other.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter(|key| one.get(key) != other.get(key))
        .map(|key| (key, one.get(key), other.get(key)))
        .collect();
    assert!(different.is_empty(), "SQLite, PostgreSQL: {different:#?}");
}

#[tokio::test]
async fn both_databases_have_the_same_indexes() {
    let Some((sqlite, postgres)) = two().await else { return };
    let (mut one, other) = (indexes(&sqlite).await, indexes(&postgres).await);
    // A comment may be longer than PostgreSQL allows in an index.
    for (_, _, columns, _) in one.values_mut() {
        *columns = columns.replace(", comment_search", "");
    }
    assert!(one.contains_key("transfer_by_source") && one.contains_key("session_by_user"), "{one:#?}");
    assert_eq!(one, other);
}

#[tokio::test]
async fn every_table_of_sqlite_is_strict() {
    let sqlite = TestApp::start(Backend::Sqlite).await.unwrap();
    let text = "select name, strict from pragma_table_list where schema = 'main' and type = 'table'";
    let mut sessions = sqlite.app.db.sessions().await.unwrap();
    let mut found: Vec<(String, i64)> = all(&sqlite, sql(text)).await;
    found.extend(sql(text).all::<(String, i64)>(&mut sessions).await.unwrap());
    // The tables for migrations exist before the first migration.
    let bookkeeping = ["_sqlx_migrations", "migration_lease", "sqlite_schema"];
    let lax: Vec<_> =
        found.iter().filter(|(name, strict)| *strict == 0 && !bookkeeping.contains(&name.as_str())).collect();
    assert!(found.len() > 12 && lax.is_empty(), "{lax:?}");
}

#[test]
fn migrations_have_the_same_names() {
    let names = |folder: &str| -> BTreeSet<String> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
        std::fs::read_dir(path).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
    assert!(!names("sqlite").is_empty());
}

async fn migrating_again_changes_nothing(test: TestApp) {
    let world = World::new(&test).await;
    let (before, its_indexes) = (columns(&test).await, indexes(&test).await);
    for _ in 0..2 {
        migrate::run(&test.app.db, || NOON).await.unwrap();
    }
    assert_eq!(columns(&test).await, before);
    assert_eq!(indexes(&test).await, its_indexes);
    assert_eq!(world.credit(&test, world.vendor).await, 1_000);
    test.verify().await;
}

/// A database that was not migrated yet, opened as by several processes.
async fn opened(test: &TestApp, count: usize) -> Vec<Db> {
    let folder = test.folder().join("fresh");
    let url = match &test.app.db {
        Db::Sqlite(_) => String::new(),
        Db::Postgres(db) => {
            sqlx::raw_sql("create schema fresh").execute(db.pool()).await.unwrap();
            format!("{}?options=-c%20search_path%3Dfresh", test.database_url.as_ref().unwrap())
        }
    };
    std::fs::create_dir_all(&folder).unwrap();
    let mut opened = Vec::new();
    for _ in 0..count {
        opened.push(match test.backend {
            Backend::Sqlite => Db::open_sqlite(&folder).await.unwrap(),
            Backend::Postgres => Db::open_postgres(&url).await.unwrap(),
        });
    }
    opened
}

async fn processes_take_turns_to_migrate(test: TestApp) {
    let databases = opened(&test, 3).await;
    let runs = databases.clone().into_iter().map(|db| tokio::spawn(async move { migrate::run(&db, || NOON).await }));
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap().unwrap();
    }
    for db in databases {
        let mut tx = db.read().await.unwrap();
        let (count,): (i64,) = sql("select count(*) from company").one(&mut tx).await.unwrap();
        let (held,): (i64,) = sql("select held_until from migration_lease").one(&mut tx).await.unwrap();
        assert_eq!((count, held), (0, 0));
    }
}

async fn lease(db: &Db) -> (i64, i64) {
    let mut tx = db.read().await.unwrap();
    sql("select held_until, pid from migration_lease").one(&mut tx).await.unwrap()
}

async fn a_current_schema_needs_no_lease_and_a_newer_one_is_refused(test: TestApp) {
    let other = Holder::of(1, NOON);
    assert_eq!(migration_lease::take(&test.app.db, &other, NOON).await.unwrap(), None);
    let held = lease(&test.app.db).await;
    migrate::run(&test.app.db, || NOON).await.unwrap();
    assert_eq!(lease(&test.app.db).await, held);
    let mut tx = test.app.db.write().await.unwrap();
    sql("update _sqlx_migrations set version = 9999 where version = 1").run(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let refused = migrate::run(&test.app.db, || NOON).await.unwrap_err().to_string();
    assert!(refused.contains("newer Scrip") && refused.contains("9999"), "{refused}");
}

async fn a_dead_processes_lease_is_taken_over(test: TestApp) {
    let db = opened(&test, 1).await.pop().unwrap();
    // The table of an older Scrip, with a lease that ends later than any real one because the clock was set back.
    let mut tx = db.write().await.unwrap();
    sql("create table migration_lease (id bigint primary key, held_until bigint not null)").run(&mut tx).await.unwrap();
    let far = NOON.plus_seconds(3_600);
    sql("insert into migration_lease values (1, $1)").bind(far).run(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let alive = Holder::of(1, NOON);
    assert_eq!(migration_lease::take(&db, &alive, NOON).await.unwrap(), None);
    // A live process keeps the lease, and the one that waits can see which process it is.
    let waiting = tokio::time::timeout(Duration::from_millis(300), migrate::run(&db, || NOON));
    assert!(waiting.await.is_err());
    let named = migration_lease::take(&db, &Holder::new(NOON), NOON).await.unwrap().unwrap().to_string();
    assert!(named.starts_with("process 1 on "), "{named}");
    // After the lease runs out it can be taken, and a process that is known to be dead holds nothing.
    let later = NOON.plus_seconds(16);
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    assert_eq!(migration_lease::take(&db, &Holder::of(child.id(), later), later).await.unwrap(), None);
    migrate::run(&db, || later).await.unwrap();
    assert_eq!(lease(&db).await, (0, i64::from(std::process::id())));
}

async fn a_portal_restarts_on_its_data(test: TestApp) {
    let world = World::new(&test).await;
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let config = (*test.app.config).clone();
    let rng = scrip::rng::Rng::System;
    let (app, _) = scrip::app::App::start(config.clone(), test.app.clock.clone(), rng.clone()).await.unwrap();
    let router = scrip::web::router::router(app.clone());
    let mut browser = crate::support::Browser::new(router);
    browser.sign_in("other@test.example").await;
    browser.submit("/redeem", "/redeem", &[("code", &code)]).await.is(303);
    assert_eq!(world.credit(&test, world.other).await, 5);
    // It does not start with a different key file, because every code would be unreadable.
    let config = scrip::config::Config { key_file: test.folder().join("other.key"), ..config };
    assert!(scrip::app::App::start(config, test.app.clock.clone(), rng).await.is_err());
    test.verify().await;
}

async fn a_missing_key_file_stops_the_start_before_any_write(test: TestApp) {
    let key_file = test.folder().join("scrip.key");
    std::fs::remove_file(&key_file).unwrap();
    let config = (*test.app.config).clone();
    let start = scrip::app::App::start(config, test.app.clock.clone(), scrip::rng::Rng::System).await;
    let refused = start.err().unwrap().to_string();
    assert!(refused.contains("is missing") && refused.contains("scrip.key"), "{refused}");
    assert!(!key_file.exists(), "a new one would open nothing");
}

/// Writes are on disk before they are acknowledged, so that an ended session does not come back after a power cut.
#[tokio::test]
async fn sqlite_syncs_sessions_to_disk_too() {
    let sqlite = TestApp::start(Backend::Sqlite).await.unwrap();
    let mut sessions = sqlite.app.db.sessions().await.unwrap();
    let (level,): (i64,) = sql("pragma synchronous").one(&mut sessions).await.unwrap();
    assert_eq!(level, 2, "1 is NORMAL, which loses what was answered");
}

/// `.cargo/config.toml` sets the flags for builds in this folder. Without them the portal works, but more slowly.
#[tokio::test]
async fn sqlite_is_built_without_unneeded_features() {
    let test = TestApp::start(Backend::Sqlite).await.unwrap();
    let options: Vec<(String,)> = all(&test, sql("select compile_options from pragma_compile_options")).await;
    let has = |option: &str| options.iter().any(|(named,)| named == option);
    for wanted in ["THREADSAFE=2", "OMIT_SHARED_CACHE", "DEFAULT_MEMSTATUS=0", "LIKE_DOESNT_MATCH_BLOBS"] {
        assert!(has(wanted), "{wanted} in {options:?}");
    }
    assert!(!has("ENABLE_MEMORY_MANAGEMENT"));
}
