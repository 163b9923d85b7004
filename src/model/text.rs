//! Texts typed into forms: trimmed, limited in length, without characters that hide or reverse others.

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextError {
    Missing,
    TooLong {
        maximum: usize,
    },
    /// A control character, or one that reverses the direction of what follows.
    Hidden,
}

/// Whether a character controls or overrides how others are shown. The marks that languages need (LRM, RLM, ZWJ, ZWNJ)
/// do not.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a text contains a link, or what mail programs take for one.
#[must_use]
pub fn has_link(text: &str) -> bool {
    let text = text.to_lowercase();
    let is_domain = |word: &str| {
        let host = word.trim_matches(|c: char| !c.is_alphanumeric());
        host.rsplit_once('.')
            .is_some_and(|(name, end)| !name.is_empty() && end.len() >= 2 && end.chars().all(char::is_alphabetic))
    };
    let has_path = text.split_whitespace().filter(|word| word.contains('/'));
    ["http", "www.", "://"].iter().any(|sign| text.contains(sign))
        || has_path.flat_map(|word| word.split('/')).any(is_domain)
}

/// A single line of text, which may be empty.
///
/// # Errors
/// Past `maximum` characters.
pub fn line(text: &str, maximum: usize) -> Result<String, TextError> {
    bounded(text.trim(), maximum)
}

/// A text of several lines, which may be empty. Browsers send two characters per line end; one is kept.
///
/// # Errors
/// Past `maximum` characters.
pub fn lines(text: &str, maximum: usize) -> Result<String, TextError> {
    let lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
    if lines.iter().any(|line| line.chars().any(is_hidden)) {
        return Err(TextError::Hidden);
    }
    let text = lines.join("\n");
    if text.chars().count() > maximum { Err(TextError::TooLong { maximum }) } else { Ok(text) }
}

/// Requires a text with something visible in it.
///
/// # Errors
/// [`TextError::Missing`], or why the text was already refused.
pub fn required(text: Result<String, TextError>) -> Result<String, TextError> {
    text.and_then(|text| if text.chars().all(is_blank) { Err(TextError::Missing) } else { Ok(text) })
}

/// Spaces, and marks that show nothing by themselves: those that join, separate and turn letters.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn bounded(text: &str, maximum: usize) -> Result<String, TextError> {
    if text.chars().any(is_hidden) {
        return Err(TextError::Hidden);
    }
    if text.chars().count() > maximum {
        return Err(TextError::TooLong { maximum });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_trimmed_and_bounded() {
        assert_eq!(line(" ab\n ", 2), Ok("ab".into()));
        for hidden in ["a\u{7}b", "a\nb", "a\u{202e}b", "a\u{2066}b"] {
            assert_eq!(line(hidden, 9), Err(TextError::Hidden));
        }
        assert_eq!(lines("a\tb", 9), Err(TextError::Hidden));
        for kept in ["a\u{200e}b", "a\u{200f}b", "a\u{200d}b", "a\u{200c}b"] {
            assert_eq!(line(kept, 9), Ok(kept.into()));
        }
        assert_eq!(lines("\r\n a \r\n\r\nb\r\n", 9), Ok("a\n\nb".into()));
        assert_eq!(line("abc", 2), Err(TextError::TooLong { maximum: 2 }));
        assert_eq!(required(line(" ", 2)), Err(TextError::Missing));
        assert_eq!(required(line("\u{200b} \u{200e}", 9)), Err(TextError::Missing));
        assert_eq!(line(" ", 2), Ok(String::new()));
    }

    #[test]
    fn links_in_names_are_detected() {
        for link in
            ["http://x", "Https:evil", "see www.evil", "ftp://x", "win at evil.com/now", "/evil.example", "a/b.org"]
        {
            assert!(has_link(link), "{link}");
        }
        for name in ["Acme A/S", "Acme 24/7", "Müller & Co. KG", "Node.js Ltd.", "St. Mary"] {
            assert!(!has_link(name), "{name}");
        }
    }
}
