//! Counts of devices, read from indexes alone.

use crate::store::company_scope::{CompanyScope, Listed};
use crate::store::db::{Query, Result, Tx};

/// How many models are counted, the most frequent first.
const MODELS_MAX: i64 = 1_000;

/// How many devices of a scope have which model.
pub async fn by_model(tx: &mut Tx, scope: &CompanyScope) -> Result<Vec<(String, i64)>> {
    by_model_query(scope).all(tx).await
}

/// The query behind [`by_model`].
#[must_use]
pub fn by_model_query(scope: &CompanyScope) -> Query {
    let by_model = " indexed by device_by_model";
    let listed = Listed { table: "device", walk: by_model, of_company: by_model };
    let query = scope.selected("select k.model, count(*) as devices", listed).push(" and k.removed_at is null");
    query.push(" group by k.model order by 2 desc, 1 limit ").push_value(MODELS_MAX)
}

/// How many devices of a scope have never been paid.
pub async fn never_paid(tx: &mut Tx, scope: &CompanyScope) -> Result<i64> {
    let (count,): (i64,) = never_paid_query(scope).one(tx).await?;
    Ok(count)
}

/// The query behind [`never_paid`].
#[must_use]
pub fn never_paid_query(scope: &CompanyScope) -> Query {
    let listed = Listed {
        table: "device",
        walk: " indexed by device_never_paid_walk",
        of_company: " indexed by device_never_paid",
    };
    scope.counted(listed).push(" and k.paid_until is null and k.removed_at is null")
}
