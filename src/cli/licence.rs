//! `scrip licence`: checks a licence key as a device does, and prints the public key for it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::CliResult;
use crate::clock::Clock;
use crate::config::Config;
use crate::keys::Keys;
use crate::keys::licence::{LicenceError, PublicKeys};
use crate::model::licence::{LicenceFacts, Revocations, Standing};

#[derive(Subcommand)]
pub enum Action {
    /// Checks a licence key and prints what it contains; exits 1 unless it is valid.
    Verify {
        /// The licence key: SCRIP1.…
        key: String,
        /// The serial number of the device that the key must be for.
        #[arg(long)]
        serial: Option<String>,
        /// The public key, or a file with it [default: that of the data folder's key file].
        #[arg(long)]
        public_key: Option<String>,
        /// A file with the list of revoked keys: SCRIPR1.…
        #[arg(long)]
        revocations: Option<PathBuf>,
    },
    /// Prints the public keys that verify licence keys, one line per version.
    PublicKey {
        /// Prints PEM blocks, for other programs.
        #[arg(long)]
        pem: bool,
    },
}

pub fn run(config: &Config, action: Action) -> CliResult {
    match action {
        Action::Verify { key, serial, public_key, revocations } => {
            let public = match public_key {
                Some(given) => given_key(&given)?,
                None => own_keys(config)?,
            };
            let revoked = revocations.map(|file| read_revocations(&public, &file)).transpose()?;
            Ok(verify(&public, key.trim(), serial.as_deref().map(str::trim), revoked.as_ref()))
        }
        Action::PublicKey { pem } => {
            let public = own_keys(config)?;
            if pem {
                print!("{}", public.to_pem());
            } else {
                public.base64().for_each(|(version, key)| println!("{version}:{key}"));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn verify(public: &PublicKeys, key: &str, serial: Option<&str>, revoked: Option<&Revocations>) -> ExitCode {
    let facts = match public.open_licence(key) {
        Ok(facts) => facts,
        Err(error) => {
            println!("{}", refused(error));
            return ExitCode::FAILURE;
        }
    };
    tell(&facts);
    let standing = facts.standing(serial, revoked, Clock::System.now());
    println!(
        "{}",
        match standing {
            Standing::Valid => "valid",
            Standing::Expired => "expired",
            Standing::Revoked => "revoked",
            Standing::OtherSerial => "for another serial number",
        }
    );
    if standing == Standing::Valid { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(facts: &LicenceFacts) {
    println!("key      {}", facts.key_id);
    println!("serial   {}", facts.serial);
    println!("product  {}", facts.product);
    println!("issued   {}", facts.issued_at.exact());
    println!("expires  {}", facts.expires_at.map_or_else(|| "never".to_owned(), |end| end.exact()));
}

/// Shows nothing of such a key: its author could have written anything.
fn refused(error: LicenceError) -> String {
    match error {
        LicenceError::Malformed(_) => "not a licence key: check that all of it was copied".into(),
        LicenceError::UnknownKey(version) => {
            format!("cannot be checked: it names version {version} of the signing key, which is not given here")
        }
        LicenceError::Forged => "forged: it was not signed with this key, or was altered since".into(),
    }
}

/// Reads the key file, and never creates it: a new key would know nothing of any licence.
fn own_keys(config: &Config) -> Result<PublicKeys, String> {
    let file = &config.key_file;
    let text = std::fs::read_to_string(file).map_err(|error| {
        format!("the key file {}: {error}; name another folder (--data) or give --public-key", file.display())
    })?;
    let keys = Keys::parse(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(keys.licence_public_keys())
}

fn given_key(given: &str) -> Result<PublicKeys, String> {
    PublicKeys::parse(given).or_else(|_| {
        let text = std::fs::read_to_string(given)
            .map_err(|error| format!("--public-key is neither a key nor a file that can be read: {error}"))?;
        PublicKeys::parse(&text).map_err(|_| format!("{given} holds no public key"))
    })
}

fn read_revocations(public: &PublicKeys, file: &Path) -> Result<Revocations, String> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    public.open_revocations(text.trim()).map_err(|error| format!("{name} is no list of revoked keys: {error}"))
}
