//! Since when an account disagrees with its transfers: walks its transfers by id and finds the first that does not
//! start at the balance where the one before ended.

use sqlx::FromRow;

use super::findings::Findings;
use super::follow::{Key, named as transfer_named};
use crate::model::ledger::Kind;
use crate::model::resources::ResourceType;
use crate::store::db::{Db, Result, sql};

/// How many accounts are investigated; the others are only reported as wrong.
const SUSPECTS_MAX: usize = 20;
const TRANSFERS_A_READ: i64 = 2_000;
/// PostgreSQL draws ids before the account is locked, so up to this many transfers may have overtaken one.
const OVERTAKERS_MAX: usize = 2_000;

/// An account that breaks a rule.
pub struct Suspect {
    pub key: Key,
    pub rule: &'static str,
    pub what: String,
}

/// Investigates suspects and records the findings.
pub async fn look_into(db: &Db, suspects: Vec<Suspect>, findings: &mut Findings) -> Result<()> {
    for (n, suspect) in suspects.into_iter().enumerate() {
        let since = if n < SUSPECTS_MAX { first_wrong(db, suspect.key).await? } else { None };
        let what = match &since {
            Some((id, _, true)) => format!("{}, since {}", suspect.what, transfer_named(*id)),
            Some((id, _, false)) => format!("{}, after {}", suspect.what, transfer_named(*id)),
            None => suspect.what,
        };
        findings.note(suspect.rule, since.map(|(_, at, _)| at), || what);
    }
    Ok(())
}

#[derive(FromRow, Clone, Copy)]
struct Step {
    id: i64,
    at: i64,
    amount: i64,
    after: i64,
}

impl Step {
    fn before(&self) -> i64 {
        self.after.wrapping_sub(self.amount)
    }
}

/// The first transfer that does not follow, with its time; or the last one, and `false`, if all follow.
async fn first_wrong(db: &Db, key: Key) -> Result<Option<(i64, i64, bool)>> {
    let overtakers_max = if matches!(db, Db::Postgres(_)) { OVERTAKERS_MAX } else { 0 };
    let (mut after, mut balance) = (i64::MIN, 0_i64);
    let (mut waiting, mut last) = (Vec::<Step>::new(), None);
    loop {
        let (steps, through) = read(db, key, after).await?;
        for step in steps {
            waiting.push(step);
            while let Some(next) = waiting.iter().position(|step| step.before() == balance) {
                let step = waiting.remove(next);
                balance = step.after;
                last = Some((step.id, step.at, false));
            }
            if waiting.len() > overtakers_max {
                return Ok(Some((waiting[0].id, waiting[0].at, true)));
            }
        }
        let Some(through) = through else {
            return Ok(waiting.first().map(|step| (step.id, step.at, true)).or(last));
        };
        after = through;
    }
}

/// The next transfers of an account, and up to which id, if there may be more.
async fn read(db: &Db, key: Key, after: i64) -> Result<(Vec<Step>, Option<i64>)> {
    let mut tx = db.snapshot().await?;
    let mut steps = Vec::new();
    let mut through = None;
    for query in [
        sql("select id, at, -amount as amount, from_balance as after from transfer where from_company_id = $1
             and resource_type = $2 and from_kind = $3 and id > $4 order by id limit $5"),
        sql("select id, at, amount, to_balance as after from transfer where to_company_id = $1
             and resource_type = $2 and to_kind = $3 and id > $4 order by id limit $5"),
    ] {
        let query = query.bind(key.company_id).bind(key.resource_type).bind(key.kind);
        let found: Vec<Step> = query.bind(after).bind(TRANSFERS_A_READ).all(&mut tx).await?;
        if found.len() as i64 == TRANSFERS_A_READ {
            let last = found.last().map_or(after, |step| step.id);
            through = Some(through.map_or(last, |other: i64| other.min(last)));
        }
        steps.extend(found);
    }
    tx.end().await;
    steps.retain(|step| through.is_none_or(|through| step.id <= through));
    steps.sort_unstable_by_key(|step| step.id);
    Ok((steps, through))
}

/// How an account is named.
pub fn named(key: Key) -> String {
    let kind = match Kind::try_from(key.kind) {
        Ok(Kind::Available) => "balance",
        Ok(Kind::InCodes) => "units in codes",
        Ok(Kind::Spent) => "spent units",
        Ok(Kind::Expired) => "expired units",
        Ok(Kind::Issued) => "issued units",
        Err(_) => "unknown account",
    };
    let resource = ResourceType::try_from(key.resource_type).map_or("unknown resource", |r| r.slug());
    format!("the {kind} ({resource}) of company #{}", key.company_id)
}
