//! Ids are never given twice: each counter is past every id that it gave. To add one: a line in [`COUNTERS`].

use super::findings::{self, Findings};
use crate::store::db::{Result, Tx, sql_for};

struct Counter {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! counters {
    ($($name:literal of $max:literal),* $(,)?) => {
        [$(Counter {
            name: $name,
            sqlite: concat!("select (select next - 1 from counter where name = '", $name, "'), (", $max, ")"),
            postgres: concat!("select (select case when is_called then last_value else last_value - 1 end from ",
                $name, "_id), (", $max, ")"),
        }),*]
    };
}

const COUNTERS: [Counter; 19] = counters!(
    "entry" of "select max(id) from (select max(id) as id from transfer union all select max(id) from history) e",
    "code" of "select max(id) from code",
    "company" of "select max(id) from company",
    "user" of "select max(id) from person",
    "job" of "select max(id) from job",
    "token" of "select max(id) from (select max(id) as id from access_token union all select max(id) from oauth_grant) t",
    "application" of "select max(id) from application",
    "device" of "select max(id) from device",
    "import" of "select max(id) from device_import",
    "batch" of "select max(id) from code_batch",
    "vat_class" of "select max(id) from vat_class",
    "product" of "select max(id) from product",
    "order" of "select max(id) from purchase_order",
    "payment" of "select max(id) from payment",
    "invoice" of "select max(id) from invoice",
    "licence" of "select max(id) from licence",
    "role" of "select max(id) from role",
    "tag" of "select max(id) from tag",
    "licence_key" of "select max(id) from licence_key",
);

/// The names of the checked counters.
pub fn names() -> impl Iterator<Item = &'static str> {
    COUNTERS.iter().map(|counter| counter.name)
}

pub async fn check(tx: &mut Tx, findings: &mut Findings) -> Result<()> {
    for Counter { name, sqlite, postgres } in &COUNTERS {
        let (given, used): (Option<i64>, Option<i64>) = sql_for(sqlite, postgres).one(tx).await?;
        if given.is_none() || used > given {
            findings.note(findings::COUNTERS, None, || {
                let (given, used) = (given.unwrap_or(0), used.unwrap_or(0));
                format!("the counter of {name} ids is at {given}, and #{used} is there")
            });
        }
    }
    Ok(())
}
