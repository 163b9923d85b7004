//! Files with secrets are closed to everyone but their owner, even if the folder, the umask or the files were open.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::process::{Process, post};
use crate::support::{Backend, TestApp, World};
use scrip::jobs::audit_log;
use scrip::keys::Keys;
use scrip::rng::Rng;
use scrip::store::db::Db;
use scrip::store::digests::Seen;

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Makes a folder readable for everybody, and clears the umask of this process.
fn open_to_all(folder: &Path) {
    rustix::process::umask(rustix::fs::Mode::empty());
    set(folder, 0o755);
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    files
}

/// Asserts that these files exist, and that only the owner can read any file in the folder.
#[track_caller]
fn are_private(folder: &Path, names: &[&str]) {
    for name in names {
        assert!(folder.join(name).exists(), "{name} is not there: {:?}", files(folder));
    }
    for file in files(folder) {
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{} has {mode:o}", file.display());
    }
}

const DATABASE: [&str; 6] =
    ["scrip.db", "scrip.db-wal", "scrip.db-shm", "sessions.db", "sessions.db-wal", "sessions.db-shm"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_created_in_an_open_folder_are_private() {
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let db = Db::open_sqlite(folder.path()).await.unwrap();
    scrip::store::migrate::run(&db, || crate::support::NOON).await.unwrap();
    Keys::open(&folder.path().join("scrip.key"), &Rng::System).unwrap();
    are_private(folder.path(), &[&DATABASE[..], &["scrip.key"]].concat());
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_files_become_private_when_they_are_used() {
    let test = TestApp::start(Backend::Sqlite).await.unwrap();
    World::new(&test).await;
    open_to_all(test.folder());
    files(test.folder()).iter().for_each(|file| set(file, 0o644));
    let portal = Process::start(test.folder(), None);
    assert!(post(portal.address, "/nowhere", "", String::new()).await.is_some());
    are_private(test.folder(), &[&DATABASE[..], &["scrip.key"]].concat());
    assert_eq!(fs::metadata(test.folder()).unwrap().permissions().mode() & 0o777, 0o755, "it is not ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_and_the_audit_log_are_private() {
    let test = TestApp::start(Backend::Sqlite).await.unwrap();
    World::new(&test).await;
    let beside = tempfile::tempdir().unwrap();
    open_to_all(beside.path());
    let log = beside.path().join("audit.jsonl");
    fs::write(&log, "").unwrap();
    set(&log, 0o644);
    audit_log::step(&test.app, &log, "holder", &mut Seen::default()).await.unwrap();
    assert!(fs::metadata(&log).unwrap().len() > 0);
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(&secret, "a long enough passphrase\n").unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_scrip"))
        .arg("--data")
        .arg(test.folder())
        .arg("backup")
        .arg(beside.path().join("copy.db"))
        .arg("--passphrase-file")
        .arg(secret.path())
        .status();
    assert!(done.unwrap().success());
    are_private(beside.path(), &["audit.jsonl", "copy.db", "copy.db.key"]);
}
