//! How far a list reaches. Of a few companies their own indexes are merged; a large tree is walked by
//! id, with a test of membership.

use super::db::{Result, Tx};
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
}
