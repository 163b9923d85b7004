//! Why a sign-in fails; problems with a second factor, and what was done to it.

use super::{Notice, Worded, invalid, too_many_attempts};
use crate::model::event::SecondFactorEvent;
use crate::model::refusal::{SecondFactorReason, SignInReason};
use crate::model::second_factor::SecondFactor;

pub(super) fn sign_in(reason: &SignInReason) -> Worded {
    match reason {
        SignInReason::Failed => invalid("SIGN_IN_FAILED", "The e-mail address or the password is wrong."),
        SignInReason::Wait { .. } => too_many_attempts("Too many attempts. Wait a little, then try again."),
        SignInReason::ResetNeeded => invalid(
            "SIGN_IN_FAILED",
            "Too many wrong passwords in a row. Only a new password helps: set one by “Forgotten password” on the \
             sign-in page, or ask an administrator of your company for a link.",
        ),
        SignInReason::Lapsed => invalid(
            "SECOND_FACTOR",
            "Too much time has passed since the password, or the account has changed. Sign in again.",
        ),
        SignInReason::LinkDead => invalid(
            "LINK_DEAD",
            "This link was used already, was replaced by a newer one, or is too old. Ask for a new one.",
        ),
    }
}

pub(super) fn second_factor(reason: &SecondFactorReason) -> Worded {
    invalid("SECOND_FACTOR", second_factor_sentence(reason))
}

fn second_factor_sentence(reason: &SecondFactorReason) -> String {
    match reason {
        SecondFactorReason::MalformedCode => "Enter the six digits of the code.".into(),
        SecondFactorReason::WrongCode => {
            "This code is wrong, was used before, or is too old. Enter the newest one.".into()
        }
        SecondFactorReason::MalformedRecoveryCode => {
            "This is not a recovery code: one has 16 letters and digits, in four groups of four.".into()
        }
        SecondFactorReason::WrongRecoveryCode => {
            "This recovery code is wrong or was used before. Each works once; try another.".into()
        }
        SecondFactorReason::Off => "Two-factor authentication is off already.".into(),
        SecondFactorReason::Demanded => {
            "Your company demands two-factor authentication. You can change the method.".into()
        }
        SecondFactorReason::DemandedAbove { company } => format!(
            "{company} demands two-factor authentication here, so only {company} or a company above it can lift \
             that."
        ),
        SecondFactorReason::NoMail => "This portal sends no mail, so no code can be mailed.".into(),
    }
}

pub(super) fn event(event: &SecondFactorEvent) -> Notice {
    match event {
        SecondFactorEvent::TurnedOn { method: SecondFactor::Totp } => {
            Notice::done("Update", "Two-factor authentication is on: codes come from your authenticator app.")
        }
        SecondFactorEvent::TurnedOn { method: SecondFactor::Email } => {
            Notice::done("Update", "Two-factor authentication is on: codes come by e-mail.")
        }
        SecondFactorEvent::TurnedOff => Notice::done("Update", "Two-factor authentication is off."),
        SecondFactorEvent::Reset { email } => Notice::done(
            "Reset",
            format!("Two-factor authentication of {email} is off. The password alone signs in now."),
        ),
        SecondFactorEvent::RecoveryCodesMade => {
            Notice::done("Update", "New recovery codes were made. The old ones no longer work.")
        }
        SecondFactorEvent::CodeMailed { email } => {
            Notice::done("Send code", format!("A code is on its way to {email}. It works for 10 minutes."))
        }
    }
}
