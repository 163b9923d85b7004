//! Standing top-ups.

use super::{Notice, units};
use crate::model::amount::grouped;
use crate::model::event::TopUpEvent;
use crate::model::resources::ResourceType;
use crate::model::top_up::{Rule, Stopped};

/// What a top-up keeps: "at least 10 Credit".
#[must_use]
pub fn top_up(rule: Rule, at_least: i64, of: ResourceType) -> String {
    match rule {
        Rule::Units => format!("at least {}", units(at_least, of)),
        Rule::Days => format!("{} days of coverage of {}", grouped(at_least), of.label()),
    }
}

/// Why a top-up was turned off by itself.
#[must_use]
pub fn top_up_stopped(why: Stopped) -> &'static str {
    match why {
        Stopped::Payments => "The card was declined twice in a row.",
        Stopped::Order => "An order could not be placed. Check the saved card and the billing data.",
        Stopped::Permission => "The person who set it up may no longer buy for the company.",
        Stopped::Offer => "What it buys is no longer offered like this.",
    }
}

pub(super) fn event(event: &TopUpEvent) -> Notice {
    let label = |slug: &str| ResourceType::from_slug(slug).map_or("", ResourceType::label);
    match event {
        TopUpEvent::Set { kept, .. } => Notice::done("Save", format!("The standing top-up keeps {kept} from now on.")),
        TopUpEvent::TurnedOff { resource_type } => {
            Notice::done("Turn off", format!("The standing top-up of {} is off.", label(resource_type)))
        }
        TopUpEvent::CardForgotten => Notice::done("Forget card", "The card is no longer charged.".to_owned()),
    }
}
