//! What was done to users' accounts.

use serde::{Deserialize, Serialize};

use crate::model::second_factor::SecondFactor;
use crate::model::user::LinkLife;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserEvent {
    Invited {
        email: String,
        company: String,
        /// Its title; of earlier versions, the name of a built-in role.
        role: String,
        /// Whether its link was mailed.
        is_mailed: bool,
    },
    LinkMade {
        email: String,
        life: LinkLife,
        is_mailed: bool,
    },
    RoleChanged {
        email: String,
        role: String,
    },
    Disabled {
        email: String,
    },
    Enabled {
        email: String,
    },
    Removed {
        email: String,
    },
    InvitationWithdrawn {
        email: String,
    },
    SessionsEnded {
        email: String,
    },
    ProfileSaved,
    PasswordChanged {
        are_tokens_revoked: bool,
    },
    EmailChangeRequested {
        /// The new address.
        email: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleEvent {
    Created { title: String, company: String },
    Saved { title: String },
    PermissionsSet { roles: i64 },
    Deleted { title: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactorEvent {
    TurnedOn {
        method: SecondFactor,
    },
    TurnedOff,
    /// Another user turned it off.
    Reset {
        email: String,
    },
    RecoveryCodesMade,
    CodeMailed {
        email: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationEvent {
    Created {
        name: String,
    },
    Changed {
        name: String,
    },
    SecretMade {
        name: String,
    },
    Deleted {
        name: String,
    },
    /// A person allowed it to act for them.
    Allowed {
        name: String,
    },
    /// A person no longer allows it.
    Revoked {
        name: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEvent {
    Created {
        name: String,
    },
    Revoked {
        name: String,
        /// The owner, if it was another user.
        owner: Option<String>,
    },
}
