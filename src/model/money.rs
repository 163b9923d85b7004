//! Money: whole minor units (cents) with a currency, and VAT. No floats anywhere.
//!
//! VAT is rounded per line, half away from zero, so that an invoice's lines add up to its total and a credit note for a
//! line cancels exactly what the invoice charged.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::amount::grouped;

/// The largest price, line or order, in minor units. Sums of many stay below 2^53.
pub const MONEY_MAX: i64 = 1_000_000_000_000;

/// ISO 4217 codes with the number of digits after the decimal point.
const CURRENCIES: [(&str, u32); 22] = [
    ("AUD", 2),
    ("BGN", 2),
    ("BRL", 2),
    ("CAD", 2),
    ("CHF", 2),
    ("CNY", 2),
    ("CZK", 2),
    ("DKK", 2),
    ("EUR", 2),
    ("GBP", 2),
    ("HUF", 2),
    ("INR", 2),
    ("JPY", 0),
    ("KWD", 3),
    ("MXN", 2),
    ("NOK", 2),
    ("NZD", 2),
    ("PLN", 2),
    ("RON", 2),
    ("SEK", 2),
    ("USD", 2),
    ("ZAR", 2),
];

/// A currency that prices can be in; stored as its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(u8);

impl Currency {
    /// All of them, by code.
    pub fn all() -> impl Iterator<Item = Currency> {
        (0..CURRENCIES.len()).map(|i| Currency(i as u8))
    }

    /// The currency of a code such as "EUR".
    #[must_use]
    pub fn from_code(code: &str) -> Option<Currency> {
        Currency::all().find(|c| c.code() == code)
    }

    /// The three letters of ISO 4217.
    #[must_use]
    pub fn code(self) -> &'static str {
        CURRENCIES[usize::from(self.0)].0
    }

    /// The number of digits after the decimal point.
    #[must_use]
    pub fn digits(self) -> u32 {
        CURRENCIES[usize::from(self.0)].1
    }
}

impl TryFrom<String> for Currency {
    type Error = String;

    fn try_from(code: String) -> Result<Currency, String> {
        Currency::from_code(&code).ok_or(code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

/// An amount of money, in minor units of its currency. Negative on a credit note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

/// Why a text is not a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyError {
    Missing,
    NotMoney,
    /// More digits after the decimal point than the currency has.
    TooManyDigits {
        digits: u32,
    },
    OutOfRange,
}

impl Money {
    #[must_use]
    pub fn new(minor: i64, currency: Currency) -> Money {
        Money { minor, currency }
    }

    /// Parses a price as a person types it: "12", "12.5", "1,234.50".
    ///
    /// # Errors
    /// Zero is a price; a negative number is not.
    pub fn parse(text: &str, currency: Currency) -> Result<Money, MoneyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(MoneyError::Missing);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let whole = match super::amount::ungrouped(whole) {
            Some(whole) => whole,
            None if !whole.is_empty() && digits(whole) => whole.to_owned(),
            None => return Err(MoneyError::NotMoney),
        };
        if !digits(fraction) || (text.contains('.') && fraction.is_empty()) {
            return Err(MoneyError::NotMoney);
        }
        let width = currency.digits() as usize;
        if fraction.len() > width {
            return Err(MoneyError::TooManyDigits { digits: currency.digits() });
        }
        let minor = format!("{whole}{fraction:0<width$}").parse().map_err(|_| MoneyError::OutOfRange)?;
        if minor > MONEY_MAX { Err(MoneyError::OutOfRange) } else { Ok(Money { minor, currency }) }
    }

    /// The number without its currency: "1,234.50".
    #[must_use]
    pub fn number(self) -> String {
        self.digits(grouped)
    }

    /// The number without grouping, for form fields and CSV files: "1234.50".
    #[must_use]
    pub fn plain(self) -> String {
        self.digits(|n| n.to_string())
    }

    fn digits(self, whole: impl Fn(i64) -> String) -> String {
        let sign = if self.minor < 0 { "-" } else { "" };
        let unit = 10_u64.pow(self.currency.digits());
        let minor = self.minor.unsigned_abs();
        let whole = whole(i64::try_from(minor / unit).unwrap_or(i64::MAX));
        match self.currency.digits() as usize {
            0 => format!("{sign}{whole}"),
            width => format!("{sign}{whole}.{:0width$}", minor % unit),
        }
    }

    /// This amount `count` times; `None` past [`MONEY_MAX`].
    #[must_use]
    pub fn times(self, count: i64) -> Option<Money> {
        let minor = self.minor.checked_mul(count).filter(|m| m.abs() <= MONEY_MAX)?;
        Some(Money { minor, ..self })
    }

    /// The sum; `None` past [`MONEY_MAX`] or if the currencies differ.
    #[must_use]
    pub fn plus(self, other: Money) -> Option<Money> {
        let minor = self.minor.checked_add(other.minor).filter(|m| m.abs() <= MONEY_MAX)?;
        (self.currency == other.currency).then_some(Money { minor, ..self })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.currency.code())
    }
}

