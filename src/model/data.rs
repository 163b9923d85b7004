//! Data that companies buy for credits. It is kept in MiB, and programs hear of it in bytes.

pub const MEBIBYTE: i64 = 1 << 20;

/// The most that a company has, in MiB: as many bytes as a number holds.
pub const MEBIBYTES_MAX: i64 = i64::MAX / MEBIBYTE;

/// The data that some credits buy, in MiB; `None` if no company can have so much.
#[must_use]
pub fn bought(credits: i64, mebibytes_per_credit: i64) -> Option<i64> {
    credits.checked_mul(mebibytes_per_credit).filter(|mebibytes| *mebibytes <= MEBIBYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bought_fits_into_bytes() {
        assert_eq!(bought(3, 2_048), Some(6_144));
        assert_eq!(bought(i64::MAX, 2_048), None);
        assert_eq!(bought(MEBIBYTES_MAX, 1), Some(MEBIBYTES_MAX));
        assert_eq!(bought(MEBIBYTES_MAX + 1, 1), None);
        assert!(MEBIBYTES_MAX.checked_mul(MEBIBYTE).is_some());
    }
}
