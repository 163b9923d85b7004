//! Who acts, and what they may do. Deny by default: every act begins with a check here, of a permission or of
//! what only the operator may do.

use jiff::tz::TimeZone;

use super::error::{OpError, OpResult};
use crate::model::company::Path;
use crate::model::ledger;
use crate::model::permission::{Permission, Permissions};
use crate::model::role::{self, Standing};
use crate::model::second_factor::SecondFactor;
use crate::model::token::TokenName;
use crate::model::user::PendingSetup;
use crate::store::auth::SignedIn;
use crate::store::history::NewHistory;

/// A signed-in user, as the database has them at this request.
#[derive(Debug, Clone)]
pub struct Actor {
    pub user_id: i64,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub role_id: i64,
    /// What the role allows.
    pub may: Permissions,
    /// Incremented by everything that ends all sessions.
    pub session_epoch: i64,
    pub time_zone: TimeZone,
    pub company_id: i64,
    pub company_name: String,
    pub company_path: Path,
    pub may_buy_vouchers: bool,
    /// The second factor; `None` if it is off.
    pub second_factor: Option<SecondFactor>,
    /// What the user must set up before anything else.
    pub pending_setup: Option<PendingSetup>,
    /// Whether the password is too short to be used without a second factor.
    pub password_needs_second_factor: bool,
    /// Whether the company requires a second factor of its users.
    pub company_demands_second_factor: bool,
    /// The company that requires it: the user's own or one above it.
    pub second_factor_demander: Option<String>,
    /// The client's address.
    pub address: String,
    /// The access token that the request came with.
    pub token: Option<TokenName>,
    /// Whether the token shows only the last characters of codes.
    pub is_shown_masked_codes: bool,
}

impl Actor {
    /// The actor of a user that the database just returned.
    #[must_use]
    pub fn of(found: SignedIn, address: String) -> Actor {
        let second_factor = found.second_factor.as_deref().and_then(SecondFactor::from_slug);
        let password_needs_second_factor = found.password_needs_second_factor == 1;
        let company_demands_second_factor = found.second_factor_demander.is_some();
        let pending_setup = match second_factor {
            Some(_) => None,
            // It does not sign in.
            None if found.is_service == 1 => None,
            None if company_demands_second_factor => Some(PendingSetup::SecondFactor),
            None => password_needs_second_factor.then_some(PendingSetup::LongerPassword),
        };
        let role = Standing::of(found.role_id, found.own_permissions.as_deref());
        let maker = found.maker_role_id.map(|id| Standing::of(id, found.maker_permissions.as_deref()));
        // A service user does no more than the maker of its application may.
        let standing = maker.map_or(role, |maker| role.within(maker));
        Actor {
            user_id: found.id,
            email: found.email,
            first_name: found.first_name,
            last_name: found.last_name,
            role_id: standing.role_id,
            may: standing.permissions,
            session_epoch: found.session_epoch,
            time_zone: TimeZone::get(&found.time_zone).unwrap_or(TimeZone::UTC),
            company_id: found.company_id,
            company_name: found.company_name,
            company_path: Path::from_stored(found.company_path),
            may_buy_vouchers: found.may_buy_vouchers == 1,
            second_factor,
            pending_setup,
            password_needs_second_factor,
            company_demands_second_factor,
            second_factor_demander: found.second_factor_demander,
            address,
            token: None,
            is_shown_masked_codes: false,
        }
    }

    /// Whether the actor administers the root company.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.role_id == role::ADMIN && self.company_path.level() == 0
    }

    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing { role_id: self.role_id, permissions: self.may }
    }

    /// Whether signing in needs more than a password.
    #[must_use]
    pub fn has_second_factor(&self) -> bool {
        self.second_factor.is_some()
    }

    /// Whether the actor sees codes unmasked.
    #[must_use]
    pub fn sees_whole_codes(&self) -> bool {
        self.may.view_codes() && !self.is_shown_masked_codes
    }

    /// Whether the actor may buy for a company that the operator has activated.
    #[must_use]
    pub fn may_buy(&self) -> bool {
        self.may.buy_resources() && self.may_buy_vouchers
    }

    /// Whether the actor sees reports: the operator sees all companies; those who see the orders of a company that may
    /// buy see its tree.
    #[must_use]
    pub fn has_reports(&self) -> bool {
        self.is_operator() || (self.may.view_orders() && self.may_buy_vouchers)
    }

    /// # Errors
    /// [`OpError::Forbidden`] unless the actor's role allows it.
    pub fn require(&self, permission: Permission) -> OpResult<()> {
        if self.may.has(permission) { Ok(()) } else { Err(OpError::Forbidden) }
    }

    /// # Errors
    /// [`OpError::Forbidden`] unless the actor is the operator.
    pub fn require_operator(&self) -> OpResult<()> {
        if self.is_operator() { Ok(()) } else { Err(OpError::Forbidden) }
    }

    /// # Errors
    /// [`OpError::Forbidden`] unless the actor may buy.
    pub fn require_buyer(&self) -> OpResult<()> {
        if self.may_buy() { Ok(()) } else { Err(OpError::Forbidden) }
    }

    /// The facts that the ledger needs of the actor.
    #[must_use]
    pub fn for_ledger(&self) -> ledger::ActorFacts {
        ledger::ActorFacts {
            user_id: self.user_id,
            company_id: self.company_id,
            address: self.address.clone(),
            token_id: self.token.as_ref().map(|t| t.id),
        }
    }
}

impl Actor {
    /// A history row for something the actor did in their own company.
    #[must_use]
    pub fn note(&self, verb: &'static str, subject: &str, details: &str) -> NewHistory {
        self.note_at(self.company_id, verb, subject, details)
    }

    /// A history row for something the actor did to another company.
    #[must_use]
    pub fn note_at(&self, company_id: i64, verb: &'static str, subject: &str, details: &str) -> NewHistory {
        NewHistory {
            actor_id: Some(self.user_id),
            company_id: Some(company_id),
            address: self.address.clone(),
            verb,
            subject: subject.to_owned(),
            details: details.to_owned(),
            token: self.token.clone(),
        }
    }
}
