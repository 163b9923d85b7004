//! Problems with a company or its name, obstacles to its removal, and what was done to it.

use super::form::hidden_characters;
use super::{Notice, Worded, invalid, missing, not_found};
use crate::model::amount::grouped;
use crate::model::company::{DEPTH_MAX, NAME_LENGTH_MAX, NAME_LENGTH_MIN, NameError};
use crate::model::event::CompanyEvent;
use crate::model::refusal::{CompanyReason, Obstacle, ObstacleKind};
use crate::model::resources::ResourceType;

const MISSING: &str = "Choose a company.";

pub(super) fn company(reason: &CompanyReason) -> Worded {
    match reason {
        CompanyReason::Missing => missing(MISSING),
        CompanyReason::Unknown => unknown_company(),
        CompanyReason::Ambiguous(found) if found.len() == 1 => {
            invalid("AMBIGUOUS_COMPANY", "Did you mean this one? Choose it, or type another name.")
        }
        CompanyReason::Ambiguous(_) => invalid("AMBIGUOUS_COMPANY", "Several companies fit. Choose one of these."),
        CompanyReason::UnderItself => {
            invalid("UNDER_ITSELF", "A company cannot be put under itself or under one of its own subsidiaries.")
        }
        CompanyReason::RolesAbove { people } => invalid(
            "ROLES_OF_COMPANIES_ABOVE",
            format!(
                "Users there have roles of companies that would no longer be above ({}). Give them other roles first.",
                grouped(*people)
            ),
        ),
        CompanyReason::TooDeep => invalid("TOO_DEEP", format!("The tree would become deeper than {DEPTH_MAX} levels.")),
        CompanyReason::NameTaken => invalid("NAME_TAKEN", "Another company has this name."),
        CompanyReason::NoneChosen => invalid("NOTHING_CHOSEN", "Choose at least one company."),
        CompanyReason::Obstacles(obstacles) => {
            let sentences: Vec<_> = obstacles.iter().map(|o| obstacle(o).sentence).collect();
            invalid("OBSTACLE", sentences.join(" "))
        }
    }
}

pub(super) fn unknown_company() -> Worded {
    not_found("UNKNOWN_COMPANY", "There is no such company among yours. Choose one of the list.")
}

pub(super) fn name(error: NameError) -> Worded {
    match error {
        NameError::Missing => missing("Enter a name."),
        NameError::TooShort => invalid("NAME_LENGTH", format!("Enter a name of {NAME_LENGTH_MIN} characters or more.")),
        NameError::TooLong => invalid("NAME_LENGTH", format!("Enter a name of {NAME_LENGTH_MAX} characters or fewer.")),
        NameError::Hidden => hidden_characters(),
        NameError::Link => invalid("NAME_IS_LINK", "A name must not look like a link: names are used in mails."),
    }
}

/// The sentence for a missing choice of a company.
#[must_use]
pub fn missing_company(field: &str) -> &'static str {
    match field {
        "from" => "Choose the company that the resources come from.",
        "to" => "Choose the company that the resources go to.",
        _ => MISSING,
    }
}