/// A VAT rate in hundredths of a percent: 2100 is 21 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct VatRate(i64);

impl TryFrom<i64> for VatRate {
    type Error = &'static str;

    fn try_from(hundredths: i64) -> Result<VatRate, &'static str> {
        VatRate::new(hundredths).ok_or("a rate is between 0 and 100 %")
    }
}

impl From<VatRate> for i64 {
    fn from(rate: VatRate) -> i64 {
        rate.0
    }
}

impl VatRate {
    pub const ZERO: VatRate = VatRate(0);

    /// `None` unless it is between 0 and 100 %.
    #[must_use]
    pub fn new(hundredths: i64) -> Option<VatRate> {
        (0..=10_000).contains(&hundredths).then_some(VatRate(hundredths))
    }

    /// Parses "21", "21.5" or "5.25", with or without "%".
    #[must_use]
    pub fn parse(text: &str) -> Option<VatRate> {
        let text = text.trim().trim_end_matches('%').trim_end();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
            return None;
        }
        VatRate::new(format!("{whole}{fraction:0<2}").parse().ok()?)
    }

    #[must_use]
    pub fn hundredths(self) -> i64 {
        self.0
    }

    /// The VAT on a net amount, rounded half away from zero.
    #[must_use]
    pub fn of(self, net: Money) -> Money {
        let product = i128::from(net.minor) * i128::from(self.0);
        let rounded = (product.abs() + 5_000) / 10_000 * product.signum();
        // At most the net amount itself, which is an i64.
        Money { minor: i64::try_from(rounded).unwrap_or(net.minor), ..net }
    }
}

impl fmt::Display for VatRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 100, self.0 % 100);
        match (fraction, fraction % 10) {
            (0, _) => write!(f, "{whole} %"),
            (_, 0) => write!(f, "{whole}.{} %", fraction / 10),
            _ => write!(f, "{whole}.{fraction:02} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn euro(minor: i64) -> Money {
        Money::new(minor, Currency::from_code("EUR").unwrap())
    }

    #[test]
    fn prices_are_read_as_people_type_them() {
        let eur = Currency::from_code("EUR").unwrap();
        for (text, want) in [
            ("12", Ok(1_200)),
            ("12.5", Ok(1_250)),
            ("0", Ok(0)),
            ("1,234.50", Ok(123_450)),
            ("1234.50", Ok(123_450)),
            ("10000000000", Ok(MONEY_MAX)),
            ("", Err(MoneyError::Missing)),
            ("12.", Err(MoneyError::NotMoney)),
            (".5", Err(MoneyError::NotMoney)),
            ("1,5", Err(MoneyError::NotMoney)),
            ("-1", Err(MoneyError::NotMoney)),
            ("1e3", Err(MoneyError::NotMoney)),
            ("1.2.3", Err(MoneyError::NotMoney)),
            ("1.234", Err(MoneyError::TooManyDigits { digits: 2 })),
            ("10000000000.01", Err(MoneyError::OutOfRange)),
            ("99999999999999999999", Err(MoneyError::OutOfRange)),
        ] {
            assert_eq!(Money::parse(text, eur).map(|m| m.minor), want, "{text:?}");
        }
        let yen = Currency::from_code("JPY").unwrap();
        assert_eq!(Money::parse("1.5", yen), Err(MoneyError::TooManyDigits { digits: 0 }));
        assert_eq!(Money::parse("1500", yen).unwrap().to_string(), "1,500 JPY");
    }

    #[test]
    fn money_is_shown_with_its_digits_and_its_currency() {
        assert_eq!(euro(123_450).to_string(), "1,234.50 EUR");
        assert_eq!(euro(-5).to_string(), "-0.05 EUR");
        assert_eq!(euro(123_450).plain(), "1234.50");
    }

    #[test]
    fn vat_is_rounded_half_away_from_zero() {
        let rate = VatRate::parse("21").unwrap();
        for (net, vat) in [(100, 21), (50, 11), (49, 10), (-50, -11), (0, 0), (MONEY_MAX, 210_000_000_000)] {
            assert_eq!(rate.of(euro(net)), euro(vat), "{net}");
        }
        assert_eq!(VatRate::parse("5.25 %").unwrap().to_string(), "5.25 %");
        assert_eq!(VatRate::parse("5.5").unwrap().to_string(), "5.5 %");
        assert_eq!(VatRate::parse("101"), None);
        assert_eq!(VatRate::parse("x"), None);
    }

    #[test]
    fn sums_have_one_currency_and_a_limit() {
        let yen = Money::new(1, Currency::from_code("JPY").unwrap());
        assert_eq!(euro(1).plus(yen), None);
        assert_eq!(euro(MONEY_MAX).plus(euro(1)), None);
        assert_eq!(euro(3).times(i64::MAX), None);
    }
}
