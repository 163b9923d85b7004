//! Companies by name.

use super::Way;
use crate::model::company::{CompanyName, Path, searchable};
use crate::store::db::{Query, Result, Tx, sql};

/// Escapes a text for `like … escape '\'` so that it matches literally.
#[must_use]
pub fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

macro_rules! search_sql {
    ($path:literal, $key:literal) => {
        concat!(
            "select c.id, c.name, p.name as parent_name from company c left join company p on p.id = c.parent_id
             where c.removed_at is null and ",
            $path,
            " >= $1 and ",
            $path,
            " < $2
             and ($3 = '' or c.name_search like $4 escape '\\' or cast(c.id as text) = $3)
             order by ",
            $key,
            ", c.id limit $5"
        )
    };
}

/// Companies of a tree whose name contains the text or whose id it is, by name.
pub async fn search(tx: &mut Tx, tree: &Path, text: &str, limit: i64) -> Result<Vec<CompanyName>> {
    let way = Way::through(tx, tree).await?;
    names(search_query(tree, text, limit, way), tx).await
}

async fn names(query: Query, tx: &mut Tx) -> Result<Vec<CompanyName>> {
    let found: Vec<(i64, String, Option<String>)> = query.all(tx).await?;
    Ok(found.into_iter().map(|(id, name, parent_name)| CompanyName { id, name, parent_name }).collect())
}

/// The query behind [`search`].
#[must_use]
pub fn search_query(tree: &Path, text: &str, limit: i64, way: Way) -> Query {
    let wanted = searchable(text);
    sql(match way {
        Way::Gathered => search_sql!("c.path", "(c.name_search || '')"),
        Way::Walked => search_sql!("(c.path || '')", "c.name_search"),
    })
    .bind_tree(tree)
    .bind(&wanted)
    .bind(format!("%{}%", escape_like(&wanted)))
    .bind(limit)
}

/// Companies of a tree with exactly this name, ignoring case.
pub async fn named(tx: &mut Tx, tree: &Path, name: &str, limit: i64) -> Result<Vec<CompanyName>> {
    let query =
        sql("select c.id, c.name, p.name as parent_name from company c left join company p on p.id = c.parent_id
         where c.removed_at is null and c.name_search = $1 and c.path >= $2 and c.path < $3 order by c.id limit $4")
        .bind(searchable(name))
        .bind_tree(tree)
        .bind(limit);
    names(query, tx).await
}
