//! The resource types that are counted. Built in; the ids never change, because every transfer holds one.

use serde::Serialize;

/// A type of resource. The number is its id in the database and in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceType(i64);

/// The groups of the Type field, in the order of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Family {
    Credit,
    ManagementPack,
    ConnectDataPack,
    Subscription,
}

/// How long one unit keeps a device running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// Days of 24 hours.
    Days(i64),
    /// Calendar months.
    Months(i64),
}

struct Facts {
    slug: &'static str,
    label: &'static str,
    family: Family,
    buys: &'static str,
    term: Term,
}

/// Ids 1 to 9 in this order.
const ALL: [Facts; 9] = [
    Facts {
        slug: "credit",
        label: "Credit",
        family: Family::Credit,
        buys: "30 days of service for one device",
        term: Term::Days(30),
    },
    Facts {
        slug: "management_6m",
        label: "Management pack 6 months",
        family: Family::ManagementPack,
        buys: "6 months for one device, bound for good",
        term: Term::Months(6),
    },
    Facts {
        slug: "management_1y",
        label: "Management pack 1 year",
        family: Family::ManagementPack,
        buys: "1 year for one device, bound for good",
        term: Term::Months(12),
    },
    Facts {
        slug: "management_3y",
        label: "Management pack 3 years",
        family: Family::ManagementPack,
        buys: "3 years for one device, bound for good",
        term: Term::Months(36),
    },
    Facts {
        slug: "management_5y",
        label: "Management pack 5 years",
        family: Family::ManagementPack,
        buys: "5 years for one device, bound for good",
        term: Term::Months(60),
    },
    Facts {
        slug: "management_10y",
        label: "Management pack 10 years",
        family: Family::ManagementPack,
        buys: "10 years for one device, bound for good",
        term: Term::Months(120),
    },
    Facts {
        slug: "data_150GB_10y",
        label: "Connect data pack 150 GB 10 y",
        family: Family::ConnectDataPack,
        buys: "150 GB over 10 years for one device, bound for good",
        term: Term::Months(120),
    },
    Facts {
        slug: "device_year",
        label: "Device subscription",
        family: Family::Subscription,
        buys: "1 year for one device",
        term: Term::Months(12),
    },
    Facts {
        slug: "apartment_year",
        label: "Apartment subscription",
        family: Family::Subscription,
        buys: "1 year for one apartment",
        term: Term::Months(12),
    },
];

impl Family {
    pub const ALL: [Family; 4] =
        [Family::Credit, Family::ManagementPack, Family::ConnectDataPack, Family::Subscription];

    /// The heading of the group in the Type field.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Family::Credit => "Credit",
            Family::ManagementPack => "Management pack",
            Family::ConnectDataPack => "Connect data pack",
            Family::Subscription => "Subscription",
        }
    }

    /// The types of the group.
    pub fn types(self) -> impl Iterator<Item = ResourceType> {
        ResourceType::all().filter(move |t| t.family() == self)
    }
}

impl ResourceType {
    pub const CREDIT: ResourceType = ResourceType(1);
    pub const DEVICE_YEAR: ResourceType = ResourceType(8);
    pub const APARTMENT_YEAR: ResourceType = ResourceType(9);

    /// All types, in the order of the screen.
    pub fn all() -> impl Iterator<Item = ResourceType> {
        (1..=ALL.len() as i64).map(ResourceType)
    }

    #[must_use]
    pub fn id(self) -> i64 {
        self.0
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<ResourceType> {
        Self::all().find(|t| t.slug() == slug)
    }

    #[must_use]
    pub fn slug(self) -> &'static str {
        self.facts().slug
    }

    #[must_use]
    pub fn label(self) -> &'static str {
        self.facts().label
    }

    #[must_use]
    pub fn family(self) -> Family {
        self.facts().family
    }

    /// Whether a unit is a year of something, so that an order names years and how many at a time.
    #[must_use]
    pub fn is_by_year(self) -> bool {
        self.family() == Family::Subscription
    }

    /// What one unit buys, as a phrase.
    #[must_use]
    pub fn buys(self) -> &'static str {
        self.facts().buys
    }

    /// How long one unit keeps a device running.
    #[must_use]
    pub fn term(self) -> Term {
        self.facts().term
    }

    fn facts(self) -> &'static Facts {
        &ALL[(self.0 - 1) as usize]
    }
}

impl TryFrom<i64> for ResourceType {
    type Error = UnknownResourceType;

    fn try_from(id: i64) -> Result<Self, UnknownResourceType> {
        if (1..=ALL.len() as i64).contains(&id) { Ok(ResourceType(id)) } else { Err(UnknownResourceType(id)) }
    }
}

/// An id that no resource type has.
#[derive(Debug, thiserror::Error)]
#[error("there is no resource type {0}")]
pub struct UnknownResourceType(i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_is_found_by_slug_and_id_and_belongs_to_one_family() {
        for t in ResourceType::all() {
            assert_eq!(ResourceType::from_slug(t.slug()), Some(t));
            assert_eq!(ResourceType::try_from(t.id()).unwrap(), t);
        }
        let grouped: usize = Family::ALL.iter().map(|f| f.types().count()).sum();
        assert_eq!(grouped, ResourceType::all().count());
        assert!(ResourceType::try_from(0).is_err() && ResourceType::try_from(10).is_err());
    }
}
