//! How far a list reaches. Of a few companies their own indexes are merged; a large tree is walked by
//! id, with a test of membership.

use super::db::{Query, Result, Tx, rows};
use crate::model::company::Path;

/// Up to so many companies their own indexes are merged.
const MERGED_COMPANIES_MAX: i64 = 50;

/// The companies that a list is about.
#[derive(Debug, Clone)]
pub enum Reach {
    Companies(Vec<i64>),
    Tree(Path),
}

impl Reach {
    /// All companies of a tree.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn of_tree(tx: &mut Tx, tree: &Path) -> Result<Reach> {
        let ids = super::companies::ids(tx, tree, MERGED_COMPANIES_MAX + 1).await?;
        Ok(if ids.len() as i64 <= MERGED_COMPANIES_MAX {
            Reach::Companies(ids)
        } else {
            Reach::Tree(tree.clone())
        })
    }

    /// The ids of a page of a table of things that companies have: `k`, of which `wanted` says more, beginning
    /// with " and ". The page has as many rows for each company as it may have in all.
    pub fn ids(
        &self,
        query: Query,
        table: &'static str,
        wanted: impl FnOnce(Query) -> Query,
        order: &'static str,
        limit: i64,
    ) -> Query {
        match self {
            Reach::Companies(companies) => {
                let query = query
                    .push_for(
                        "select x.id from json_each(",
                        "select x.id from jsonb_array_elements_text(cast(",
                    )
                    .push_value(rows(companies))
                    .push_for(") r join ", " as jsonb)) r(value) cross join lateral (select k.id from ")
                    .push(table)
                    .push_for(" x on x.id in (select k.id from ", " k where k.company_id = r.value::bigint")
                    .push_for(table, "")
                    .push_for(" k where k.company_id = r.value", "");
                wanted(query).push(order).push_value(limit).push_for(")", ") x")
            }
            Reach::Tree(path) => {
                let query = query
                    .push("select k.id from ")
                    .push(table)
                    .push(" k where exists (select 1 from company c where c.id = k.company_id and c.path >= ")
                    .push_value(path.as_str())
                    .push(" and c.path < ")
                    .push_value(path.end())
                    .push(")");
                wanted(query).push(order).push_value(limit)
            }
        }
    }
}
