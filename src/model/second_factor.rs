//! The second factor: its kinds, and the codes that prove it.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::code::{digit_of, is_separator, letter};
use super::time::Moment;

/// What is requested besides the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFactor {
    /// A code mailed at each sign-in.
    Email,
    /// A code from an authenticator app (RFC 6238).
    Totp,
}

impl SecondFactor {
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            SecondFactor::Email => "email",
            SecondFactor::Totp => "totp",
        }
    }

    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            SecondFactor::Email => "E-mail",
            SecondFactor::Totp => "Authenticator app",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<SecondFactor> {
        [SecondFactor::Email, SecondFactor::Totp].into_iter().find(|f| f.slug() == slug)
    }
}

/// What a mailed code is valid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailedFor {
    SignIn,
    TurnOn,
    /// To confirm it again before a sensitive change.
    Confirm,
}

impl MailedFor {
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            MailedFor::SignIn => "sign_in",
            MailedFor::TurnOn => "turn_on",
            MailedFor::Confirm => "confirm",
        }
    }
}

/// How many recovery codes are created at once.
pub const RECOVERY_CODES: usize = 10;
/// How long a mailed code is valid.
pub const MAILED_CODE_SECONDS: i64 = 600;
/// How long after the password the second step may follow.
pub const PENDING_SECONDS: i64 = 600;

/// The length of an authenticator app's secret: that of SHA-1's output, as RFC 4226 requires.
pub const SECRET_LENGTH: usize = 20;
const STEP_SECONDS: u64 = 30;
/// How many steps an app's clock may be off.
const DRIFT_STEPS: u16 = 1;
const CODE_LENGTH: u8 = 6;
const RECOVERY_LENGTH: usize = 16;

/// A new six-digit code for a mail.
#[must_use]
pub fn mailed_code(random: [u8; 8]) -> String {
    format!("{:06}", u64::from_be_bytes(random) % 1_000_000)
}

/// The six digits that a person typed, in any spacing; `None` for anything else.
#[must_use]
pub fn typed_code(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !is_separator(*c)).collect();
    let is_code = digits.len() == usize::from(CODE_LENGTH) && digits.bytes().all(|b| b.is_ascii_digit());
    is_code.then_some(digits)
}

/// The secret that an authenticator app shares with the portal.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct TotpSecret(Vec<u8>);

impl TotpSecret {
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> TotpSecret {
        TotpSecret(bytes)
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret as people type it into an app: base 32.
    #[must_use]
    pub fn text(&self) -> String {
        self.totp("").secret().to_base32()
    }

    /// The `otpauth://` address in the QR code. `None` if the account's name does not fit into one.
    #[must_use]
    pub fn address(&self, account: &str) -> Option<String> {
        self.totp(account).to_url().ok()
    }

    /// The step that a code belongs to, if it is the current step or a neighbour. The store checks that it was not used
    /// before.
    #[must_use]
    pub fn step_of(&self, code: &str, now: Moment) -> Option<i64> {
        let seconds = u64::try_from(now.0 / 1_000_000).ok()?;
        i64::try_from(self.totp("").check(code, seconds)?).ok()
    }

    /// The code of a moment: what an app would show.
    #[must_use]
    pub fn code_at(&self, at: Moment) -> String {
        self.totp("").generate(u64::try_from(at.0 / 1_000_000).unwrap_or_default()).to_string()
    }

    fn totp(&self, account: &str) -> totp_rs::Totp {
        totp_rs::Builder::new()
            .with_algorithm(totp_rs::Algorithm::SHA1)
            .with_digits(CODE_LENGTH)
            .with_step_duration(STEP_SECONDS)
            .with_skew(DRIFT_STEPS)
            .with_secret(self.0.as_slice())
            .with_issuer(Some("Scrip"))
            // A colon would separate the issuer from the account.
            .with_account_name(account.replace(':', " "))
            .build_noncompliant()
    }
}

/// A recovery code, 80 random bits. It is a secret, and has no `Debug`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct RecoveryCode([u8; RECOVERY_LENGTH]);

impl RecoveryCode {
    /// A new one; 5 bits of each byte are used.
    #[must_use]
    pub fn from_random(bytes: [u8; RECOVERY_LENGTH]) -> RecoveryCode {
        RecoveryCode(bytes.map(|b| b & 31))
    }

    /// Parses what a person typed, as leniently as resource codes.
    #[must_use]
    pub fn parse(text: &str) -> Option<RecoveryCode> {
        let digits: Option<Vec<u8>> = text.chars().filter(|c| !is_separator(*c)).map(digit_of).collect();
        Some(RecoveryCode(digits?.try_into().ok()?))
    }

    /// What is hashed.
    #[must_use]
    pub fn digits(&self) -> &[u8] {
        &self.0
    }

    /// As shown, once: `XXXX-XXXX-XXXX-XXXX`.
    #[must_use]
    pub fn reveal(&self) -> String {
        let groups = self.0.chunks(4).map(|group| group.iter().map(|d| letter(*d)).collect::<String>());
        groups.collect::<Vec<_>>().join("-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238's examples, and one of its times.
    const RFC_SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_match_the_standard() {
        let secret = TotpSecret::new(RFC_SECRET.to_vec());
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            let at = Moment(seconds * 1_000_000);
            assert_eq!(secret.code_at(at), code);
            assert_eq!(secret.step_of(code, at), Some(seconds / 30));
        }
        assert_eq!(secret.text(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn a_code_may_be_at_most_one_step_off() {
        let secret = TotpSecret::new(RFC_SECRET.to_vec());
        let now = Moment(1_111_111_109_000_000);
        for (off, is_taken) in [(-60, false), (-30, true), (0, true), (30, true), (60, false)] {
            let code = secret.code_at(now.plus_seconds(off));
            assert_eq!(secret.step_of(&code, now).is_some(), is_taken, "{off}");
        }
        assert_eq!(secret.step_of("", now), None);
    }

    #[test]
    fn an_address_names_the_account() {
        let secret = TotpSecret::new(RFC_SECRET.to_vec());
        let address = secret.address("a:b@c.example").unwrap();
        assert!(address.starts_with("otpauth://totp/Scrip:a%20b%40c.example?"), "{address}");
        assert!(address.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), "{address}");
    }

    #[test]
    fn spaces_in_typed_codes_are_ignored() {
        assert_eq!(typed_code(" 012 345 "), Some("012345".into()));
        for wrong in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert_eq!(typed_code(wrong), None, "{wrong}");
        }
        let code = RecoveryCode::from_random(*b"0123456789abcdef");
        assert!(RecoveryCode::parse(&code.reveal().to_lowercase().replace('-', " ")) == Some(code));
        assert!(RecoveryCode::parse("0000-0000-0000").is_none() && RecoveryCode::parse("").is_none());
    }

    #[test]
    fn mailed_codes_have_six_digits() {
        assert_eq!(mailed_code(7_000_042_u64.to_be_bytes()), "000042");
        assert_eq!(SecondFactor::from_slug("totp").map(SecondFactor::label), Some("Authenticator app"));
        assert_eq!(SecondFactor::from_slug("sms"), None);
    }
}
