//! Lists in pages. A page reads one row more than it shows, to see whether others follow.

/// Rows on a page of a list.
pub const PAGE_SIZE: i64 = 50;

/// Cuts rows to a page; returns its last row if others follow.
pub fn cut<T>(rows: &mut Vec<T>) -> Option<&T> {
    let has_next = rows.len() as i64 > PAGE_SIZE;
    rows.truncate(PAGE_SIZE as usize);
    rows.last().filter(|_| has_next)
}
