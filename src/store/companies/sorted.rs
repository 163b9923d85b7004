//! Lists of companies by any keys, with an offset.

use super::{Company, Way, company_columns, escape_like};
use crate::model::company::{Path, searchable};
use crate::store::db::{Query, Result, Tx, sql};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    Id,
    Name,
    Parent,
    Created,
    Devices,
}

impl SortKey {
    fn column(self) -> &'static str {
        match self {
            SortKey::Id => "c.id",
            SortKey::Name => "c.name_search",
            SortKey::Parent => "coalesce(c.parent_id, 0)",
            SortKey::Created => "c.created_at",
            SortKey::Devices => "c.devices",
        }
    }
}

/// Filter, order and start of a list of companies.
#[derive(Debug, Clone, Default)]
pub struct SortedFilter {
    /// Only these; empty for all.
    pub ids: Vec<i64>,
    pub parent_id: Option<i64>,
    /// Part of the name.
    pub text: String,
    /// Sort keys, each with whether it descends; the id always comes last.
    pub order: Vec<(SortKey, bool)>,
    /// The last id of the previous page; the order is then by id.
    pub cursor: Option<i64>,
    pub limit: i64,
    pub offset: i64,
}

/// A page of companies.
pub async fn list_sorted(tx: &mut Tx, tree: &Path, filter: &SortedFilter) -> Result<Vec<Company>> {
    let way = if filter.order.is_empty() { Way::through(tx, tree).await? } else { Way::Gathered };
    sorted_query(tree, filter, way).all(tx).await
}

/// The query behind [`list_sorted`]: the ids first, sorted without their rows.
#[must_use]
pub fn sorted_query(tree: &Path, filter: &SortedFilter, way: Way) -> Query {
    let query = sql(company_columns!())
        .push("select c.* from company c where c.id in (select c.id from company c where c.removed_at is null");
    let mut query = wanted(query, tree, filter, way);
    if let Some(id) = filter.cursor {
        query = query.push(" and c.id > ").push_value(id);
    }
    let query =
        ordered(query, filter).push(" limit ").push_value(filter.limit).push(" offset ").push_value(filter.offset);
    ordered(query.push(")) c left join company p on p.id = c.parent_id"), filter)
}

/// Counts companies.
pub async fn count_sorted(tx: &mut Tx, tree: &Path, filter: &SortedFilter) -> Result<i64> {
    let query = sql("select count(*) from company c where c.removed_at is null");
    let (count,): (i64,) = wanted(query, tree, filter, Way::Gathered).one(tx).await?;
    Ok(count)
}

fn wanted(query: Query, tree: &Path, filter: &SortedFilter, way: Way) -> Query {
    let mut query = way.within(query, tree);
    if !filter.ids.is_empty() {
        query = query.push(" and c.id in ").push_list(&filter.ids);
    }
    if let Some(id) = filter.parent_id {
        query = query.push(" and c.parent_id = ").push_value(id);
    }
    if filter.text.is_empty() {
        return query;
    }
    let pattern = format!("%{}%", escape_like(&searchable(&filter.text)));
    query.push(" and c.name_search like ").push_value(pattern).push(" escape '\\'")
}

fn ordered(mut query: Query, filter: &SortedFilter) -> Query {
    query = query.push(" order by ");
    for (key, descends) in &filter.order {
        query = query.push(key.column()).push(if *descends { " desc, " } else { ", " });
    }
    query.push("c.id")
}
