//! The findings: each rule, how often it is broken, and since when.

use crate::model::time::Moment;

pub const DIGESTS: &str = "each row is as its digest has it";
pub const COVERED: &str = "each row has one digest";
pub const CHAIN: &str = "each link of the chain is signed, follows from the one before, and holds its digests";
pub const HEAD: &str = "nothing before the given head was rewritten";
pub const SHAPE: &str = "each transfer goes where its cause says";
pub const BALANCE: &str = "each balance equals its transfers";
pub const STEPS: &str = "the balances on transfers follow from one another";
pub const RECEIVED: &str = "what each balance received equals its transfers";
pub const SIGN: &str = "no balance is below zero, and only the root company issues";
pub const CODES: &str = "each code's state agrees with its transfers";
pub const SEALED: &str = "each sealed code opens, and is the code of its row";
pub const MONTHS: &str = "the months' counts of codes add up to the codes";
pub const OPERATIONS: &str = "each operation of a person has its transfers, and each transfer its operation";
pub const COUNTERS: &str = "no counter of ids is behind the ids that were given";
pub const TRIGGERS: &str = "the triggers that keep rows from being changed are those of the migrations";

/// A checked rule.
#[derive(Debug, Clone)]
pub struct Finding {
    pub rule: &'static str,
    /// How many things break it; 0 is good.
    pub broken: i64,
    /// The earliest of them.
    pub first: Option<First>,
}

/// Where a rule was first broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct First {
    pub what: String,
    /// `None` if it has no time.
    pub at: Option<Moment>,
}

/// All rules, in the order of the report.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds rules, unbroken so far.
    pub fn expect(&mut self, rules: impl IntoIterator<Item = &'static str>) {
        self.0.extend(rules.into_iter().map(|rule| Finding { rule, broken: 0, first: None }));
    }

    /// Records that something breaks a rule, and since when.
    pub fn note(&mut self, rule: &'static str, at: Option<i64>, what: impl FnOnce() -> String) {
        self.count(rule, 1);
        let at = at.map(Moment);
        let Some(finding) = self.0.iter_mut().find(|f| f.rule == rule) else { return };
        let is_earlier = finding.first.as_ref().is_none_or(|first| match (first.at, at) {
            (Some(first), Some(at)) => at < first,
            (None, Some(_)) => true,
            (_, None) => false,
        });
        if is_earlier {
            finding.first = Some(First { what: what(), at });
        }
    }

    /// Counts what breaks a rule, if nothing more is known.
    pub fn count(&mut self, rule: &'static str, broken: i64) {
        if let Some(finding) = self.0.iter_mut().find(|f| f.rule == rule) {
            finding.broken += broken;
        }
    }

    #[must_use]
    pub fn into_list(self) -> Vec<Finding> {
        self.0
    }
}
