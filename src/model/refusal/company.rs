//! What is wrong with a company, and what prevents its removal.

use crate::model::company::CompanyName;

#[derive(Debug, Clone)]
pub enum CompanyReason {
    Missing,
    Unknown,
    /// The text matches several.
    Ambiguous(Vec<CompanyName>),
    /// It cannot be moved below itself.
    UnderItself,
    TooDeep,
    /// Users have roles that are for people below companies which would no longer be above.
    RolesAbove {
        people: i64,
    },
    NameTaken,
    NoneChosen,
    /// The first obstacle of each company that cannot be removed.
    Obstacles(Vec<Obstacle>),
}

/// What prevents the removal of a company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub company_id: i64,
    pub company: String,
    pub what: ObstacleKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObstacleKind {
    Root,
    OwnCompany,
    Balance,
    UnusedCodes(i64),
    Subsidiaries(i64),
    Users(i64),
    Devices(i64),
    /// Orders awaiting payment.
    OpenOrders(i64),
}
