//! Amounts: whole numbers of units, 1 to 1,000,000,000. Forms and JSON share one reader.

/// Most units that one operation may carry.
pub const AMOUNT_MAX: i64 = 1_000_000_000;

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmountError {
    Missing,
    NotWhole,
    OutOfRange,
}

/// Parses an amount as a person types it: digits, with spaces or commas between groups of three.
///
/// # Errors
/// Anything but a whole number from 1 to [`AMOUNT_MAX`]: signs, fractions, exponents, words.
pub fn parse(text: &str) -> Result<i64, AmountError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(AmountError::Missing);
    }
    let plain = if text.bytes().all(|b| b.is_ascii_digit()) {
        text.to_owned()
    } else {
        ungrouped(text).ok_or(AmountError::NotWhole)?
    };
    check(plain.parse().map_err(|_| AmountError::OutOfRange)?)
}

/// Checks a number that is already an integer.
///
/// # Errors
/// [`AmountError::OutOfRange`] outside 1 to [`AMOUNT_MAX`].
pub fn check(amount: i64) -> Result<i64, AmountError> {
    if (1..=AMOUNT_MAX).contains(&amount) { Ok(amount) } else { Err(AmountError::OutOfRange) }
}

/// "12,000" or "12 000" without its separators; `None` if the groups are not of three digits, so that "1,5" is never
/// read as 15.
pub(super) fn ungrouped(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split([',', ' ', '\u{a0}', '\u{202f}']).collect();
    let (first, rest) = groups.split_first()?;
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let well_formed = (1..=3).contains(&first.len()) && digits(first) && rest.iter().all(|g| g.len() == 3 && digits(g));
    well_formed.then(|| groups.concat())
}

/// Groups the digits of a number by thousands: 1234567 becomes "1,234,567".
#[must_use]
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_in_range_are_amounts() {
        for (text, want) in [
            ("1", Ok(1)),
            (" 12 ", Ok(12)),
            ("12,000", Ok(12_000)),
            ("1 000 000", Ok(1_000_000)),
            ("1000000000", Ok(AMOUNT_MAX)),
            ("", Err(AmountError::Missing)),
            ("0", Err(AmountError::OutOfRange)),
            ("1000000001", Err(AmountError::OutOfRange)),
            ("99999999999999999999", Err(AmountError::OutOfRange)),
            ("-1", Err(AmountError::NotWhole)),
            ("+1", Err(AmountError::NotWhole)),
            ("1.5", Err(AmountError::NotWhole)),
            ("1,5", Err(AmountError::NotWhole)),
            ("1e3", Err(AmountError::NotWhole)),
            ("٣", Err(AmountError::NotWhole)),
            ("ten", Err(AmountError::NotWhole)),
        ] {
            assert_eq!(parse(text), want, "{text:?}");
        }
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(-1_234_567), "-1,234,567");
        assert_eq!(grouped(i64::MIN), "-9,223,372,036,854,775,808");
    }
}
