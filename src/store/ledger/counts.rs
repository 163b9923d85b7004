//! Counts of codes by state and by the month in which they entered it, stored for reports, so that a report costs a few
//! rows however many codes there are. One statement adds the changes of a whole batch. A count changes only under the
//! lock of the account that holds its codes' units. Loading has taken that lock already, so these counts add no
//! waiting.

use std::collections::BTreeMap;

use super::decode;
use crate::model::ledger::{CodeFacts, CodeStatus, Ledger};
use crate::model::month::Month;
use crate::model::time::Moment;
use crate::store::db::{Result, WriteTx, columns, sql};

columns! {
    struct CountRow {
        company_id: i64,
        month: i64,
        resource_type: i64,
        status: i64,
        codes: i64,
        units: i64,
    }
}

/// Adds a batch's changes of codes.
pub(super) async fn save(tx: &mut WriteTx, ledger: &Ledger) -> Result<()> {
    let changes = ledger.changes();
    if changes.new_codes.is_empty() && changes.codes.is_empty() {
        return Ok(());
    }
    let mut counts = BTreeMap::new();
    let mut count = |code: &CodeFacts, status: CodeStatus, at: Moment| {
        let key = (code.company_id, Month::of(at).0, code.resource_type.id(), status as i64);
        let (codes, units) = counts.entry(key).or_insert((0, 0));
        *codes += 1;
        *units += code.amount;
    };
    for new in &changes.new_codes {
        count(&new.facts, CodeStatus::Unused, new.created_at);
    }
    for change in changes.codes.values() {
        let code = ledger.code(change.tag).map_err(decode)?;
        code.into_iter().for_each(|code| count(code, change.status, change.at));
    }
    let counts: Vec<_> = counts
        .into_iter()
        .map(|((company_id, month, resource_type, status), (codes, units))| CountRow {
            company_id,
            month,
            resource_type,
            status,
            codes,
            units,
        })
        .collect();
    sql("insert into code_month (company_id, month, resource_type, status, codes, units)
         select company_id, month, resource_type, status, codes, units from {rows} r where true
         on conflict (company_id, month, resource_type, status)
         do update set codes = code_month.codes + excluded.codes, units = code_month.units + excluded.units")
    .bind_rows(&counts)
    .later(tx)
    .await
}
