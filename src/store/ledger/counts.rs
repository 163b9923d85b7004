//! Counts of codes by month and by what is left, for reports: kept with the codes, so that a report costs a
//! few rows however many codes there are, and no index of a large table is written for it. A batch adds to
//! each count once. A count changes only under the lock of the account that holds its codes' units, which
//! prefetch has taken: nobody waits for anybody here who did not before.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::ledger::{CodeFacts, CodeStatus, Ledger};
use crate::model::month::{Month, year};
use crate::model::time::Moment;
use crate::store::db::{Result, Tx, rows, sql_for};

/// Company, resource type, whether it is a voucher; then month and state, or the year of its end.
type Key = (i64, i64, i64, i64, i64);

#[derive(Serialize)]
struct CountRow {
    company_id: i64,
    resource_type: i64,
    is_voucher: i64,
    a: i64,
    b: i64,
    codes: i64,
    units: i64,
}

#[derive(Default)]
struct Counts(BTreeMap<Key, (i64, i64)>);

impl Counts {
    fn add(&mut self, code: &CodeFacts, a: i64, b: i64, codes: i64) {
        let is_voucher = i64::from(code.order.is_some());
        let count = self.0.entry((code.company_id, code.resource_type.id(), is_voucher, a, b)).or_default();
        count.0 += codes;
        count.1 += codes * code.amount;
    }

    fn rows(self) -> Vec<CountRow> {
        let row = |((company_id, resource_type, is_voucher, a, b), (codes, units))| CountRow {
            company_id,
            resource_type,
            is_voucher,
            a,
            b,
            codes,
            units,
        };
        self.0.into_iter().map(row).collect()
    }
}

/// Adds what a batch made of codes to the counts.
pub(super) async fn write(tx: &mut Tx, ledger: &Ledger) -> Result<()> {
    let (mut months, mut outstanding) = (Counts::default(), Counts::default());
    let mut count = |code: &CodeFacts, status: CodeStatus, at: Moment| {
        months.add(code, Month::of(at).0, status as i64, 1);
        let codes = if status == CodeStatus::Unused { 1 } else { -1 };
        outstanding.add(code, code.expires_at.map_or(0, year), 0, codes);
    };
    for new in &ledger.changes.new_codes {
        count(&new.facts, CodeStatus::Unused, new.created_at);
    }
    for change in ledger.changes.codes.values() {
        if let Some(code) = ledger.codes.get(&change.tag) {
            count(code, change.status, change.at);
        }
    }
    if months.0.is_empty() {
        return Ok(());
    }
    sql_for(
        "insert into code_month (company_id, month, resource_type, is_voucher, status, codes, units)
         select value->>'company_id', value->>'a', value->>'resource_type', value->>'is_voucher', value->>'b',
             value->>'codes', value->>'units' from jsonb_each($1) where true
         on conflict (company_id, month, resource_type, is_voucher, status)
         do update set codes = code_month.codes + excluded.codes, units = code_month.units + excluded.units",
        "insert into code_month (company_id, month, resource_type, is_voucher, status, codes, units)
         select company_id, a, resource_type, is_voucher, b, codes, units
         from jsonb_to_recordset($1::jsonb) as r(company_id bigint, a bigint, resource_type bigint,
             is_voucher bigint, b bigint, codes bigint, units bigint)
         on conflict (company_id, month, resource_type, is_voucher, status)
         do update set codes = code_month.codes + excluded.codes, units = code_month.units + excluded.units",
    )
    .bind(rows(&months.rows()))
    .later(tx)
    .await?;
    sql_for(
        "insert into outstanding (company_id, resource_type, is_voucher, expires_year, codes, units)
         select value->>'company_id', value->>'resource_type', value->>'is_voucher', value->>'a',
             value->>'codes', value->>'units' from jsonb_each($1) where true
         on conflict (company_id, resource_type, is_voucher, expires_year)
         do update set codes = outstanding.codes + excluded.codes, units = outstanding.units + excluded.units",
        "insert into outstanding (company_id, resource_type, is_voucher, expires_year, codes, units)
         select company_id, resource_type, is_voucher, a, codes, units
         from jsonb_to_recordset($1::jsonb) as r(company_id bigint, a bigint, resource_type bigint,
             is_voucher bigint, codes bigint, units bigint)
         on conflict (company_id, resource_type, is_voucher, expires_year)
         do update set codes = outstanding.codes + excluded.codes, units = outstanding.units + excluded.units",
    )
    .bind(rows(&outstanding.rows()))
    .later(tx)
    .await
}
