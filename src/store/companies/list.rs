//! Lists of companies, and their sort orders.

use super::{Company, company_columns, company_facts, count_up_to, escape_like};
use crate::model::company::{Path, searchable};
use crate::store::db::{Query, Result, Tx, sql};

/// Sort keys of a list of companies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    #[default]
    Name,
    Level,
    Created,
    Credits,
}

impl Sort {
    pub const ALL: [(Sort, &'static str); 4] =
        [(Sort::Name, "name"), (Sort::Level, "level"), (Sort::Created, "created"), (Sort::Credits, "credits")];

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Sort> {
        Sort::ALL.into_iter().find(|(_, s)| *s == slug).map(|(sort, _)| sort)
    }

    #[must_use]
    pub fn slug(self) -> &'static str {
        Sort::ALL.into_iter().find(|(s, _)| *s == self).map_or("name", |(_, slug)| slug)
    }
}

/// Filter, order and start of a list of companies.
#[derive(Debug, Clone, Default)]
pub struct CompanyFilter {
    /// Part of the name, or an id.
    pub text: String,
    pub sort: Sort,
    pub descending: bool,
    /// The sort value and id of the last row of the previous page.
    pub after: Option<(String, i64)>,
    pub limit: i64,
}

/// How a list traverses a tree. A small tree is gathered by its range of paths, then sorted; a large one is walked in
/// the list's order, testing each path, until the page is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Gathered,
    Walked,
}

/// Trees of at most this many companies are gathered.
const GATHERED_MAX: i64 = 1_000;

impl Way {
    /// Chooses the way for a tree.
    pub async fn through(tx: &mut Tx, tree: &Path) -> Result<Way> {
        let is_small = count_up_to(tx, tree, GATHERED_MAX + 1).await? <= GATHERED_MAX;
        Ok(if is_small { Way::Gathered } else { Way::Walked })
    }

    /// Adds that a company `c` is in a tree.
    #[must_use]
    pub fn within(self, query: Query, tree: &Path) -> Query {
        let path = match self {
            Way::Gathered => "c.path",
            Way::Walked => "(c.path || '')",
        };
        query.push(" and ").push_tree(path, tree)
    }
}

/// A planner cannot know the size of a tree. An expression keeps it from the other way's index: that of `c.path` when
/// walking, that of the order when gathering.
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

/// A page of a tree's companies.
pub async fn list(tx: &mut Tx, tree: &Path, filter: &CompanyFilter) -> Result<Vec<Company>> {
    let way = Way::through(tx, tree).await?;
    list_query(tree, filter, way).all(tx).await
}

/// The query behind [`list`]. Credits change with each redemption and have no index, so that order is always gathered.
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
        .bind_tree(tree)
        .bind(&wanted)
        .bind(format!("%{}%", escape_like(&wanted)))
        .bind(value)
        .bind(id)
        .bind(filter.limit)
}

/// The direct subsidiaries of a company, by name, after the last row of the previous page.
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
    .bind_tree(tree)
    .bind(name)
    .bind(after_id)
    .bind(limit)
}

/// A page of direct subsidiaries.
pub async fn subsidiaries(
    tx: &mut Tx,
    tree: &Path,
    id: i64,
    after: Option<(String, i64)>,
    limit: i64,
) -> Result<Vec<Company>> {
    subsidiaries_query(tree, id, after, limit).all(tx).await
}
