//! History: transfers and all else that happened, as one list by one sequence of ids.

use sqlx::FromRow;

use super::db::{Query, Result, Tx, WriteTx, columns, sql, sql_for};
use super::digests;
use super::ledger::{decode, reserve};
use crate::keys::Keys;
use crate::keys::chain::Covered;
use crate::model::company::Path;
use crate::model::digest::Entries;
use crate::model::ledger::Cause;
use crate::model::time::Moment;
use crate::model::token::TokenName;

/// What happened, besides transfers.
#[derive(Debug, Clone)]
pub struct NewHistory {
    pub actor_id: Option<i64>,
    pub company_id: Option<i64>,
    pub address: String,
    /// Such as `company.created`; the history's page has words for each.
    pub verb: &'static str,
    /// The name of what it happened to, as it was.
    pub subject: String,
    pub details: String,
    /// The access token that acted, where it was a program.
    pub token: Option<TokenName>,
}

columns! {
    /// A row of `history` as it is written. As JSON, with its columns in this order, it is also what digests cover: a
    /// column that came later is left out where it is null.
    pub struct NewHistoryRow<'a> {
        id: i64,
        at: i64,
        actor_id: Option<i64>,
        company_id: Option<i64>,
        address: &'a str,
        verb: &'a str,
        subject: &'a str,
        details: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        token_id: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        token_name: Option<&'a str>,
    }
}

/// A row of `history` as it stands.
#[derive(FromRow)]
pub struct StoredHistoryRow {
    pub id: i64,
    pub at: i64,
    pub actor_id: Option<i64>,
    pub company_id: Option<i64>,
    pub address: String,
    pub verb: String,
    pub subject: String,
    pub details: String,
    pub token_id: Option<i64>,
    pub token_name: Option<String>,
}

impl<'a> From<&'a StoredHistoryRow> for NewHistoryRow<'a> {
    fn from(row: &'a StoredHistoryRow) -> NewHistoryRow<'a> {
        NewHistoryRow {
            id: row.id,
            at: row.at,
            actor_id: row.actor_id,
            company_id: row.company_id,
            address: &row.address,
            verb: &row.verb,
            subject: &row.subject,
            details: &row.details,
            token_id: row.token_id,
            token_name: row.token_name.as_deref(),
        }
    }
}

/// Writes history rows, and their digest.
///
/// # Errors
/// Whatever the database says.
pub async fn add(tx: &mut WriteTx, keys: &Keys, entries: &[NewHistory], now: Moment) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let ids = reserve(tx, "entry", entries.len() as i64).await?;
    let new: Vec<_> = ids
        .into_iter()
        .zip(entries)
        .map(|(id, e)| NewHistoryRow {
            id,
            at: now.0,
            actor_id: e.actor_id,
            company_id: e.company_id,
            address: &e.address,
            verb: e.verb,
            subject: &e.subject,
            details: &e.details,
            token_id: e.token.as_ref().map(|t| t.id),
            token_name: e.token.as_ref().map(|t| t.name.as_str()),
        })
        .collect();
    let text = serde_json::to_string(&new).map_err(decode)?;
    let covered = Entries::of(new.iter().map(|row| row.id));
    sql("insert into history (id, at, actor_id, company_id, address, verb, subject, details, token_id, token_name)
         select id, at, actor_id, company_id, address, verb, subject, details, token_id, token_name from {rows} r")
    .bind_rows_as_json::<NewHistoryRow>(text.clone())
    .later(tx)
    .await?;
    let covered =
        Covered { at: now, is_older: false, entries: &covered, transfers: digests::NO_ROWS, history: &text };
    digests::add(tx, keys, &covered).await
}

/// One line of the history, a transfer or not.
#[derive(Debug, Clone, FromRow)]
pub struct HistoryRow {
    pub id: i64,
    pub at: i64,
    pub who: Option<String>,
    /// The company that whoever it was belongs to, and its place.
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
    /// Whose doing it was, by number.
    pub who_id: Option<i64>,
    pub token_id: Option<i64>,
    /// As it was, or as it is now where the row has only its number.
    pub token_name: Option<String>,
}

