//! People: the rules for e-mail addresses and passwords.

/// How long the link to set a password lives that somebody else makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkLife {
    /// The person has no password yet.
    SevenDays,
    OneHour,
}

impl LinkLife {
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            LinkLife::SevenDays => "7 days",
            LinkLife::OneHour => "one hour",
        }
    }
}

/// Why an e-mail address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailError {
    Missing,
    Malformed,
}

/// An e-mail address, trimmed, as the mail library understands it.
pub fn email(text: &str) -> Result<String, EmailError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(EmailError::Missing);
    }
    // The mail library sends to a mailbox, and refuses some texts that it accepts as an address.
    let mailbox = text.parse::<lettre::message::Mailbox>().ok();
    let mailbox = mailbox.filter(|m| m.name.is_none() && m.email.to_string() == text);
    let is_reachable = mailbox.is_some_and(|m| has_a_top(m.email.domain()));
    if text.len() <= 254 && is_reachable && !text.chars().any(super::text::is_hidden) {
        Ok(text.to_owned())
    } else {
        Err(EmailError::Malformed)
    }
}

/// Whether a domain has a parent domain: no mail from here reaches a bare name or a numeric address.
fn has_a_top(domain: &str) -> bool {
    domain.rsplit_once('.').is_some_and(|(_, top)| top.chars().any(char::is_alphabetic))
}

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordError {
    Missing,
    TooShort { minimum: usize },
    TooLong,
    Common,
}

/// The shortest password without a second factor.
pub const PASSWORD_LENGTH_MIN: usize = 15;
/// The shortest password with one.
pub const PASSWORD_LENGTH_MIN_WITH_SECOND_FACTOR: usize = 8;
pub const PASSWORD_LENGTH_MAX: usize = 1_024;

/// A password that takes fewer guesses falls to anyone who tries the likely ones first.
const GUESSES_MIN: u64 = 100_000_000;
/// How many letters or digits a password must have besides names and words that attackers know.
const LEFT_MIN: usize = 6;
/// Calendar words that people build passwords from.
const CALENDAR: [&str; 17] = [
    "spring",
    "summer",
    "autumn",
    "fall",
    "winter",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The required length of a password.
#[must_use]
pub fn password_length_min(has_second_factor: bool) -> usize {
    if has_second_factor { PASSWORD_LENGTH_MIN_WITH_SECOND_FACTOR } else { PASSWORD_LENGTH_MIN }
}

/// Whether a password is so short that it needs a second factor.
#[must_use]
pub fn needs_second_factor(password: &str) -> bool {
    password.chars().count() < PASSWORD_LENGTH_MIN
}

/// Checks a new password: long enough, and not guessable from its surroundings. `context` holds the texts that
/// attackers know: the address, names of the vendor, the company and the products.
pub fn check_password(password: &str, context: &[&str], has_second_factor: bool) -> Result<(), PasswordError> {
    let length = password.chars().count();
    let minimum = password_length_min(has_second_factor);
    if length == 0 {
        return Err(PasswordError::Missing);
    }
    if length < minimum {
        return Err(PasswordError::TooShort { minimum });
    }
    if password.len() > PASSWORD_LENGTH_MAX {
        return Err(PasswordError::TooLong);
    }
    if is_guessable(password, context) { Err(PasswordError::Common) } else { Ok(()) }
}

/// Whether the password is near the top of the lists of common passwords, repeats something short, or is made of known
/// words. Only its beginning counts, so that a long one costs no time.
fn is_guessable(password: &str, context: &[&str]) -> bool {
    let beginning = password.chars().take(64).collect::<String>();
    let words = known_words(context);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    zxcvbn::zxcvbn(&beginning, &words).guesses() < GUESSES_MIN || is_made_of(&beginning, &words)
}

/// The words of some texts, the longest first.
fn known_words(texts: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = CALENDAR.map(str::to_owned).to_vec();
    words.push("scrip".to_owned());
    for text in texts {
        let text = text.to_lowercase();
        let parts = text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
        words.extend(parts.chain([text.clone()]).filter(|word| word.chars().count() >= 3));
    }
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    words
}

/// Whether little is left of a password without known words and years.
fn is_made_of(password: &str, words: &[&str]) -> bool {
    let whole = password.to_lowercase();
    let rest = words.iter().fold(whole.clone(), |rest, word| rest.replace(word, " "));
    if rest == whole {
        return false;
    }
    let is_year = |part: &&str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    let parts = rest.split(|c: char| !c.is_alphanumeric()).filter(|part| !is_year(part));
    parts.map(|part| part.chars().count()).sum::<usize>() < LEFT_MIN
}

/// Why a person without a second factor gets no further than the page that sets one up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingSetup {
    /// The company demands it of its users.
    SecondFactor,
    /// The password is so short that it needs one: turn it on, or choose a longer password.
    LongerPassword,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_not_common() {
        assert_eq!(check_password("", &["a@b.c"], false), Err(PasswordError::Missing));
        assert_eq!(check_password("short", &["a@b.c"], false), Err(PasswordError::TooShort { minimum: 15 }));
        assert_eq!(check_password(&"z".repeat(40), &["a@b.c"], false), Err(PasswordError::Common));
        assert_eq!(check_password("passwordpassword", &["a@b.c"], false), Err(PasswordError::Common));
        assert_eq!(check_password("Someone@Example.org", &["someone@example.org"], false), Err(PasswordError::Common));
        assert_eq!(check_password("7 chars", &["a@b.c"], true), Err(PasswordError::TooShort { minimum: 8 }));
        assert_eq!(check_password("password", &["a@b.c"], true), Err(PasswordError::Common));
        assert_eq!(check_password("vq7 dune", &["a@b.c"], true), Ok(()));
        assert!(needs_second_factor(&"é".repeat(14)) && !needs_second_factor(&"é".repeat(15)));
        let known = ["ann@acme.example", "Acme Lifts", "Vendor", "Video pack"];
        for guessed in [
            "Summer2026Summer2026",
            "Winter2026Winter!",
            "acme lifts 2026",
            "Vendor!Vendor!Vendor!",
            "Video pack 2026 Acme",
            "ann.acme.2026.ann",
            "abc123abc123abc123",
        ] {
            assert_eq!(check_password(guessed, &known, false), Err(PasswordError::Common), "{guessed}");
        }
        for guessed in ["Spring26", "Acme2026!", "Summer2026"] {
            assert_eq!(check_password(guessed, &known, true), Err(PasswordError::Common), "{guessed}");
        }
        assert_eq!(check_password("video of a blue heron", &known, false), Ok(()));
        assert_eq!(check_password("correct horse battery", &["a@b.c"], false), Ok(()));
        assert_eq!(check_password("пароль из слов 🙂", &["a@b.c"], false), Ok(()));
        assert_eq!(check_password(&"ab ".repeat(400), &["a@b.c"], false), Err(PasswordError::TooLong));
    }

    #[test]
    fn addresses_are_checked() {
        assert_eq!(email(" a@b.example "), Ok("a@b.example".into()));
        assert_eq!(email(""), Err(EmailError::Missing));
        let long = format!("{}@b.example", "a".repeat(65));
        for wrong in [
            "a",
            "a@",
            "@b",
            "a b@c.d",
            "a@b@c",
            "a@localhost",
            "a@192.0.2.1",
            "a@[192.0.2.1]",
            "\"a b\"@c.example",
            "A <a@b.example>",
            &long,
        ] {
            assert_eq!(email(wrong), Err(EmailError::Malformed), "{wrong}");
        }
    }
}
