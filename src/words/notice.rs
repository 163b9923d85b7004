//! The notice at the top of the page after something was done.

use super::{
    application, billing, code, company, device, import, job, licence, order, product, role, sign_in, tag, token,
    top_up, user,
};
use crate::model::event::Event;

/// "Move operation completed successfully." and what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub headline: String,
    pub text: String,
}

impl Notice {
    /// For an operation that has happened, by its verb.
    pub fn done(verb: &str, text: impl Into<String>) -> Notice {
        Notice { headline: format!("{verb} operation completed successfully."), text: text.into() }
    }

    /// For an operation that has not happened yet. Whether it will is unknown.
    #[must_use]
    pub fn not_seen() -> Notice {
        Notice {
            headline: "Not seen yet.".into(),
            text: "This may still happen. Reload the page in a moment to look again.".into(),
        }
    }
}

/// The notice of an event.
#[must_use]
pub fn event(event: &Event) -> Notice {
    match event {
        Event::Company(event) => company::event(event),
        Event::Billing(event) => billing::event(event),
        Event::User(event) => user::event(event),
        Event::SecondFactor(event) => sign_in::event(event),
        Event::Token(event) => token::event(event),
        Event::Application(event) => application::event(event),
        Event::Device(event) => device::event(event),
        Event::Import(event) => import::event(event),
        Event::Role(event) => role::event(event),
        Event::Tag(event) => tag::event(event),
        Event::Code(event) => code::event(event),
        Event::Product(event) => product::event(event),
        Event::Order(event) => order::event(event),
        Event::TopUp(event) => top_up::event(event),
        Event::Licence(event) => licence::event(event),
        Event::Job(event) => job::event(event),
        Event::ClockAccepted => Notice::done(
            "Accept this time",
            "The time was accepted. What is due by now is renewed, or expires, in the next minute.",
        ),
        Event::Stored(text) => {
            let mut lines = text.split('\n');
            Notice::done(lines.next().unwrap_or_default(), lines.next().unwrap_or_default())
        }
        Event::Unknown => Notice {
            headline: "Operation completed successfully.".into(),
            text: "A newer version of the portal did it, so this one cannot say more.".into(),
        },
    }
}
