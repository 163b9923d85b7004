//! Companies: a tree by materialised paths.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::db::{Query, Result, Tx, WriteTx, sql};
use crate::model::company::{CompanyName, Path, searchable};
use crate::model::time::Moment;

/// A company as it stands.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
pub struct Company {
    pub id: i64,
    pub name: String,
    pub parent_id: Option<i64>,
    pub parent_name: Option<String>,
    pub path: String,
    pub level: i64,
    pub use_parent_credits: i64,
    pub may_buy_vouchers: i64,
    pub demands_second_factor: i64,
    /// The company that demands a second factor of its users, by itself or from above.
    #[serde(default)]
    pub second_factor_demander: Option<String>,
    pub created_at: i64,
    pub users: i64,
    pub devices: i64,
    pub monitored: i64,
    pub credits_left: i64,
    pub subsidiaries: i64,
}

impl Company {
    #[must_use]
    pub fn path(&self) -> Path {
        Path::from_stored(self.path.clone())
    }

    #[must_use]
    pub fn uses_parent_credits(&self) -> bool {
        self.use_parent_credits == 1
    }

    /// Whether its users must have a second factor.
    #[must_use]
    pub fn demands_second_factor(&self) -> bool {
        self.demands_second_factor == 1
    }
}

/// Who demands a second factor of the users of a company `c`: of it and all above it, the uppermost demand counts. Where
/// nobody demands any, nothing is walked.
macro_rules! demander_column {
    () => {
        "case when exists (select 1 from company where demands_second_factor = 1) then
             (select d.name from company d where d.id = (with recursive up(id, parent_id, level, demands, by_id) as (
                 select x.id, x.parent_id, x.level, x.demands_second_factor, x.second_factor_demanded_by
                 from company x where x.id = c.id
                 union all select x.id, x.parent_id, x.level, x.demands_second_factor, x.second_factor_demanded_by
                 from up join company x on x.id = up.parent_id)
              select by_id from up where demands = 1 order by level limit 1)) end as second_factor_demander"
    };
}
pub(crate) use demander_column;

/// The facts that hang on a company's row, counted only for the rows that are shown.
macro_rules! company_columns {
    () => {
        concat!("select c.id, c.name, c.parent_id, p.name as parent_name, c.path, c.level, c.use_parent_credits,
             c.may_buy_vouchers, c.demands_second_factor, c.created_at, c.devices, c.monitored,
             ", $crate::store::companies::demander_column!(), ",
             (select count(*) from person u where u.company_id = c.id and u.disabled_at is null) as users,
             coalesce((select a.balance from account a
                 where a.company_id = c.id and a.resource_type = 1 and a.kind = 0), 0) as credits_left,
             (select count(*) from company s where s.parent_id = c.id and s.removed_at is null) as subsidiaries
         from (")
    };
}
pub(super) use company_columns;

macro_rules! company_facts {
    ($rows:expr, $order:expr) => {
        concat!(company_columns!(), $rows, ") c left join company p on p.id = c.parent_id ", $order)
    };
}

/// A company in a tree; `None` where there is none or it was removed.
///
/// # Errors
/// Whatever the database says.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<Company>> {
    sql(company_facts!(
        "select * from company where id = $1 and path >= $2 and path < $3 and removed_at is null",
        ""
    ))
    .bind(id)
    .bind(tree.as_str())
    .bind(tree.end())
    .optional(tx)
    .await
}

/// By what a list of companies is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    #[default]
    Name,
    Level,
    Created,
    Credits,
}

impl Sort {
    pub const ALL: [(Sort, &'static str); 4] = [
        (Sort::Name, "name"),
        (Sort::Level, "level"),
        (Sort::Created, "created"),
        (Sort::Credits, "credits"),
    ];

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Sort> {
        Sort::ALL.into_iter().find(|(_, s)| *s == slug).map(|(sort, _)| sort)
    }

    #[must_use]
    pub fn slug(self) -> &'static str {
        Sort::ALL.into_iter().find(|(s, _)| *s == self).map_or("name", |(_, slug)| slug)
    }
}

