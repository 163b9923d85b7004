//! Lists of the history: transfers and all other events in one list.

use crate::model::company::Path;
use crate::model::ledger::Cause;
use crate::model::time::Moment;
use crate::store::db::{Query, Result, Tx, sql, sql_for};
use sqlx::FromRow;

/// One line of the history: a transfer or another event.
#[derive(Debug, Clone, FromRow)]
pub struct HistoryRow {
    pub id: i64,
    pub at: i64,
    pub who: Option<String>,
    /// Name and path of the actor's company.
    pub who_company: Option<String>,
    pub who_path: Option<String>,
    pub verb: String,
    pub resource_type: Option<i64>,
    pub amount: Option<i64>,
    pub from_name: Option<String>,
    pub to_name: Option<String>,
    pub from_balance: Option<i64>,
    pub to_balance: Option<i64>,
    pub code_id: Option<i64>,
    pub subject: String,
    pub details: String,
    pub address: String,
    /// The actor's id.
    pub who_id: Option<i64>,
    pub token_id: Option<i64>,
    /// The token's name at the time, or its current name if the row has only its id.
    pub token_name: Option<String>,
}

/// Filters history lines; newest first.
#[derive(Debug, Clone, Default)]
pub struct HistoryFilter {
    pub verb: Option<String>,
    pub from: Option<Moment>,
    pub to: Option<Moment>,
    /// Only lines older than this one.
    pub before: Option<i64>,
    pub limit: i64,
    /// Leaves out attempts by people who are not signed in: only the operator sees them.
    pub hides_strangers_attempts: bool,
}

macro_rules! history_sql {
    ($of_source:expr, $of_target:expr, $of_history:expr) => {
        concat!(
            "select h.id, h.at, p.email as who, w.name as who_company, w.path as who_path, h.verb, h.resource_type, h.amount, h.from_name, h.to_name,
                 h.from_balance, h.to_balance, h.code_id, h.subject, h.details, h.address, h.actor_id as who_id, h.token_id,
                 coalesce(h.token_name, k.name, n.name) as token_name
             from (select * from (",
            $of_source,
            ") a union select * from (",
            $of_target,
            ") b union all select * from (",
            $of_history,
            ") c) h
             left join person p on p.id = h.actor_id left join company w on w.id = p.company_id
             left join access_token k on k.id = h.token_id left join oauth_grant g on g.id = h.token_id
             left join application n on n.id = g.application_id order by h.id desc limit $2"
        )
    };
}

macro_rules! transfer_columns {
    () => {
        "select t.id, t.at, t.actor_id, t.cause as verb, t.resource_type, t.amount, t.from_name, t.to_name,
             t.from_balance, t.to_balance, t.code_id, '' as subject, t.memo as details, t.address, t.token_id,
             cast(null as text) as token_name "
    };
}

macro_rules! history_columns {
    () => {
        "select y.id, y.at, y.actor_id, y.verb, cast(null as bigint) as resource_type, cast(null as bigint) as amount,
             cast(null as text) as from_name, cast(null as text) as to_name, cast(null as bigint) as from_balance,
             cast(null as bigint) as to_balance, cast(null as bigint) as code_id, y.subject, y.details, y.address, y.token_id,
             y.token_name "
    };
}

macro_rules! transfer_filter {
    () => {
        " cast($7 as bigint) = 1 and t.id < $3 and (cast($4 as text) is null or t.cause = $4) and t.at >= $5 and t.at < $6 "
    };
}

macro_rules! history_filter {
    () => {
        " cast($8 as bigint) = 1 and y.id < $3 and (cast($4 as text) is null or y.verb = $4) and y.at >= $5 and y.at < $6
             and (y.verb not like 'stranger.%' or cast($9 as bigint) = 0) "
    };
}

/// The history of a few companies: merges their own indexes.
const MERGED_SQLITE: &str = history_sql!(
    concat!(
        transfer_columns!(),
        "from {list} r join transfer t on t.id in (select t.id from transfer t
        where t.from_company_id = r.value and ",
        transfer_filter!(),
        " order by t.id desc limit $2)"
    ),
    concat!(
        transfer_columns!(),
        "from {list} r join transfer t on t.id in (select t.id from transfer t
        where t.to_company_id = r.value and ",
        transfer_filter!(),
        " order by t.id desc limit $2)"
    ),
    concat!(
        history_columns!(),
        "from {list} r join history y on y.id in (select y.id from history y
        where y.company_id = r.value and ",
        history_filter!(),
        " order by y.id desc limit $2)"
    )
);

const MERGED_POSTGRES: &str = history_sql!(
    concat!(
        transfer_columns!(),
        "from {list} r cross join lateral
        (select * from transfer t where t.from_company_id = r.value and ",
        transfer_filter!(),
        "
         order by t.id desc limit $2) t"
    ),
    concat!(
        transfer_columns!(),
        "from {list} r cross join lateral
        (select * from transfer t where t.to_company_id = r.value and ",
        transfer_filter!(),
        "
         order by t.id desc limit $2) t"
    ),
    concat!(
        history_columns!(),
        "from {list} r cross join lateral
        (select * from history y where y.company_id = r.value and ",
        history_filter!(),
        "
         order by y.id desc limit $2) y"
    )
);

/// The history of a large tree: walks by id and tests membership.
const WALKED: &str = history_sql!(
    concat!(
        transfer_columns!(),
        "from transfer t where ",
        transfer_filter!(),
        " and (cast($11 as bigint) = 1 or exists (select 1 from company c
        where c.id = t.from_company_id and c.path >= $1 and c.path < $10)) order by t.id desc limit $2"
    ),
    concat!(
        transfer_columns!(),
        "from transfer t where ",
        transfer_filter!(),
        " and (cast($11 as bigint) = 1 or exists (select 1 from company c
        where c.id = t.to_company_id and c.path >= $1 and c.path < $10)) order by t.id desc limit $2"
    ),
    concat!(
        history_columns!(),
        "from history y where ",
        history_filter!(),
        " and (cast($11 as bigint) = 1 or exists (select 1 from company c
        where c.id = y.company_id and c.path >= $1 and c.path < $10)) order by y.id desc limit $2"
    )
);

