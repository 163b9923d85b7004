//! Confirms the actor's identity before a sensitive change: by the password and, if it is on, the second factor,
//! unless this session gave both a moment ago. Wrong attempts count as at sign-in.

use super::actor::Actor;
use super::attempts::allow;
use super::error::{OpError, OpResult, refuse};
use super::passwords::{Again, confirm_password};
use super::second_factor::{mail_code, mailed_key};
use super::second_step::{Proof, judge, read};
use super::sessions::lock_actor;
use crate::app::App;
use crate::model::refusal::SecondFactorReason;
use crate::model::second_factor::{MailedFor, SecondFactor};
use crate::model::throttle::MAILED_CODES_OF_ACCOUNT;
use crate::model::time::Moment;
use crate::ops::work::work;
use crate::store::second_factor::CodeRequest;

/// How long a confirmation lasts.
pub const CONFIRMED_SECONDS: i64 = 600;

/// When a session last gave the password, and whether it also gave the second factor.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct Confirmed {
    /// Microseconds since 1970.
    at: i64,
    has_second_factor: bool,
}

impl Confirmed {
    /// A confirmation made now.
    #[must_use]
    pub fn now(app: &App, has_second_factor: bool) -> Confirmed {
        Confirmed { at: app.clock.now().0, has_second_factor }
    }

    /// Whether it still holds for the actor.
    #[must_use]
    pub fn holds(self, actor: &Actor, now: Moment) -> bool {
        let at = Moment(self.at);
        // Setting the clock back must not prolong a confirmation.
        let is_fresh = at <= now && now < at.plus_seconds(CONFIRMED_SECONDS);
        is_fresh && (self.has_second_factor || !actor.has_second_factor())
    }
}

/// Confirms the actor of a session. `session` is what mailed codes belong to.
///
/// # Errors
/// A refusal at the invalid field, or how long to wait.
pub async fn confirm(
    app: &App,
    actor: &Actor,
    password: Again<'_>,
    proof: Proof<'_>,
    session: &str,
) -> OpResult<Confirmed> {
    let typed = match actor.second_factor {
        Some(_) => Some(read(proof)?),
        None => None,
    };
    confirm_password(app, actor, "password", password).await?;
    let asked = CodeRequest { purpose: MailedFor::Confirm, by: session };
    let is_right = work!(app, work => {
        let who = lock_actor(work, actor).await?;
        let is_right = match (who.second_factor(), &typed) {
            (None, _) => true,
            (Some(method), Some(typed)) => {
                judge(app, work, &who, method, proof, typed, &asked, &actor.address).await?
            }
            // It was turned on in the meantime.
            (Some(_), None) => return refuse(proof.field(), SecondFactorReason::MalformedCode),
        };
        if is_right {
            work.note(actor.note("user.confirmed", &actor.email, ""));
        }
        Ok(is_right)
    })?;
    if is_right { Ok(Confirmed::now(app, typed.is_some())) } else { refuse(proof.field(), proof.wrong()) }
}

/// Mails a code to confirm with. This session's earlier code becomes invalid.
///
/// # Errors
/// A refusal if no mail is set up, or how long to wait.
pub async fn mail_confirmation_code(app: &App, actor: &Actor, session: &str) -> OpResult<()> {
    if app.config.mail.is_none() {
        return refuse("code", SecondFactorReason::NoMail);
    }
    let asked = CodeRequest { purpose: MailedFor::Confirm, by: session };
    work!(app, work => {
        if lock_actor(work, actor).await?.second_factor() != Some(SecondFactor::Email) {
            return Err(OpError::NotFound);
        }
        allow(work, &mailed_key(actor.user_id), &MAILED_CODES_OF_ACCOUNT, "code").await?;
        mail_code(app, work, actor.user_id, &actor.email, &asked).await
    })
}