/// Which companies, in which order, from where.
#[derive(Debug, Clone, Default)]
pub struct CompanyFilter {
    /// Part of the name, or an id.
    pub text: String,
    pub sort: Sort,
    pub descending: bool,
    /// The sort value and id of the last row of the page before.
    pub after: Option<(String, i64)>,
    pub limit: i64,
}

/// How a list goes through a tree. A small one is gathered by its range of paths, then sorted; a large
/// one is walked in the order of the list, with a test of each path, until the page is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Gathered,
    Walked,
}

/// Up to so many companies are gathered.
const GATHERED_MAX: i64 = 1_000;

impl Way {
    /// The way for a tree.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn through(tx: &mut Tx, tree: &Path) -> Result<Way> {
        let is_small = count_up_to(tx, tree, GATHERED_MAX + 1).await? <= GATHERED_MAX;
        Ok(if is_small { Way::Gathered } else { Way::Walked })
    }

    /// Adds that a company `c` is of a tree.
    #[must_use]
    pub fn within(self, query: Query, tree: &Path) -> Query {
        let path = match self {
            Way::Gathered => "c.path",
            Way::Walked => "(c.path || '')",
        };
        let query = query.push(" and ").push(path).push(" >= ").push_value(tree.as_str());
        query.push(" and ").push(path).push(" < ").push_value(tree.end())
    }
}