pub(super) fn obstacle(obstacle: &Obstacle) -> Worded {
    let name = &obstacle.company;
    match obstacle.what {
        ObstacleKind::Root => invalid("COMPANY_IS_ROOT", format!("{name} is the root company and stays.")),
        ObstacleKind::OwnCompany => invalid("COMPANY_IS_OWN", format!("{name} is your own company.")),
        ObstacleKind::Balance => invalid("COMPANY_HAS_BALANCE", format!("{name} has a balance: move it first.")),
        ObstacleKind::UnusedCodes(1) => {
            invalid("COMPANY_HAS_UNUSED_CODES", format!("{name} has 1 unused code: delete it first."))
        }
        ObstacleKind::UnusedCodes(n) => {
            invalid("COMPANY_HAS_UNUSED_CODES", format!("{name} has {} unused codes: delete them first.", grouped(n)))
        }
        ObstacleKind::Subsidiaries(1) => {
            invalid("COMPANY_HAS_SUBSIDIARIES", format!("{name} has 1 subsidiary: remove it first."))
        }
        ObstacleKind::Subsidiaries(n) => {
            invalid("COMPANY_HAS_SUBSIDIARIES", format!("{name} has {} subsidiaries: remove them first.", grouped(n)))
        }
        ObstacleKind::Devices(1) => invalid(
            "COMPANY_HAS_DEVICES",
            format!("{name} has 1 device: remove it or give it to another company first."),
        ),
        ObstacleKind::Devices(n) => invalid(
            "COMPANY_HAS_DEVICES",
            format!("{name} has {} devices: remove them or give them to another company first.", grouped(n)),
        ),
        ObstacleKind::OpenOrders(1) => invalid(
            "COMPANY_HAS_OPEN_ORDERS",
            format!("{name} has 1 order that is not paid or not ready: cancel it first."),
        ),
        ObstacleKind::OpenOrders(n) => invalid(
            "COMPANY_HAS_OPEN_ORDERS",
            format!("{name} has {} orders that are not paid or not ready: cancel them first.", grouped(n)),
        ),
        ObstacleKind::Users(1) => invalid("COMPANY_HAS_USERS", format!("{name} has 1 user: disable that user first.")),
        ObstacleKind::Users(n) => {
            invalid("COMPANY_HAS_USERS", format!("{name} has {} users: disable them first.", grouped(n)))
        }
    }
}

pub(super) fn event(event: &CompanyEvent) -> Notice {
    match event {
        CompanyEvent::Created { id, name, parent } => {
            Notice::done("Create", format!("Company {name} (#{id}) was created under {parent}."))
        }
        CompanyEvent::Changed { name, renamed_to, uses_parent_credits } => {
            let phrase = uses_parent_credits.map(|on| if on { "now uses" } else { "no longer uses" });
            let credits = phrase.map(|phrase| format!("{name} {phrase} its parent's credits."));
            let renamed = renamed_to.as_ref().map(|new| format!("{name} is now called {new}."));
            let verb = if renamed.is_some() { "Rename" } else { "Update" };
            Notice::done(verb, credits.into_iter().chain(renamed).collect::<Vec<_>>().join(" "))
        }
        CompanyEvent::SecondFactorDemanded { name } => second_factor(name, "must now have"),
        CompanyEvent::SecondFactorOptional { name } => second_factor(name, "need no longer have"),
        CompanyEvent::Moved { name, parent } => Notice::done("Move", format!("{name} is now under {parent}.")),
        CompanyEvent::Removed { names } => Notice::done("Remove", format!("Removed: {}.", names.join(", "))),
        CompanyEvent::Activated { name } => {
            Notice::done("Activate", format!("{name} may now buy vouchers and licences."))
        }
        CompanyEvent::Deactivated { name } => {
            Notice::done("Deactivate", format!("{name} can no longer buy vouchers and licences."))
        }
        CompanyEvent::ReverseChargeSet { name, is_on } => {
            let what = if *is_on { "No VAT is" } else { "VAT is" };
            Notice::done("Update", format!("{what} added to new orders of {name}."))
        }
        CompanyEvent::DataBought { name, credits, mebibytes } => {
            let credits = super::units(*credits, ResourceType::CREDIT);
            Notice::done("Buy data", format!("{credits} of {name} became {}.", data(*mebibytes)))
        }
        CompanyEvent::BuyingTermsSet { name, for_own_pool } => {
            let text = match for_own_pool {
                None => format!("Whether {name} may buy for its own pool follows the setting."),
                Some(true) => format!("{name} may buy for its own pool."),
                Some(false) => format!("{name} may not buy for its own pool."),
            };
            Notice::done("Update", text)
        }
    }
}

/// "4 GiB of data".
#[must_use]
pub fn data(mebibytes: i64) -> String {
    match mebibytes % 1_024 {
        0 => format!("{} GiB of data", grouped(mebibytes / 1_024)),
        _ => format!("{} MiB of data", grouped(mebibytes)),
    }
}

/// What the operator says of a company's buying for itself, for the history.
#[must_use]
pub fn own_purchases(may: Option<bool>) -> &'static str {
    match may {
        None => "follows the setting",
        Some(true) => "may buy",
        Some(false) => "may not buy",
    }
}

fn second_factor(company: &str, phrase: &str) -> Notice {
    let text = format!("Users of {company} and of the companies below it {phrase} two-factor authentication on.");
    Notice::done("Update", text)
}
