//! Standing top-ups: when a company buys units for its own pool by itself, how many, and for how much at most.

use super::coverage::Coverage;
use super::time::Moment;

/// After this many failed payments in a row, a top-up is turned off.
pub const FAILURES_MAX: i64 = 2;
/// The longest coverage that can be kept, in days.
pub const DAYS_MAX: i64 = 3_650;

/// What a top-up keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// At least so many units in the balance.
    Units,
    /// At least so many days of coverage.
    Days,
}

impl Rule {
    /// The word in the database and in forms.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Rule::Units => "units",
            Rule::Days => "days",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Rule> {
        [Rule::Units, Rule::Days].into_iter().find(|rule| rule.slug() == slug)
    }

    /// Whether there is too little: of the balance, or of its coverage. A balance that nothing draws on lasts.
    #[must_use]
    pub fn is_short(self, at_least: i64, balance: i64, coverage: Option<&Coverage>, now: Moment) -> bool {
        match self {
            Rule::Units => balance < at_least,
            Rule::Days => coverage.is_some_and(|c| !c.is_beyond && c.until.day() - now.day() < at_least),
        }
    }
}

/// Why a top-up was turned off by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The card was declined too often.
    Payments,
    /// An order could not be placed.
    Order,
    /// The person who set it up may no longer buy for the company.
    Permission,
    /// What it buys is no longer offered like this.
    Offer,
}

impl Stopped {
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Stopped::Payments => "payments",
            Stopped::Order => "order",
            Stopped::Permission => "permission",
            Stopped::Offer => "offer",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Stopped> {
        [Stopped::Payments, Stopped::Order, Stopped::Permission, Stopped::Offer].into_iter().find(|s| s.slug() == slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resources::ResourceType;

    #[test]
    fn a_top_up_is_due_when_there_is_too_little() {
        let now = Moment::of_day(20_000);
        let coverage = |days: i64, is_beyond| Coverage {
            resource_type: ResourceType::CREDIT,
            until: Moment::of_day(20_000 + days),
            is_used_up: days == 0,
            is_beyond,
            points: Vec::new(),
        };
        assert!(Rule::Units.is_short(5, 4, None, now) && !Rule::Units.is_short(5, 5, None, now));
        let days = |days, is_beyond| Rule::Days.is_short(30, 0, Some(&coverage(days, is_beyond)), now);
        assert_eq!([days(0, false), days(29, false), days(30, false), days(29, true)], [true, true, false, false]);
        assert!(!Rule::Days.is_short(30, 0, None, now));
    }
}
