//! People: roles, e-mail addresses, passwords as rules.

/// What a user may do in the own company's tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, in the own company and below.
    Admin,
    /// Redeem, and see the own company's balances and history.
    EndUser,
    /// See all, change nothing, codes masked.
    ReadOnly,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Admin, Role::EndUser, Role::ReadOnly];

    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::EndUser => "end_user",
            Role::ReadOnly => "read_only",
        }
    }

    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Role::Admin => "Administrator",
            Role::EndUser => "End user",
            Role::ReadOnly => "Read only",
        }
    }

    /// One line for the people page.
    #[must_use]
    pub fn explained(self) -> &'static str {
        match self {
            Role::Admin => "Manages the company and everything below it",
            Role::EndUser => "Redeems codes and sees the company's own balances and history",
            Role::ReadOnly => "Sees everything, changes nothing; codes are masked",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|r| r.slug() == slug)
    }
}

impl TryFrom<String> for Role {
    type Error = UnknownRole;

    fn try_from(slug: String) -> Result<Self, UnknownRole> {
        Role::from_slug(&slug).ok_or(UnknownRole(slug))
    }
}

/// A role that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no role {0:?}")]
pub struct UnknownRole(String);

/// Why an e-mail address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailError {
    Missing,
    Malformed,
}

/// An e-mail address, trimmed, as the mail library understands one.
///
/// # Errors
/// See [`EmailError`].
pub fn email(text: &str) -> Result<String, EmailError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(EmailError::Missing);
    }
    let well_formed =
        text.len() <= 254 && text.parse::<lettre::Address>().is_ok() && !text.chars().any(char::is_control);
    if well_formed { Ok(text.to_owned()) } else { Err(EmailError::Malformed) }
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

/// Fewer guesses than this, and a password is one of those that everybody tries first.
const GUESSES_MIN: u64 = 100_000;

/// How long a password must be.
#[must_use]
pub fn password_length_min(has_second_factor: bool) -> usize {
    if has_second_factor { PASSWORD_LENGTH_MIN_WITH_SECOND_FACTOR } else { PASSWORD_LENGTH_MIN }
}

/// Whether a password is as short as only a second factor allows.
#[must_use]
pub fn needs_second_factor(password: &str) -> bool {
    password.chars().count() < PASSWORD_LENGTH_MIN
}

/// Checks a new password: long enough, and not one that everybody tries first.
///
/// # Errors
/// See [`PasswordError`].
pub fn check_password(password: &str, email: &str, has_second_factor: bool) -> Result<(), PasswordError> {
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
    if is_common(password, email) { Err(PasswordError::Common) } else { Ok(()) }
}

/// Whether the password stands near the top of the lists of passwords in use, repeats something
/// short, or is the e-mail address. Only the beginning counts, so that a long one costs no time.
fn is_common(password: &str, email: &str) -> bool {
    let beginning: String = password.chars().take(64).collect();
    zxcvbn::zxcvbn(&beginning, &[email]).guesses() < GUESSES_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_not_common() {
        assert_eq!(check_password("", "a@b.c", false), Err(PasswordError::Missing));
        assert_eq!(check_password("short", "a@b.c", false), Err(PasswordError::TooShort { minimum: 15 }));
        assert_eq!(check_password(&"z".repeat(40), "a@b.c", false), Err(PasswordError::Common));
        assert_eq!(check_password("passwordpassword", "a@b.c", false), Err(PasswordError::Common));
        assert_eq!(
            check_password("Someone@Example.org", "someone@example.org", false),
            Err(PasswordError::Common)
        );
        assert_eq!(check_password("7 chars", "a@b.c", true), Err(PasswordError::TooShort { minimum: 8 }));
        assert_eq!(check_password("password", "a@b.c", true), Err(PasswordError::Common));
        assert_eq!(check_password("vq7 dune", "a@b.c", true), Ok(()));
        assert!(needs_second_factor(&"é".repeat(14)) && !needs_second_factor(&"é".repeat(15)));
        assert_eq!(check_password("correct horse battery", "a@b.c", false), Ok(()));
        assert_eq!(check_password("пароль из слов 🙂", "a@b.c", false), Ok(()));
        assert_eq!(check_password(&"ab ".repeat(400), "a@b.c", false), Err(PasswordError::TooLong));
    }

    #[test]
    fn addresses_are_checked() {
        assert_eq!(email(" a@b.example "), Ok("a@b.example".into()));
        assert_eq!(email(""), Err(EmailError::Missing));
        for wrong in ["a", "a@", "@b", "a b@c.d", "a@b@c"] {
            assert_eq!(email(wrong), Err(EmailError::Malformed), "{wrong}");
        }
    }
}
