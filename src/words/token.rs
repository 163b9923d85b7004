//! Problems with an access token, and what was done to it.

use super::{Notice, Worded, invalid};
use crate::model::event::TokenEvent;
use crate::model::network::{NETWORKS_MAX, NetworkError};
use crate::model::refusal::TokenReason;

pub(super) fn token(reason: &TokenReason) -> Worded {
    match reason {
        TokenReason::SecondFactorNeeded => invalid(
            "SECOND_FACTOR_NEEDED",
            "Turn on two-factor authentication first, on the Security page of your account settings.",
        ),
        TokenReason::TooMany { maximum } => invalid(
            "TOO_MANY_TOKENS",
            format!("You have {maximum} access tokens, which is the most. Revoke one that is no longer needed."),
        ),
        TokenReason::UnknownScope(slug) => invalid("SCOPE", format!("There is no scope {slug}.")),
        TokenReason::NoScope => invalid("SCOPE", "Choose at least one scope."),
        TokenReason::Networks(NetworkError::Malformed(text)) => invalid(
            "NOT_A_NETWORK",
            format!("“{text}” is neither an address such as 192.0.2.7 nor a network such as 192.0.2.0/24."),
        ),
        TokenReason::Networks(NetworkError::TooMany) => {
            invalid("NOT_A_NETWORK", format!("Name {NETWORKS_MAX} addresses or fewer."))
        }
    }
}

pub(super) fn event(event: &TokenEvent) -> Notice {
    match event {
        TokenEvent::Created { name } => Notice::done("Create", format!("The access token {name} was created.")),
        TokenEvent::Revoked { name, owner: None } => {
            Notice::done("Revoke", format!("The access token {name} no longer works."))
        }
        TokenEvent::Revoked { name, owner: Some(email) } => {
            Notice::done("Revoke", format!("The access token {name} of {email} no longer works."))
        }
    }
}
