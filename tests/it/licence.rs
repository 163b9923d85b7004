//! `scrip licence`: the real program, called as on a console.

use std::path::Path;
use std::process::{Command, Output};

use scrip::keys::Keys;
use scrip::model::licence::{LicenceFacts, Revocations};
use scrip::model::time::Moment;
use scrip::rng::Rng;

/// 1 January 2020, 00:00 UTC. The program uses the machine's clock, which is later than this.
const LONG_AGO: Moment = Moment(1_577_836_800_000_000);

struct Folder {
    folder: tempfile::TempDir,
    keys: Keys,
}

impl Folder {
    fn new() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(&folder.path().join("scrip.key"), &Rng::System).unwrap();
        Folder { folder, keys }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn licence(&self, expires_at: Option<Moment>) -> String {
        let issued_at = LONG_AGO;
        let (serial, product) = ("7-1234".into(), "gold".into());
        self.keys.sign_licence(&LicenceFacts { key_id: 17, serial, product, issued_at, expires_at }).unwrap()
    }

    fn revoking(&self, key_ids: Vec<i64>) -> String {
        let list = Revocations::new(1, LONG_AGO, key_ids);
        let file = self.path().join("revoked.txt");
        std::fs::write(&file, self.keys.sign_revocations(&list).unwrap() + "\n").unwrap();
        file.to_str().unwrap().to_owned()
    }
}

fn scrip(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scrip"));
    command.args(["licence"]).args(arguments).arg("--data").arg(folder);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.success(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[track_caller]
fn says(folder: &Path, arguments: &[&str], succeeds: bool, message: &str) {
    let (did, text) = scrip(folder, arguments);
    assert!(did == succeeds && text.contains(message), "{arguments:?} gave {did}: {text}");
}

#[test]
fn a_licence_key_is_printed_and_checked() {
    let made = Folder::new();
    let (key, at) = (made.licence(None), made.path());
    says(at, &["verify", &key], true, "serial   7-1234\nproduct  gold\nissued   2020-01-01 00:00:00 UTC");
    says(at, &["verify", &key], true, "expires  never\nvalid\n");
    says(at, &["verify", &key, "--serial", "7-1234"], true, "\nvalid\n");
    says(at, &["verify", &key, "--serial", "7-1235"], false, "\nfor another serial number\n");
    says(at, &["verify", &key, "--revocations", &made.revoking(vec![16])], true, "\nvalid\n");
    says(at, &["verify", &key, "--revocations", &made.revoking(vec![17])], false, "\nrevoked\n");
    let ended = made.licence(Some(LONG_AGO.plus_seconds(86_400)));
    says(at, &["verify", &ended], false, "\nexpired\n");
    says(at, &["verify", &key[..90]], false, "not a licence key");
}

#[test]
fn a_check_needs_only_the_public_key() {
    let (made, elsewhere) = (Folder::new(), tempfile::tempdir().unwrap());
    let (key, nowhere) = (made.licence(None), elsewhere.path().join("none"));
    let (_, line) = scrip(made.path(), &["public-key"]);
    says(&nowhere, &["verify", &key, "--public-key", line.trim()], true, "\nvalid\n");
    let (_, pem) = scrip(made.path(), &["public-key", "--pem"]);
    let file = elsewhere.path().join("key.pem");
    std::fs::write(&file, pem.split_once('\n').unwrap().1).unwrap();
    says(&nowhere, &["verify", &key, "--public-key", file.to_str().unwrap()], true, "\nvalid\n");
    says(&nowhere, &["verify", &key, "--public-key", "nonsense"], false, "neither a key nor a file");
    says(&nowhere, &["verify", &key], false, "give --public-key");
    assert!(!nowhere.exists(), "a check made a folder");
}

#[test]
fn a_forged_keys_contents_are_not_printed() {
    let (made, other) = (Folder::new(), Folder::new());
    let (did, text) = scrip(made.path(), &["verify", &other.licence(None)]);
    assert!(!did && text.starts_with("forged") && !text.contains("gold"), "{text}");
    let list = other.revoking(vec![1]);
    let (did, text) = scrip(made.path(), &["verify", &made.licence(None), "--revocations", &list]);
    assert!(!did && text.contains("no list of revoked keys") && !text.contains("valid\n"), "{text}");
}
