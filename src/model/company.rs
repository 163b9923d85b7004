//! A company's place in the tree, and the rules for its name.

use std::fmt;

use super::text;

/// A company in a selection list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanyName {
    pub id: i64,
    pub name: String,
    pub parent_name: Option<String>,
}

/// A company's place in the tree: the ids from the root down to it, each in eleven characters of a sorted alphabet. A
/// subtree is then one range of texts, found by an index rather than by walking.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(String);

const WIDTH: usize = 11;
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";

/// The deepest level that a company may have; the root is at level 0.
pub const DEPTH_MAX: usize = 100;

impl Path {
    /// The path of a company below `parent`, or of the root.
    #[must_use]
    pub fn of(parent: Option<&Path>, id: i64) -> Path {
        let mut text = parent.map_or(String::new(), |p| p.0.clone());
        for position in (0..WIDTH).rev() {
            text.push(DIGITS[((id >> (5 * position)) & 31) as usize] as char);
        }
        Path(text)
    }

    #[must_use]
    pub fn from_stored(text: String) -> Path {
        Path(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The end of the subtree's range: paths from this one up to, but not including, that text.
    #[must_use]
    pub fn end(&self) -> String {
        format!("{}~", self.0)
    }

    /// Whether `other` is this company or below it.
    #[must_use]
    pub fn contains(&self, other: &Path) -> bool {
        other.0.starts_with(&self.0)
    }

    /// How many companies are above this one.
    #[must_use]
    pub fn level(&self) -> usize {
        self.0.len() / WIDTH - 1
    }

    /// The ids of the companies from the root down to this one.
    #[must_use]
    pub fn ids(&self) -> Vec<i64> {
        self.0.as_bytes().chunks(WIDTH).map(|chunk| chunk.iter().fold(0, |id, c| id << 5 | value(*c))).collect()
    }

    /// The id of the root company.
    #[must_use]
    pub fn root(&self) -> Option<i64> {
        self.ids().first().copied()
    }
}

fn value(c: u8) -> i64 {
    DIGITS.iter().position(|d| *d == c).unwrap_or(0) as i64
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.ids())
    }
}

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    Missing,
    TooShort,
    TooLong,
    /// Control characters, or ones that reverse the direction of others.
    Hidden,
    /// It looks like a link, and names appear in mails.
    Link,
}

pub const NAME_LENGTH_MIN: usize = 3;
pub const NAME_LENGTH_MAX: usize = 200;

/// A company's name: trimmed, 3 to 200 characters, and no link.
pub fn name(given: &str) -> Result<String, NameError> {
    let name = given.trim();
    if name.chars().any(text::is_hidden) {
        return Err(NameError::Hidden);
    }
    if text::has_link(name) {
        return Err(NameError::Link);
    }
    match name.chars().count() {
        0 => Err(NameError::Missing),
        n if n < NAME_LENGTH_MIN => Err(NameError::TooShort),
        n if n > NAME_LENGTH_MAX => Err(NameError::TooLong),
        _ => Ok(name.to_owned()),
    }
}

/// A text in the form used for searching: lower case, so that both databases find the same.
#[must_use]
pub fn searchable(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_path_knows_its_ids_and_its_subtree(ids in prop::collection::vec(1i64..(1 << 53), 1..20), other in 1i64..(1 << 53)) {
            let mut path: Option<Path> = None;
            for id in &ids {
                path = Some(Path::of(path.as_ref(), *id));
            }
            let path = path.unwrap();
            prop_assert_eq!(path.ids(), ids.clone());
            prop_assert_eq!(path.level(), ids.len() - 1);
            let child = Path::of(Some(&path), other);
            prop_assert!(path.contains(&child) && !child.contains(&path));
            prop_assert!(child.as_str() > path.as_str() && child.as_str() < path.end().as_str());
        }

        #[test]
        fn paths_of_one_level_sort_by_id(a in 1i64..(1 << 53), b in 1i64..(1 << 53)) {
            prop_assert_eq!(a.cmp(&b), Path::of(None, a).cmp(&Path::of(None, b)));
        }
    }

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(name("  Acme \n"), Ok("Acme".into()));
        assert_eq!(name("Acme \u{7}"), Err(NameError::Hidden));
        assert_eq!(name("See www.evil.example"), Err(NameError::Link));
        assert_eq!(name(" "), Err(NameError::Missing));
        assert_eq!(name("ab"), Err(NameError::TooShort));
        assert_eq!(name(&"x".repeat(201)), Err(NameError::TooLong));
    }
}