/// Which lines, newest first.
#[derive(Debug, Clone, Default)]
pub struct HistoryFilter {
    pub verb: Option<String>,
    pub from: Option<Moment>,
    pub to: Option<Moment>,
    /// Only lines older than this one.
    pub before: Option<i64>,
    pub limit: i64,
    /// Whether what strangers did at the door is left out: it is the operator's alone.
    pub hides_strangers_attempts: bool,
}

macro_rules! history_sql {
    ($of_source:expr, $of_target:expr, $of_history:expr) => {
        concat!(
            "select h.id, h.at, p.email as who, w.name as who_company, w.path as who_path, h.verb, h.resource_type, h.amount, h.from_name, h.to_name,
                 h.from_balance, h.to_balance, h.code_id, h.subject, h.details, h.address, h.actor_id as who_id, h.token_id,
                 coalesce(h.token_name, k.name) as token_name
             from (select * from (",
            $of_source,
            ") a union select * from (",
            $of_target,
            ") b union all select * from (",
            $of_history,
            ") c) h
             left join person p on p.id = h.actor_id left join company w on w.id = p.company_id
             left join access_token k on k.id = h.token_id order by h.id desc limit $2"
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

/// The history of some companies, few: their own indexes are merged.
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

/// The history of a large tree: walked by id, with a test of membership.
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
///
/// # Errors
/// Whatever the database says.
pub async fn of_companies(tx: &mut Tx, companies: &[i64], filter: &HistoryFilter) -> Result<Vec<HistoryRow>> {
    of_companies_query(companies, filter).all(tx).await
}

/// The query of [`of_companies`].
#[must_use]
pub fn of_companies_query(companies: &[i64], filter: &HistoryFilter) -> Query {
    bind_filter(sql_for(MERGED_SQLITE, MERGED_POSTGRES).bind_list(companies), filter)
}

/// The units that a device has used. A payer outside the tree is "Parent company", without its balance.
///
/// # Errors
/// Whatever the database says.
pub async fn of_device(
    tx: &mut Tx,
    device_id: i64,
    tree: &crate::model::company::Path,
    filter: &HistoryFilter,
) -> Result<Vec<HistoryRow>> {
    sql("select t.id, t.at, p.email as who, w.name as who_company, w.path as who_path, t.cause as verb, t.resource_type,
             t.amount, case when f.path >= $4 and f.path < $5 then t.from_name else 'Parent company' end as from_name,
             cast(null as text) as to_name, cast(null as bigint) as from_balance, cast(null as bigint) as to_balance,
             t.code_id, '' as subject, t.memo as details, t.address, t.actor_id as who_id, t.token_id, k.name as token_name
         from transfer t join company f on f.id = t.from_company_id left join person p on p.id = t.actor_id
         left join company w on w.id = p.company_id left join access_token k on k.id = t.token_id
         where t.device_id = $1 and t.id < $2 order by t.id desc limit $3")
    .bind(device_id)
    .bind(filter.before.unwrap_or(i64::MAX))
    .bind(filter.limit)
    .bind(tree.as_str())
    .bind(tree.end())
    .all(tx)
    .await
}

/// The history of everything between two paths.
///
/// # Errors
/// Whatever the database says.
pub async fn of_tree(tx: &mut Tx, path: &Path, filter: &HistoryFilter) -> Result<Vec<HistoryRow>> {
    of_tree_query(path, filter).all(tx).await
}

/// The query of [`of_tree`].
#[must_use]
pub fn of_tree_query(path: &Path, filter: &HistoryFilter) -> Query {
    // The whole portal needs no test.
    bind_filter(sql(WALKED).bind(path.as_str()), filter).bind(path.end()).bind(path.level() == 0)
}

fn bind_filter(query: Query, filter: &HistoryFilter) -> Query {
    // A verb is either a transfer's or not: the other table isn't searched for it.
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
