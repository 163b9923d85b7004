//! What identifies a device's hardware besides its serial number: MAC address, IMEI, series.

/// The series that RMS names. A device of another maker has none.
pub const SERIES: [&str; 6] = ["rut", "trb", "tcr", "tap", "otd", "swm"];

/// Twelve digits and as many separators as anybody writes.
const WRITTEN_LENGTH_MAX: usize = 23;

/// The twelve digits of a MAC address in lower case, for comparing, however it is written: with colons, hyphens, dots
/// or nothing between. `None` if it is none.
#[must_use]
pub fn mac_digits(text: &str) -> Option<String> {
    if text.len() > WRITTEN_LENGTH_MAX {
        return None;
    }
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.' | ' ')).collect();
    let is_mac = digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_mac.then(|| digits.to_ascii_lowercase())
}

/// Whether a text is an IMEI, with or without its check digit or its software version: 14 to 16 digits.
#[must_use]
pub fn is_imei(text: &str) -> bool {
    (14..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// A series, in lower case.
#[must_use]
pub fn series(text: &str) -> Option<&'static str> {
    let wanted = text.to_lowercase();
    SERIES.into_iter().find(|series| *series == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_is_the_same_however_it_is_written() {
        for text in ["00:1E:42:0a:bc:ff", "00-1e-42-0a-bc-ff", "001E420ABCFF", "001e.420a.bcff"] {
            assert_eq!(mac_digits(text).as_deref(), Some("001e420abcff"), "{text}");
        }
        for text in ["", "00:1E:42:0a:bc", "00:1E:42:0a:bc:fg", "001E420ABCFFF", "é01E420ABCF"] {
            assert_eq!(mac_digits(text), None, "{text}");
        }
    }

    #[test]
    fn an_imei_has_14_to_16_digits() {
        assert!(is_imei("35278009876543") && is_imei("352780098765439") && is_imei("3527800987654390"));
        assert!(
            !is_imei("") && !is_imei("3527800987654") && !is_imei("35278009876543a") && !is_imei("35278009876543901")
        );
    }

    #[test]
    fn series_are_known_in_any_case() {
        assert_eq!((series("RUT"), series("swm"), series("x")), (Some("rut"), Some("swm"), None));
    }
}
