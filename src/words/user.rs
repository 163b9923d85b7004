//! Problems with an account, its address, role or password, and what was done to it.

use super::{Notice, Worded, forbidden, invalid, missing};
use crate::model::event::UserEvent;
use crate::model::refusal::UserReason;
use crate::model::user::{EmailError, PASSWORD_LENGTH_MAX, PasswordError, password_length_min};

pub(super) fn user(reason: &UserReason) -> Worded {
    match reason {
        UserReason::Email(EmailError::Missing) => missing("Enter an e-mail address."),
        UserReason::Email(EmailError::Malformed) => {
            invalid("NOT_AN_ADDRESS", "Enter an e-mail address such as name@example.com.")
        }
        UserReason::EmailTaken => invalid("EMAIL_TAKEN", "This address has an account already."),
        UserReason::UnknownTimeZone => {
            invalid("UNKNOWN_TIME_ZONE", "There is no such time zone. Choose one of the list.")
        }
        UserReason::LastAdministrator => {
            invalid("LAST_ADMINISTRATOR", "This is the last administrator of the root company. Make another one first.")
        }
        UserReason::OwnAccount => {
            invalid("OWN_ACCOUNT", "This is your own account. Another administrator can change it.")
        }
        UserReason::MayMore => forbidden("This user may do more than you. Somebody who may as much can change it."),
        UserReason::Password(error) => invalid("PASSWORD", password(*error)),
        UserReason::PasswordsDiffer => invalid("PASSWORD", "The two passwords differ. Type the same one twice."),
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
        PasswordError::Common => "This password is easily guessed. Choose one that nobody else would: names of \
                                  companies and products, seasons and years do not help."
            .into(),
    }
}

/// The requirements for a new password.
#[must_use]
pub fn password_help(has_second_factor: bool) -> String {
    let minimum = password_length_min(has_second_factor);
    format!("{minimum} characters or more. A few words in a row do well.")
}

pub(super) fn event(event: &UserEvent) -> Notice {
    match event {
        UserEvent::Invited { email, company, role, is_mailed } => {
            let mailed = if *is_mailed { " A link to set the password was mailed." } else { "" };
            let role = self::role(role);
            Notice::done("Invite", format!("{email} was invited to {company} as {role}.{mailed}"))
        }
        UserEvent::LinkMade { email, life, is_mailed } => {
            let (made, life) = (if *is_mailed { "mailed" } else { "made" }, life.words());
            let text = format!(
                "A new link for {email} was {made}. It works once, within {life}; earlier ones no longer work."
            );
            Notice::done("Link", text)
        }
        UserEvent::RoleChanged { email, role } => {
            Notice::done("Update", format!("{email} is now {}.", self::role(role)))
        }
        UserEvent::Disabled { email } => Notice::done("Disable", format!("{email} can no longer sign in.")),
        UserEvent::Enabled { email } => Notice::done("Enable", format!("{email} can sign in again.")),
        UserEvent::Removed { email } => {
            Notice::done("Remove", format!("{email} was removed. The address can be invited again."))
        }
        UserEvent::InvitationWithdrawn { email } => Notice::done(
            "Withdraw invitation",
            format!("The invitation of {email} was withdrawn. Its link no longer works."),
        ),
        UserEvent::SessionsEnded { email } => {
            Notice::done("End sessions", format!("{email} is signed out everywhere."))
        }
        UserEvent::ProfileSaved => Notice::done("Update", "Your profile was saved."),
        UserEvent::PasswordChanged { are_tokens_revoked } => {
            let tokens = if *are_tokens_revoked { ", and all access tokens are revoked" } else { "" };
            let text = format!("Your password was changed. All other sessions have ended{tokens}.");
            Notice::done("Change password", text)
        }
        UserEvent::EmailChangeRequested { email } => {
            let text = format!(
                "A link to confirm was sent to {email}. Until you open it, the old address counts. A mail there says \
                 so, with a link that stops the change."
            );
            Notice::done("Change e-mail", text)
        }
    }
}

/// A role in a sentence: the title, or the name that earlier versions kept of a built-in one.
fn role(title: &str) -> &str {
    match title {
        "admin" => "Administrator",
        "end_user" => "End user",
        "read_only" => "Read only",
        title => title,
    }
}
