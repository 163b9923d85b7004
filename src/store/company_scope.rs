//! How far a list reaches, and how its page is found: the ids first, by an index that covers the whole filter. For a
//! few companies their own indexes are merged; a large tree, or a page far down, is walked by id, testing membership.

use super::db::{Query, Result, Tx};
use crate::model::company::Path;

/// The indexes of at most this many companies are merged.
const MERGED_COMPANIES_MAX: i64 = 50;
/// With several companies, a page that ends further down is walked to.
pub const MERGED_ROWS_MAX: i64 = 2_000;

/// The companies that a list covers.
#[derive(Debug, Clone)]
pub enum CompanyScope {
    Companies(Vec<i64>),
    Tree(Path),
    /// The whole portal, which needs no test.
    All,
}

/// A table of companies' things, as `k`. It names SQLite's indexes, because SQLite counts no rows to choose them.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    pub table: &'static str,
    /// In the order of ids, such as " indexed by code_walk".
    pub walk: &'static str,
    /// In the order of ids within each company.
    pub of_company: &'static str,
}

/// A part of a list.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub order: Order,
    pub limit: i64,
    pub offset: i64,
}

/// An order of rows `k`, and of the same rows as `x`: each begins with " order by ".
#[derive(Debug, Clone, Copy)]
pub struct Order {
    pub of_k: &'static str,
    pub of_x: &'static str,
}

impl Order {
    pub const OLDEST: Order = Order { of_k: " order by k.id", of_x: " order by x.id" };
    pub const NEWEST: Order = Order { of_k: " order by k.id desc", of_x: " order by x.id desc" };

    /// By id, newest first or last.
    #[must_use]
    pub fn by_id(newest_first: bool) -> Order {
        if newest_first { Order::NEWEST } else { Order::OLDEST }
    }
}

impl Part {
    fn cut(self, query: Query, order: &'static str) -> Query {
        query.push(order).push(" limit ").push_value(self.limit).push(" offset ").push_value(self.offset)
    }
}

impl CompanyScope {
    /// All companies of a tree.
    pub async fn of_tree(tx: &mut Tx, tree: &Path) -> Result<CompanyScope> {
        let ids = super::companies::ids(tx, tree, MERGED_COMPANIES_MAX + 1).await?;
        Ok(if ids.len() as i64 <= MERGED_COMPANIES_MAX {
            CompanyScope::Companies(ids)
        } else if tree.level() == 0 {
            CompanyScope::All
        } else {
            CompanyScope::Tree(tree.clone())
        })
    }

    /// Adds that a column, such as "k.company_id", names a company in scope, beginning with " and ". It is tested
    /// for each row on the way.
    #[must_use]
    pub fn holds(&self, query: Query, column: &'static str) -> Query {
        match self {
            CompanyScope::All => query,
            _ => self.test(query.push(" and "), column),
        }
    }

    /// The same as a bare condition. On SQLite an expression disables the column's index, so the tree is gathered once.
    #[must_use]
    pub fn test(&self, query: Query, column: &'static str) -> Query {
        match self {
            CompanyScope::All => query.push("true"),
            CompanyScope::Companies(ids) => query.push("(").push(column).push(" + 0) in ").push_list(ids),
            CompanyScope::Tree(path) => query
                .push_for("(", "exists (select 1 from company c where c.id = ")
                .push(column)
                .push_for(" + 0) in (select c.id from company c where ", " and ")
                .push_tree("c.path", path)
                .push(")"),
        }
    }

    /// The ids of a page; `wanted` adds further conditions, beginning with " and ".
    pub fn ids(&self, query: Query, listed: Listed, wanted: impl FnOnce(Query) -> Query, part: Part) -> Query {
        let Listed { table, walk, of_company } = listed;
        let last = part.limit.saturating_add(part.offset);
        match self {
            CompanyScope::Companies(companies) if companies.len() == 1 => {
                let query = query.push("select k.id from ").push(table).push(" k").push_for(of_company, "");
                let query = query.push(" where k.company_id = ").push_value(companies[0]);
                part.cut(wanted(query), part.order.of_k)
            }
            CompanyScope::Companies(companies) if last <= MERGED_ROWS_MAX => {
                let query = query
                    .push("select x.id from ")
                    .push_list(companies)
                    .push_for(" r join ", " r cross join lateral (select k.* from ")
                    .push(table)
                    .push_for(" x on x.id in (select k.id from ", " k where k.company_id = r.value")
                    .push_for(table, "")
                    .push_for(" k", "")
                    .push_for(of_company, "")
                    .push_for(" where k.company_id = r.value", "");
                let query = wanted(query).push(part.order.of_k).push(" limit ").push_value(last);
                part.cut(query.push_for(")", ") x"), part.order.of_x)
            }
            _ => {
                let query = query.push("select k.id from ").push(table).push(" k").push_for(walk, "");
                part.cut(wanted(self.holds(query.push(" where true"), "k.company_id")), part.order.of_k)
            }
        }
    }

    /// Adds what to count, up to a condition that `wanted` extends: "select count(*) from ... where ...".
    #[must_use]
    pub fn counted(&self, listed: Listed) -> Query {
        self.selected("select count(*)", listed)
    }

    /// The same with something else than a plain count.
    #[must_use]
    pub fn selected(&self, select: &'static str, listed: Listed) -> Query {
        let Listed { table, walk, of_company } = listed;
        let query = super::db::sql(select);
        match self {
            CompanyScope::All => query.push(" from ").push(table).push(" k").push_for(walk, "").push(" where true"),
            CompanyScope::Companies(ids) => {
                let query = query.push(" from ").push(table).push(" k").push_for(of_company, "");
                query.push(" where k.company_id in ").push_list(ids)
            }
            // Company by company, each by its index.
            CompanyScope::Tree(path) => {
                let query = query.push(" from company c cross join ").push(table).push(" k");
                query.push_for(of_company, "").push(" where k.company_id = c.id and ").push_tree("c.path", path)
            }
        }
    }
}
