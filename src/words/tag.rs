//! What is wrong with a tag, and what was done to tags.

use super::form::{field, hidden_characters};
use super::{Notice, Worded, invalid, missing, not_found};
use crate::model::amount::grouped;
use crate::model::event::TagEvent;
use crate::model::refusal::{FieldReason, TagReason};
use crate::model::tag::{NameError, OF_COMPANY_MAX};
use crate::model::text::TextError;

pub(super) fn tag(reason: &TagReason) -> Worded {
    match reason {
        TagReason::Unknown => not_found("UNKNOWN_TAG", "There is no such tag among yours."),
        TagReason::Name(NameError::Text(TextError::Missing)) => missing("Enter a name, such as “Roof”."),
        TagReason::Name(NameError::Text(TextError::TooLong { maximum })) => {
            field(&FieldReason::TooLong { maximum: *maximum })
        }
        TagReason::Name(NameError::Text(TextError::Hidden)) => hidden_characters(),
        TagReason::Name(NameError::Separator) => {
            invalid("NAME_HAS_SEPARATOR", "A tag’s name has no comma and no semicolon: they separate names in lists.")
        }
        TagReason::NameTaken => invalid("NAME_TAKEN", "The company has a tag with this name already."),
        TagReason::MalformedColor => {
            invalid("NOT_A_COLOR", "Write the colour as on the web, such as #0a7f3f or green, or leave it empty.")
        }
        TagReason::OutOfReach => invalid(
            "TAG_OUT_OF_REACH",
            "A tag is for devices of its own company and of the companies below it. Choose another tag.",
        ),
        TagReason::NoneChosen => invalid("NOTHING_CHOSEN", "Choose at least one tag."),
        TagReason::ListFull => invalid(
            "TOO_MANY_TAGS",
            format!("The company has {} tags already. Delete some first.", grouped(OF_COMPANY_MAX)),
        ),
    }
}

pub(super) fn event(event: &TagEvent) -> Notice {
    match event {
        TagEvent::Created { name, company } => {
            Notice::done("Create", format!("The tag {name} of {company} was created."))
        }
        TagEvent::Saved { name } => Notice::done("Update", format!("The tag {name} was saved.")),
        TagEvent::Deleted { name } => {
            Notice::done("Delete", format!("The tag {name} was deleted, and taken off all devices."))
        }
    }
}