/// An expression keeps a planner, which cannot know the size of a tree, from the index of the other
/// way: of `c.path` where the tree is walked, of the order where it is gathered.
macro_rules! list_sql {
    ($path:literal, $key:literal, $id:literal, $cast:literal, $compare:literal, $direction:literal) => {
        company_facts!(
            concat!(
                "select c.*, ",
                $key,
                " as sort_key from company c
                 left join account b on b.company_id = c.id and b.resource_type = 1 and b.kind = 0
                 where c.removed_at is null and ",
                $path,
                " >= $1 and ",
                $path,
                " < $2 and ($3 = '' or c.name_search like $4 escape '\\' or cast(c.id as text) = $3)
                 and (",
                $key,
                ", ",
                $id,
                ") ",
                $compare,
                " (cast($5 as ",
                $cast,
                "), $6) order by ",
                $key,
                " ",
                $direction,
                ", ",
                $id,
                " ",
                $direction,
                " limit $7"
            ),
            concat!("order by c.sort_key ", $direction, ", c.id ", $direction)
        )
    };
}

macro_rules! both_directions {
    ($path:literal, $key:literal, $id:literal, $cast:literal, $descending:expr) => {
        if $descending {
            list_sql!($path, $key, $id, $cast, "<", "desc")
        } else {
            list_sql!($path, $key, $id, $cast, ">", "asc")
        }
    };
}

/// A page of companies of a tree.
///
/// # Errors
/// Whatever the database says.
pub async fn list(tx: &mut Tx, tree: &Path, filter: &CompanyFilter) -> Result<Vec<Company>> {
    let way = Way::through(tx, tree).await?;
    list_query(tree, filter, way).all(tx).await
}

/// The query of [`list`]. No index has credits, which change with each redemption: that order is
/// always gathered.
#[must_use]
pub fn list_query(tree: &Path, filter: &CompanyFilter, way: Way) -> Query {
    let descending = filter.descending;
    let text = match (filter.sort, way) {
        (Sort::Name, Way::Walked) => {
            both_directions!("(c.path || '')", "c.name_search", "c.id", "text", descending)
        }
        (Sort::Level, Way::Walked) => {
            both_directions!("(c.path || '')", "c.level", "c.id", "bigint", descending)
        }
        (Sort::Created, Way::Walked) => {
            both_directions!("(c.path || '')", "c.created_at", "c.id", "bigint", descending)
        }
        (Sort::Name, Way::Gathered) => {
            both_directions!("c.path", "(c.name_search || '')", "(c.id + 0)", "text", descending)
        }
        (Sort::Level, Way::Gathered) => {
            both_directions!("c.path", "(c.level + 0)", "(c.id + 0)", "bigint", descending)
        }
        (Sort::Created, Way::Gathered) => {
            both_directions!("c.path", "(c.created_at + 0)", "(c.id + 0)", "bigint", descending)
        }
        (Sort::Credits, _) => {
            both_directions!("c.path", "coalesce(b.balance, 0)", "(c.id + 0)", "bigint", descending)
        }
    };
    let first = match (filter.sort, descending) {
        (Sort::Name, false) => (String::new(), 0),
        (Sort::Name, true) => ("\u{10ffff}".repeat(4), i64::MAX),
        (_, false) => ("-1".into(), 0),
        (_, true) => (i64::MAX.to_string(), i64::MAX),
    };
    let (value, id) = filter.after.clone().unwrap_or(first);
    let wanted = searchable(&filter.text);
    sql(text)
        .bind(tree.as_str())
        .bind(tree.end())
        .bind(&wanted)
        .bind(format!("%{}%", escape_like(&wanted)))
        .bind(value)
        .bind(id)
        .bind(filter.limit)
}

/// The companies right below one, by name, after the last of the page before.
#[must_use]
pub fn subsidiaries_query(tree: &Path, id: i64, after: Option<(String, i64)>, limit: i64) -> Query {
    let (name, after_id) = after.unwrap_or_default();
    sql(company_facts!(
        "select c.* from company c where c.parent_id = $1 and c.removed_at is null
         and (c.path || '') >= $2 and (c.path || '') < $3 and (c.name_search, c.id) > ($4, $5)
         order by c.name_search, c.id limit $6",
        "order by c.name_search, c.id"
    ))
    .bind(id)
    .bind(tree.as_str())
    .bind(tree.end())
    .bind(name)
    .bind(after_id)
    .bind(limit)
}

/// A page of them.
///
/// # Errors
/// Whatever the database says.
pub async fn subsidiaries(
    tx: &mut Tx,
    tree: &Path,
    id: i64,
    after: Option<(String, i64)>,
    limit: i64,
) -> Result<Vec<Company>> {
    subsidiaries_query(tree, id, after, limit).all(tx).await
}

/// A text for `like … escape '\'` that stands for itself.
#[must_use]
pub fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

macro_rules! search_sql {
    ($path:literal, $key:literal) => {
        concat!(
            "select c.id, c.name, p.name as parent_name from company c left join company p on p.id = c.parent_id
             where c.removed_at is null and ", $path, " >= $1 and ", $path, " < $2
             and ($3 = '' or c.name_search like $4 escape '\\' or cast(c.id as text) = $3)
             order by ", $key, ", c.id limit $5"
        )
    };
}

/// Companies of a tree whose name holds the text, or whose id it is, by name.
///
/// # Errors
/// Whatever the database says.
pub async fn search(tx: &mut Tx, tree: &Path, text: &str, limit: i64) -> Result<Vec<CompanyName>> {
    let way = Way::through(tx, tree).await?;
    names(search_query(tree, text, limit, way), tx).await
}

async fn names(query: Query, tx: &mut Tx) -> Result<Vec<CompanyName>> {
    let found: Vec<(i64, String, Option<String>)> = query.all(tx).await?;
    Ok(found.into_iter().map(|(id, name, parent_name)| CompanyName { id, name, parent_name }).collect())
}

/// The query of [`search`].
#[must_use]
pub fn search_query(tree: &Path, text: &str, limit: i64, way: Way) -> Query {
    let wanted = searchable(text);
    sql(match way {
        Way::Gathered => search_sql!("c.path", "(c.name_search || '')"),
        Way::Walked => search_sql!("(c.path || '')", "c.name_search"),
    })
    .bind(tree.as_str())
    .bind(tree.end())
    .bind(&wanted)
    .bind(format!("%{}%", escape_like(&wanted)))
    .bind(limit)
}

/// Companies of a tree that bear exactly this name, whatever the case.
///
/// # Errors
/// Whatever the database says.
pub async fn named(tx: &mut Tx, tree: &Path, name: &str, limit: i64) -> Result<Vec<CompanyName>> {
    let query = sql("select c.id, c.name, p.name as parent_name from company c left join company p on p.id = c.parent_id
         where c.removed_at is null and c.name_search = $1 and c.path >= $2 and c.path < $3 order by c.id limit $4")
    .bind(searchable(name))
    .bind(tree.as_str())
    .bind(tree.end())
    .bind(limit);
    names(query, tx).await
}

/// The ids of a tree, up to `limit` of them.
///
/// # Errors
/// Whatever the database says.
pub async fn ids(tx: &mut Tx, tree: &Path, limit: i64) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> =
        sql("select id from company where path >= $1 and path < $2 order by path limit $3")
            .bind(tree.as_str())
            .bind(tree.end())
            .bind(limit)
            .all(tx)
            .await?;
    Ok(found.into_iter().map(|r| r.0).collect())
}

/// A company that is being changed, locked until the end of the transaction.
#[derive(FromRow)]
pub struct LockedCompany {
    pub id: i64,
    pub name: String,
    pub path: String,
    pub level: i64,
}

/// Locks companies of a tree by ascending id.
///
/// # Errors
/// Whatever the database says.
pub async fn lock(tx: &mut Tx, tree: &Path, ids: &[i64]) -> Result<Vec<LockedCompany>> {
    sql("select id, name, path, level from company
         where id in {list} and removed_at is null and path >= $2 and path < $3 order by id")
    .locked()
    .bind_list(ids)
    .bind(tree.as_str())
    .bind(tree.end())
    .all(tx)
    .await
}

/// Adds a company below another, or the root.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &mut WriteTx, name: &str, parent: Option<(i64, &Path)>, now: Moment) -> Result<i64> {
    let id = super::ledger::reserve(tx, "company", 1).await?[0];
    let path = Path::of(parent.map(|p| p.1), id);
    sql("insert into company (id, name, name_search, parent_id, path, level, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)")
    .bind(id)
    .bind(name)
    .bind(searchable(name))
    .bind(parent.map(|p| p.0))
    .bind(path.as_str())
    .bind(path.level() as i64)
    .bind(now)
    .run(tx)
    .await?;
    Ok(id)
}

/// Gives a company another name.
///
/// # Errors
/// Whatever the database says.
pub async fn rename(tx: &mut WriteTx, id: i64, name: &str) -> Result<()> {
    sql("update company set name = $2, name_search = $3 where id = $1")
        .bind(id)
        .bind(name)
        .bind(searchable(name))
        .run(tx)
        .await?;
    Ok(())
}

/// Sets whether a company uses its parent's credits.
///
/// # Errors
/// Whatever the database says.
pub async fn set_use_parent_credits(tx: &mut WriteTx, id: i64, on: bool) -> Result<()> {
    sql("update company set use_parent_credits = $2 where id = $1").bind(id).bind(on).run(tx).await?;
    Ok(())
}

/// Sets whether the users of a company and of those below it must have a second factor, and which company demands it.
///
/// # Errors
/// Whatever the database says.
pub async fn set_second_factor_demand(tx: &mut WriteTx, id: i64, demanded_by: Option<i64>) -> Result<()> {
    sql("update company set demands_second_factor = $2, second_factor_demanded_by = $3 where id = $1")
        .bind(id)
        .bind(demanded_by.is_some())
        .bind(demanded_by)
        .run(tx)
        .await?;
    Ok(())
}

/// The company whose administrator demands a second factor of a company's users: its path and name.
///
/// # Errors
/// Whatever the database says.
pub async fn second_factor_demand(tx: &mut Tx, id: i64) -> Result<Option<(Path, String)>> {
    let found: Option<(String, String)> = sql("select d.path, d.name from company c
         join company d on d.id = c.second_factor_demanded_by where c.id = $1 and c.demands_second_factor = 1")
    .bind(id)
    .optional(tx)
    .await?;
    Ok(found.map(|(path, name)| (Path::from_stored(path), name)))
}

/// Takes the one lock of the tree's shape: the root's row.
///
/// # Errors
/// Whatever the database says.
pub async fn lock_tree(tx: &mut Tx) -> Result<()> {
    let _: Option<(i64,)> =
        sql("select id from company where level = 0").locking(" for no key update").optional(tx).await?;
    Ok(())
}

/// Puts a company and everything below it under another parent. Rows change in the order of ids.
///
/// # Errors
/// Whatever the database says.
pub async fn put_under(tx: &mut WriteTx, id: i64, old: &Path, parent_id: i64, parent: &Path) -> Result<()> {
    let new = Path::of(Some(parent), id);
    if tx.is_postgres() {
        let _: Vec<(i64,)> = sql("select id from company where path >= $1 and path < $2 order by id")
            .locked()
            .bind(old.as_str())
            .bind(old.end())
            .all(tx)
            .await?;
    }
    sql("update company set parent_id = $2 where id = $1").bind(id).bind(parent_id).run(tx).await?;
    sql("update company set path = $1 || substr(path, cast($2 as integer)), level = level + $3
         where path >= $4 and path < $5")
    .bind(new.as_str())
    .bind(old.as_str().len() as i64 + 1)
    .bind(new.level() as i64 - old.level() as i64)
    .bind(old.as_str())
    .bind(old.end())
    .run(tx)
    .await?;
    Ok(())
}

/// The deepest level in a tree.
///
/// # Errors
/// Whatever the database says.
pub async fn deepest_level(tx: &mut Tx, tree: &Path) -> Result<i64> {
    let (level,): (i64,) =
        sql("select cast(coalesce(max(level), 0) as bigint) from company where path >= $1 and path < $2")
            .bind(tree.as_str())
            .bind(tree.end())
            .one(tx)
            .await?;
    Ok(level)
}

/// What hangs on companies that are to be removed.
#[derive(FromRow)]
pub struct Holdings {
    pub id: i64,
    pub balances: i64,
    pub unused_codes: i64,
    pub subsidiaries: i64,
    pub users: i64,
    pub open_orders: i64,
    pub devices: i64,
}

/// Counts it, for locked companies, by ascending id.
///
/// # Errors
/// Whatever the database says.
pub async fn holdings(tx: &mut Tx, ids: &[i64]) -> Result<Vec<Holdings>> {
    sql("select cast(c.value as bigint) as id,
             (select count(*) from account a where a.company_id = c.value and a.kind = 0 and a.balance > 0) as balances,
             (select count(*) from code k where k.company_id = c.value and k.status = 0) as unused_codes,
             (select count(*) from company s where s.parent_id = c.value and s.removed_at is null) as subsidiaries,
             (select count(*) from person u where u.company_id = c.value and u.disabled_at is null) as users,
             (select count(*) from purchase_order b where b.company_id = c.value
                 and (b.state = 'awaiting_payment' or b.codes_made < b.codes_wanted)) as open_orders,
             (select o.devices from company o where o.id = c.value) as devices
         from {list} c order by 1")
    .bind_list(ids)
    .all(tx)
    .await
}

/// Leaves tombstones.
///
/// # Errors
/// Whatever the database says.
pub async fn remove(tx: &mut WriteTx, ids: &[i64], now: Moment) -> Result<()> {
    sql("update company set removed_at = $2 where id in {list}").bind_list(ids).bind(now).run(tx).await?;
    Ok(())
}

/// How many companies a tree has, counted up to `limit`.
///
/// # Errors
/// Whatever the database says.
pub async fn count_up_to(tx: &mut Tx, tree: &Path, limit: i64) -> Result<i64> {
    let (count,): (i64,) = sql("select count(*) from (select 1 from company
         where path >= $1 and path < $2 and removed_at is null limit $3) c")
    .bind(tree.as_str())
    .bind(tree.end())
    .bind(limit)
    .one(tx)
    .await?;
    Ok(count)
}

/// The id and the path of the root company, once it has been set up.
///
/// # Errors
/// Whatever the database says.
pub async fn root(tx: &mut Tx) -> Result<Option<(i64, Path)>> {
    let row: Option<(i64, String)> = sql("select id, path from company where level = 0").optional(tx).await?;
    Ok(row.map(|(id, path)| (id, Path::from_stored(path))))
}

/// Companies of a tree, by id, from the top down.
///
/// # Errors
/// Whatever the database says.
pub async fn find_many(tx: &mut Tx, tree: &Path, ids: &[i64]) -> Result<Vec<Company>> {
    sql(company_facts!(
        "select * from company where id in {list} and path >= $2 and path < $3 and removed_at is null",
        "order by c.level, c.id"
    ))
    .bind_list(ids)
    .bind(tree.as_str())
    .bind(tree.end())
    .all(tx)
    .await
}
