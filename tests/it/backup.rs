//! Backups: a restore brings back exactly what was saved; an incomplete backup is refused and leaves nothing behind.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::disk::{SmallDisk, fill};
use crate::support::{Backend, TestApp, World};
use scrip::store::db::{Db, sql};

fn scrip(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scrip"));
    command.arg("--data").arg(data).args(["--log", "error"]).args(arguments).output().unwrap()
}

/// The error output of a command that must fail.
#[track_caller]
fn refused(output: &Output) -> String {
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{message}");
    message
}

#[track_caller]
fn done(output: &Output) -> String {
    let message = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{message}{}", String::from_utf8_lossy(&output.stderr));
    message
}

fn names(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// A portal with 1,000 units, and a separate folder with its backup.
async fn backed_up() -> (TestApp, World, tempfile::TempDir) {
    let test = TestApp::start(Backend::Sqlite).await.unwrap();
    let world = World::new(&test).await;
    let beside = tempfile::tempdir().unwrap();
    let passphrase = beside.path().join("passphrase");
    std::fs::write(&passphrase, "a long enough passphrase\n").unwrap();
    let (file, passphrase) = (beside.path().join("copy.db"), passphrase.to_str().unwrap());
    let message = done(&scrip(test.folder(), &["backup", file.to_str().unwrap(), "--passphrase-file", passphrase]));
    assert!(message.contains("holds all as of"), "{message}");
    (test, world, beside)
}

fn restore(beside: &Path, file: &str, data: &Path) -> Output {
    let (file, passphrase) = (beside.join(file), beside.join("passphrase"));
    scrip(data, &["restore", file.to_str().unwrap(), "--passphrase-file", passphrase.to_str().unwrap()])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_brings_back_the_backup_and_reports_what_is_lost() {
    let (test, world, beside) = backed_up().await;
    assert_eq!(names(beside.path()), ["copy.db", "copy.db.key", "passphrase"]);
    world.give(&test, world.other, 7).await;
    let data = beside.path().join("new");
    let message = done(&restore(beside.path(), "copy.db", &data));
    assert!(message.contains("RESTORED to") && message.contains("codes used since can be used again"), "{message}");
    assert_eq!(names(&data), ["scrip.db", "scrip.key"]);
    let db = Db::open_sqlite(&data).await.unwrap();
    let mut tx = db.read().await.unwrap();
    let credit = scrip::model::resources::ResourceType::CREDIT;
    assert_eq!(scrip::store::pools::balance(&mut tx, world.vendor, credit).await.unwrap(), 1_000);
    let (recorded,): (i64,) =
        sql("select count(*) from history where verb = 'portal.restored'").one(&mut tx).await.unwrap();
    assert_eq!(recorded, 1);
    drop(tx);
    db.close().await;
    done(&scrip(&data, &["verify"]));
    // An existing database is not overwritten; with --replaces, the entries that are lost are counted.
    assert!(refused(&restore(beside.path(), "copy.db", &data)).contains("exists"));
    let (other, old) = (beside.path().join("other"), test.folder().join("scrip.db"));
    let (file, passphrase) = (beside.path().join("copy.db"), beside.path().join("passphrase"));
    let [file, passphrase, old] = [&file, &passphrase, &old].map(|p| p.to_str().unwrap());
    let flags = ["restore", file, "--passphrase-file", passphrase, "--replaces", old];
    let message = done(&scrip(&other, &flags));
    assert!(message.contains("entries from then until"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_or_foreign_backup_is_refused_and_leaves_nothing() {
    let (test, world, beside) = backed_up().await;
    world.give(&test, world.other, 7).await;
    test.app.db.close().await;
    let whole = std::fs::read(beside.path().join("copy.db")).unwrap();
    let put = |name: &str, bytes: &[u8]| {
        std::fs::write(beside.path().join(name), bytes).unwrap();
        std::fs::copy(beside.path().join("copy.db.key"), beside.path().join(format!("{name}.key"))).unwrap();
    };
    put("empty.db", b"");
    put("text.db", b"this is not a database at all");
    put("half.db", &whole[..whole.len() / 2]);
    put("plain.db", &std::fs::read(test.folder().join("scrip.db")).unwrap());
    let changed = |name: &str, text: &str| {
        put(name, &whole);
        rusqlite::Connection::open(beside.path().join(name)).unwrap().execute_batch(text).unwrap();
    };
    changed("other.db", "drop table backup_manifest");
    changed(
        "fewer.db",
        "drop trigger if exists history_no_delete; delete from throttle; delete from person where id = (select max(id) from person)",
    );
    changed("newer.db", "update backup_manifest set manifest = json_set(manifest, '$.schema', 9999)");
    changed("wrong_key.db", "update backup_manifest set manifest = json_set(manifest, '$.key_check', 'ff')");
    changed("forged.db", "update account set balance = balance + 5 where kind = 0");
    for (file, why) in [
        ("empty.db", "is empty"),
        ("text.db", "no SQLite database"),
        ("half.db", "damaged"),
        ("plain.db", "no manifest"),
        ("other.db", "no manifest"),
        ("fewer.db", "not complete"),
        ("newer.db", "newer Scrip"),
        ("wrong_key.db", "does not belong"),
        ("forged.db", "changed after it was made"),
    ] {
        let data = beside.path().join("data");
        let message = refused(&restore(beside.path(), file, &data));
        assert!(message.contains(why), "{file}: {message}");
        assert!(!data.exists(), "{file}: {:?}", names(&data));
    }
    // A restore without any key file is refused too, and leaves the folder empty.
    let data = tempfile::tempdir().unwrap();
    let file = beside.path().join("copy.db");
    assert!(refused(&scrip(data.path(), &["restore", file.to_str().unwrap()])).contains("key file"));
    assert_eq!(names(data.path()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_does_not_fit_leaves_no_file() {
    let Some(disk) = SmallDisk::mount(2) else { return };
    let test = TestApp::start(Backend::Sqlite).await.unwrap();
    World::new(&test).await;
    fill(&disk.0.join("ballast"));
    let file = disk.0.join("copy.db");
    let message = refused(&scrip(test.folder(), &["backup", file.to_str().unwrap()]));
    assert!(message.contains("full") || message.contains("space"), "{message}");
    assert_eq!(names(&disk.0), ["ballast"]);
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    // An existing file is not overwritten either.
    std::fs::write(&file, "mine").unwrap();
    assert!(refused(&scrip(test.folder(), &["backup", file.to_str().unwrap()])).contains("exists"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}
