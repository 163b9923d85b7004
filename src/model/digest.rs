//! Digests of rows, and links between them. A digest names the rows that it covers and holds their keyed hash. A link
//! hashes the digests after those of the previous link, together with that link's own hash. So a single link's hash,
//! kept on paper, reveals whether anything before it was rewritten.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::time::Moment;

pub type Hash = [u8; 32];

/// More rows than any transaction writes.
const ENTRIES_MAX: i64 = 10_000_000;

/// The ids of the rows that a digest covers, as ascending ranges, written "7-9,12".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries(Vec<(i64, i64)>);

impl Entries {
    /// The ranges of ids, given in any order.
    #[must_use]
    pub fn of(ids: impl IntoIterator<Item = i64>) -> Entries {
        let mut ids: Vec<i64> = ids.into_iter().collect();
        ids.sort_unstable();
        let mut ranges: Vec<(i64, i64)> = Vec::new();
        for id in ids {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == id => *last = id,
                _ => ranges.push((id, id)),
            }
        }
        Entries(ranges)
    }

    /// Parses ranges; `None` if Scrip cannot have written them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Entries> {
        let mut ranges = Vec::new();
        let (mut before, mut count) = (0, 0_i64);
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (i64, i64) = (first.parse().ok()?, last.parse().ok()?);
            count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
            if first <= before || last < first || count > ENTRIES_MAX {
                return None;
            }
            ranges.push((first, last));
            before = last;
        }
        Some(Entries(ranges))
    }

    pub fn ranges(&self) -> impl Iterator<Item = std::ops::RangeInclusive<i64>> {
        self.0.iter().map(|(first, last)| *first..=*last)
    }

    pub fn ids(&self) -> impl Iterator<Item = i64> {
        self.ranges().flatten()
    }

    #[must_use]
    pub fn first(&self) -> i64 {
        self.0.first().map_or(0, |range| range.0)
    }

    #[must_use]
    pub fn last(&self) -> i64 {
        self.0.last().map_or(0, |range| range.1)
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().map(|(first, last)| (last - first + 1) as usize).sum()
    }
}

impl fmt::Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (first, last)) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
        }
        Ok(())
    }
}

/// The end of the chain at some moment, to be kept on paper as "17:9f86d0…".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub number: i64,
    pub hash: Hash,
}

impl Head {
    /// Before the first link.
    pub const NONE: Head = Head { number: 0, hash: [0; 32] };

    /// The next link: the digests up to `through`, each with its id, linked at `at`.
    #[must_use]
    pub fn next(&self, at: Moment, through: i64, digests: &[(i64, Hash)]) -> Head {
        let number = self.number + 1;
        let mut hash = Sha256::new();
        hash.update(b"scrip chain 1\n");
        hash.update(number.to_be_bytes());
        hash.update(self.hash);
        hash.update(at.0.to_be_bytes());
        hash.update(through.to_be_bytes());
        hash.update((digests.len() as u64).to_be_bytes());
        for (id, digest) in digests {
            hash.update(id.to_be_bytes());
            hash.update(digest);
        }
        Head { number, hash: hash.finalize().into() }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.number)?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is not a head.
#[derive(Debug, thiserror::Error)]
#[error("a head is the number of a link, a colon, and 64 hexadecimal digits, as `scrip verify --head` prints it")]
pub struct MalformedHead;

impl FromStr for Head {
    type Err = MalformedHead;

    fn from_str(text: &str) -> Result<Head, MalformedHead> {
        let (number, digits) = text.trim().split_once(':').ok_or(MalformedHead)?;
        let number: i64 = number.parse().map_err(|_| MalformedHead)?;
        if number < 1 || digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(MalformedHead);
        }
        let mut hash = [0; 32];
        for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| MalformedHead)?;
        }
        Ok(Head { number, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_round_trip_as_ranges() {
        let entries = Entries::of([9, 7, 8, 12]);
        assert_eq!((entries.to_string().as_str(), entries.count()), ("7-9,12", 4));
        assert_eq!((entries.first(), entries.last()), (7, 12));
        assert_eq!(Entries::parse("7-9,12"), Some(entries.clone()));
        assert_eq!(entries.ids().collect::<Vec<_>>(), [7, 8, 9, 12]);
        for wrong in ["", "7-", "9-7", "7-9,9", "12,7", "0", "x", "1-9007199254740991", "1-9223372036854775807"] {
            assert_eq!(Entries::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_head_round_trips_and_depends_on_everything_it_links() {
        let digests = [(3, [1; 32]), (5, [2; 32])];
        let first = Head::NONE.next(Moment(7), 5, &digests);
        let head = first.next(Moment(9), 8, &[(8, [3; 32])]);
        assert_eq!(head.to_string().parse::<Head>().unwrap(), head);
        assert_eq!(head.number, 2);
        let other = Head::NONE.next(Moment(7), 5, &[(3, [1; 32]), (4, [2; 32])]);
        assert_ne!(other.next(Moment(9), 8, &[(8, [3; 32])]), head);
        for wrong in ["", "1", "1:abc", "0:", &format!("x:{}", "0".repeat(64)), &format!("1:{}", "ä".repeat(32))] {
            assert!(wrong.parse::<Head>().is_err(), "{wrong}");
        }
    }
}