/// The history of a few companies.
pub async fn of_companies(tx: &mut Tx, companies: &[i64], filter: &HistoryFilter) -> Result<Vec<HistoryRow>> {
    of_companies_query(companies, filter).all(tx).await
}

/// The query behind [`of_companies`].
#[must_use]
pub fn of_companies_query(companies: &[i64], filter: &HistoryFilter) -> Query {
    bind_filter(sql_for(MERGED_SQLITE, MERGED_POSTGRES).bind_list(companies), filter)
}

/// The units that a device has used. A payer outside the tree is shown as "Parent company", without its balance.
pub async fn of_device(
    tx: &mut Tx,
    device_id: i64,
    tree: &crate::model::company::Path,
    filter: &HistoryFilter,
) -> Result<Vec<HistoryRow>> {
    sql("select t.id, t.at, p.email as who, w.name as who_company, w.path as who_path, t.cause as verb, t.resource_type,
             t.amount, case when f.path >= $4 and f.path < $5 then t.from_name else 'Parent company' end as from_name,
             cast(null as text) as to_name, cast(null as bigint) as from_balance, cast(null as bigint) as to_balance,
             t.code_id, '' as subject, t.memo as details, t.address, t.actor_id as who_id, t.token_id,
             coalesce(k.name, n.name) as token_name
         from transfer t join company f on f.id = t.from_company_id left join person p on p.id = t.actor_id
         left join company w on w.id = p.company_id left join access_token k on k.id = t.token_id
         left join oauth_grant g on g.id = t.token_id left join application n on n.id = g.application_id
         where t.device_id = $1 and t.id < $2 order by t.id desc limit $3")
    .bind(device_id)
    .bind(filter.before.unwrap_or(i64::MAX))
    .bind(filter.limit)
    .bind_tree(tree)
    .all(tx)
    .await
}

/// The history of a whole subtree.
pub async fn of_tree(tx: &mut Tx, path: &Path, filter: &HistoryFilter) -> Result<Vec<HistoryRow>> {
    of_tree_query(path, filter).all(tx).await
}

/// The query behind [`of_tree`].
#[must_use]
pub fn of_tree_query(path: &Path, filter: &HistoryFilter) -> Query {
    // The root's tree is the whole portal and needs no test.
    bind_filter(sql(WALKED).bind(path.as_str()), filter).bind(path.end()).bind(path.level() == 0)
}

fn bind_filter(query: Query, filter: &HistoryFilter) -> Query {
    // A verb belongs to transfers or to other events, never both, so the other table isn't searched.
    let is_cause = |verb: &String| Cause::try_from(verb.clone()).is_ok();
    let (transfers, others) = filter.verb.as_ref().map_or((true, true), |v| (is_cause(v), !is_cause(v)));
    query
        .bind(filter.limit)
        .bind(filter.before.unwrap_or(i64::MAX))
        .bind(filter.verb.clone())
        .bind(filter.from.map_or(i64::MIN, |m| m.0))
        .bind(filter.to.map_or(i64::MAX, |m| m.0))
        .bind(transfers)
        .bind(others)
        .bind(i64::from(filter.hides_strangers_attempts))
}
