//! Tags: labels that a company puts on its devices and on those of the companies below it.

use super::text::{self, TextError};

pub const NAME_LENGTH_MAX: usize = 100;
pub const DESCRIPTION_LENGTH_MAX: usize = 1_000;
/// How many tags a company has.
pub const OF_COMPANY_MAX: i64 = 1_000;
/// How many tags one request puts on a device.
pub const OF_DEVICE_MAX: usize = 100;

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    Text(TextError),
    /// Names are listed with commas or semicolons between.
    Separator,
}

/// A tag's name: one line with something visible in it.
pub fn name(given: &str) -> Result<String, NameError> {
    let name = text::required(text::line(given, NAME_LENGTH_MAX)).map_err(NameError::Text)?;
    if name.contains([',', ';']) { Err(NameError::Separator) } else { Ok(name) }
}

/// A colour as the web writes it: "#0a7f3f", "#fff" or a word such as "green"; empty for none.
#[must_use]
pub fn color(given: &str) -> Option<String> {
    let given = given.trim();
    let is_hex = |digits: &str| matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let is_word = |word: &str| word.len() <= 30 && word.bytes().all(|b| b.is_ascii_alphabetic());
    let is_color = given.strip_prefix('#').map_or_else(|| is_word(given), is_hex);
    is_color.then(|| given.to_ascii_lowercase())
}

/// The names in a list, each once: "Roof, North; South".
#[must_use]
pub fn names(list: &str) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for name in list.split([',', ';']).map(str::trim).filter(|name| !name.is_empty()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line_without_separators() {
        assert_eq!(name(" Roof "), Ok("Roof".into()));
        assert_eq!(name(" "), Err(NameError::Text(TextError::Missing)));
        assert_eq!(name("a,b"), Err(NameError::Separator));
        assert_eq!(name(&"x".repeat(101)), Err(NameError::Text(TextError::TooLong { maximum: 100 })));
        assert_eq!(names(" Roof,North ;; Roof,"), ["Roof", "North"]);
    }

    #[test]
    fn colours_are_hexadecimal_or_words() {
        for (given, kept) in [("", ""), ("#0A7F3F", "#0a7f3f"), ("#fff", "#fff"), (" Green ", "green")] {
            assert_eq!(color(given).as_deref(), Some(kept));
        }
        for given in ["#ff", "#ggg", "url(x)", "red;", "0a7f3f"] {
            assert_eq!(color(given), None, "{given}");
        }
    }
}
