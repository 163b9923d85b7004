//! Problems with an application, and what was done to it.

use super::{Notice, Worded, invalid, missing};
use crate::model::event::ApplicationEvent;
use crate::model::oauth::{REDIRECT_URLS_MAX, RedirectError};
use crate::model::refusal::ApplicationReason;

pub(super) fn application(reason: &ApplicationReason) -> Worded {
    match reason {
        ApplicationReason::TooMany { maximum } => invalid(
            "TOO_MANY_APPLICATIONS",
            format!("You have {maximum} applications, which is the most. Delete one that is no longer needed."),
        ),
        ApplicationReason::UnknownType => missing("Choose a type."),
        ApplicationReason::Redirects(error) => redirects(error),
        ApplicationReason::PublicService => invalid(
            "PUBLIC_APPLICATION",
            "A public application cannot act by itself: it has no secret to prove who it is.",
        ),
        ApplicationReason::Public => invalid("PUBLIC_APPLICATION", "A public application has no secret."),
        ApplicationReason::Unknown => invalid(
            "UNKNOWN_APPLICATION",
            "The application that sent you here is not registered with this portal. Tell its maker.",
        ),
        ApplicationReason::UnknownRedirect => invalid(
            "UNKNOWN_REDIRECT",
            "The application that sent you here wants you sent on to an address that it has not registered. Tell its \
             maker.",
        ),
    }
}

fn redirects(error: &RedirectError) -> Worded {
    match error {
        RedirectError::Missing => missing("Enter at least one redirect URL."),
        RedirectError::TooMany => invalid("TOO_MANY", format!("Enter {REDIRECT_URLS_MAX} redirect URLs or fewer.")),
        RedirectError::Malformed(text) => invalid(
            "NOT_A_REDIRECT_URL",
            format!(
                "“{text}” cannot be a redirect URL: it begins with https://, or with http://localhost, \
                 http://127.0.0.1 or http://[::1], and has no user name and no part after #."
            ),
        ),
    }
}

pub(super) fn event(event: &ApplicationEvent) -> Notice {
    match event {
        ApplicationEvent::Created { name } => Notice::done("Create", format!("The application {name} was created.")),
        ApplicationEvent::Changed { name } => Notice::done("Update", format!("The application {name} was saved.")),
        ApplicationEvent::SecretMade { name } => {
            Notice::done("Update", format!("{name} has a new secret. The old one no longer works."))
        }
        ApplicationEvent::Deleted { name } => {
            Notice::done("Delete", format!("The application {name} was deleted. Its tokens no longer work."))
        }
        ApplicationEvent::Allowed { name } => Notice::done("Allow", format!("{name} may act for you.")),
        ApplicationEvent::Revoked { name } => Notice::done("Revoke", format!("{name} can no longer act for you.")),
    }
}
