//! What is wrong with a role, and what was done to roles.

use super::{Notice, Worded, forbidden, invalid, missing};
use crate::model::amount::grouped;
use crate::model::event::RoleEvent;
use crate::model::refusal::RoleReason;
use crate::model::role::OF_COMPANY_MAX;

pub(super) fn role(reason: &RoleReason) -> Worded {
    match reason {
        RoleReason::Unknown => invalid("UNKNOWN_ROLE", "Choose a role."),
        RoleReason::TitleMissing => missing("Enter a title, such as “Device technician”."),
        RoleReason::TitleTaken => invalid("TITLE_TAKEN", "The company has a role with this title already."),
        RoleReason::ListFull => invalid(
            "TOO_MANY_ROLES",
            format!("The company has {} roles already. Delete some first.", grouped(OF_COMPANY_MAX)),
        ),
        RoleReason::UnknownPermission(name) => {
            invalid("UNKNOWN_PERMISSION", format!("There is no permission “{name}”."))
        }
        RoleReason::Lacking => forbidden("A role can allow only what your own role allows."),
        RoleReason::TooHigh => forbidden("Choose a role that allows no more than the giver’s own."),
        RoleReason::BuiltIn => forbidden("This role is built in and cannot be changed. Create another one."),
        RoleReason::Own => forbidden("This is your own role. Somebody with another role can change it."),
        RoleReason::NotYours => forbidden("This role belongs to a company above yours, or allows more than your own."),
        RoleReason::InUse => {
            invalid("ROLE_IN_USE", "People have this role. Give each of them another one, then delete it.")
        }
    }
}

pub(super) fn event(event: &RoleEvent) -> Notice {
    match event {
        RoleEvent::Created { title, company } => {
            Notice::done("Create", format!("The role {title} of {company} was created."))
        }
        RoleEvent::Saved { title } => Notice::done("Update", format!("The role {title} was saved.")),
        RoleEvent::PermissionsSet { roles: 1 } => Notice::done("Update", "The permissions of the role were set."),
        RoleEvent::PermissionsSet { roles } => {
            Notice::done("Update", format!("The permissions of {} roles were set.", grouped(*roles)))
        }
        RoleEvent::Deleted { title } => Notice::done("Delete", format!("The role {title} was deleted.")),
    }
}
