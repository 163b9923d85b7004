//! Who acts, and what that person may do. Deny by default: an act begins by asking here.

use jiff::tz::TimeZone;

use super::error::{OpError, OpResult};
use crate::model::company::Path;
use crate::model::ledger;
use crate::model::user::Role;
use crate::store::audit::NewHistory;
use crate::store::auth::SignedIn;

/// A signed-in person, as the database has it at this request.
#[derive(Debug, Clone)]
pub struct Actor {
    pub user_id: i64,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub role: Role,
    pub time_zone: TimeZone,
    pub company_id: i64,
    pub company_name: String,
    pub company_path: Path,
    pub may_buy_vouchers: bool,
    /// Where the request comes from.
    pub address: String,
}

impl Actor {
    /// Somebody as the database has them, acting from an address.
    #[must_use]
    pub fn of(person: SignedIn, address: String) -> Actor {
        Actor {
            user_id: person.id,
            email: person.email,
            first_name: person.first_name,
            last_name: person.last_name,
            role: person.role,
            time_zone: TimeZone::get(&person.time_zone).unwrap_or(TimeZone::UTC),
            company_id: person.company_id,
            company_name: person.company_name,
            company_path: Path::from_stored(person.company_path),
            may_buy_vouchers: person.may_buy_vouchers == 1,
            address,
        }
    }

    /// Whether the actor administers the root company.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.role == Role::Admin && self.company_path.level() == 0
    }

    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether lists of companies, users and codes are shown.
    #[must_use]
    pub fn sees_tree(&self) -> bool {
        self.role != Role::EndUser
    }

    #[must_use]
    pub fn may_redeem(&self) -> bool {
        self.role != Role::ReadOnly
    }

    /// # Errors
    /// [`OpError::Forbidden`] for whoever is no administrator.
    pub fn require_admin(&self) -> OpResult<()> {
        if self.is_admin() { Ok(()) } else { Err(OpError::Forbidden) }
    }

    /// # Errors
    /// [`OpError::Forbidden`] for whoever is no administrator of the root company.
    pub fn require_operator(&self) -> OpResult<()> {
        if self.is_operator() { Ok(()) } else { Err(OpError::Forbidden) }
    }

    /// # Errors
    /// [`OpError::Forbidden`] for end users.
    pub fn require_tree(&self) -> OpResult<()> {
        if self.sees_tree() { Ok(()) } else { Err(OpError::Forbidden) }
    }

    /// # Errors
    /// [`OpError::Forbidden`] for auditors.
    pub fn require_redeemer(&self) -> OpResult<()> {
        if self.may_redeem() { Ok(()) } else { Err(OpError::Forbidden) }
    }

    /// The actor as the ledger knows one.
    #[must_use]
    pub fn for_ledger(&self) -> ledger::Actor {
        ledger::Actor { user_id: self.user_id, company_id: self.company_id, address: self.address.clone() }
    }
}

impl Actor {
    /// A history row of something that the actor did in the own company.
    #[must_use]
    pub fn note(&self, verb: &'static str, subject: &str, details: &str) -> NewHistory {
        self.note_at(self.company_id, verb, subject, details)
    }

    /// A history row of something that the actor did to another company.
    #[must_use]
    pub fn note_at(&self, company_id: i64, verb: &'static str, subject: &str, details: &str) -> NewHistory {
        NewHistory {
            actor_id: Some(self.user_id),
            company_id: Some(company_id),
            address: self.address.clone(),
            verb,
            subject: subject.to_owned(),
            details: details.to_owned(),
        }
    }
}
