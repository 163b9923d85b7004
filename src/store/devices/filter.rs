//! What a list of devices can be filtered by besides company, state, service and text. Each fact can also be negated.

use crate::model::company::searchable;
use crate::model::device::DeviceState;
use crate::model::hardware::mac_digits;
use crate::model::resources::ResourceType;
use crate::store::db::Query;

/// What is true of a device `k`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// True of every device, or of none.
    Always(bool),
    State(DeviceState),
    NeverPaid,
    EverPaid,
    Monitored,
    Serial(String),
    Mac(String),
    Imei(String),
    Model(String),
    /// It runs on one of these services.
    Service(Vec<ResourceType>),
    /// It has one of these tags. If few devices have, they are gathered first; otherwise the list is walked.
    Tagged {
        tags: Vec<i64>,
        are_rare: bool,
    },
}

/// A fact that must be true, or must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    pub fact: Fact,
    pub is_not: bool,
}

impl From<Fact> for Test {
    fn from(fact: Fact) -> Test {
        Test { fact, is_not: false }
    }
}

impl Test {
    /// Whether it names few devices, which are found by an index of their own.
    pub(super) fn is_narrow(&self) -> bool {
        let is_narrow = |fact: &Fact| {
            matches!(fact, Fact::Serial(_) | Fact::Mac(_) | Fact::Imei(_) | Fact::Tagged { are_rare: true, .. })
        };
        !self.is_not && is_narrow(&self.fact)
    }

    pub(super) fn is_model(&self) -> bool {
        !self.is_not && matches!(self.fact, Fact::Model(_))
    }

    pub(super) fn is_never_paid(&self) -> bool {
        !self.is_not && self.fact == Fact::NeverPaid
    }

    /// The same for a count, which has no order to walk in.
    pub(super) fn gathered(&self) -> Test {
        let fact = match &self.fact {
            Fact::Tagged { tags, .. } => Fact::Tagged { tags: tags.clone(), are_rare: true },
            fact => fact.clone(),
        };
        Test { fact, is_not: self.is_not }
    }

    /// Adds it as a condition.
    pub(super) fn push(&self, query: Query) -> Query {
        if !self.is_not {
            return self.fact.push(query.push(" and "));
        }
        // A device that is to lack something is tested by itself.
        let fact = match &self.fact {
            Fact::Tagged { tags, .. } => &Fact::Tagged { tags: tags.clone(), are_rare: false },
            fact => fact,
        };
        fact.push(query.push(" and not (")).push(")")
    }
}

impl Fact {
    fn push(&self, query: Query) -> Query {
        let found = "k.id in (select d.id from device d where d.removed_at is null and ";
        match self {
            Fact::Always(true) => query.push("true"),
            Fact::Always(false) => query.push("false"),
            Fact::State(state) => query.push("k.state = ").push_value(state.slug()),
            Fact::NeverPaid => query.push("k.paid_until is null"),
            Fact::EverPaid => query.push("k.paid_until is not null"),
            Fact::Monitored => query.push("k.monitoring = 1"),
            Fact::Serial(serial) => {
                query.push(found).push("d.serial_search = ").push_value(searchable(serial)).push(")")
            }
            Fact::Mac(mac) => {
                let digits = mac_digits(mac).unwrap_or_default();
                query.push(found).push("d.mac_search <> '' and d.mac_search = ").push_value(digits).push(")")
            }
            Fact::Imei(imei) => query.push(found).push("d.imei <> '' and d.imei = ").push_value(imei).push(")"),
            Fact::Model(model) => query.push("k.model = ").push_value(model),
            Fact::Service(services) => {
                let ids: Vec<i64> = services.iter().map(|service| service.id()).collect();
                query.push("coalesce(k.service, 0) in ").push_list(&ids)
            }
            Fact::Tagged { tags, are_rare: true } => {
                query.push("k.id in (select t.device_id from device_tag t where t.tag_id in ").push_list(tags).push(")")
            }
            // SQLite makes a join of `exists`, and then an offset skips a device once for each of its tags.
            Fact::Tagged { tags, are_rare: false } => query
                .push("(select 1 from device_tag t where t.device_id = k.id and t.tag_id in ")
                .push_list(tags)
                .push(" limit 1) is not null"),
        }
    }
}
