//! What is wrong with an account: its address, its role, its password.

use super::{Worded, invalid, missing};
use crate::model::refusal::UserReason;
use crate::model::user::{EmailError, PASSWORD_LENGTH_MAX, PasswordError, password_length_min};

pub(super) fn user(reason: &UserReason) -> Worded {
    match reason {
        UserReason::Email(EmailError::Missing) => missing("Enter an e-mail address."),
        UserReason::Email(EmailError::Malformed) => {
            invalid("NOT_AN_ADDRESS", "Enter an e-mail address such as name@example.com.")
        }
        UserReason::EmailTaken => invalid("EMAIL_TAKEN", "This address has an account already."),
        UserReason::UnknownRole => invalid("UNKNOWN_ROLE", "Choose a role."),
        UserReason::UnknownTimeZone => {
            invalid("UNKNOWN_TIME_ZONE", "There is no such time zone. Choose one of the list.")
        }
        UserReason::LastAdministrator => invalid(
            "LAST_ADMINISTRATOR",
            "This is the last administrator of the root company. Make another one first.",
        ),
        UserReason::OwnAccount => {
            invalid("OWN_ACCOUNT", "This is your own account. Another administrator can change it.")
        }
        UserReason::Password(error) => invalid("PASSWORD", password(*error)),
        UserReason::PasswordsDiffer => {
            invalid("PASSWORD", "The two passwords differ. Type the same one twice.")
        }
        UserReason::WrongPassword => invalid("PASSWORD", "This is not your present password."),
    }
}

fn password(error: PasswordError) -> String {
    match error {
        PasswordError::Missing => "Enter a password.".into(),
        PasswordError::TooShort { minimum } => {
            format!("Enter a password of {minimum} characters or more. A few words in a row do well.")
        }
        PasswordError::TooLong => format!("Enter a password of {PASSWORD_LENGTH_MAX} characters or fewer."),
        PasswordError::Common => {
            "This password is easily guessed. Choose one that nobody else would: names of \
                                  companies and products, seasons and years do not help."
                .into()
        }
    }
}

/// What a new password must be like.
#[must_use]
pub fn password_help(has_second_factor: bool) -> String {
    let minimum = password_length_min(has_second_factor);
    format!("{minimum} characters or more. A few words in a row do well.")
}
