//! Texts that people type into forms: trimmed, without control characters, of a limited length.

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextError {
    Missing,
    TooLong { maximum: usize },
}

/// A text of one line, which may be empty.
///
/// # Errors
/// Past `maximum` characters.
pub fn line(text: &str, maximum: usize) -> Result<String, TextError> {
    bounded(text.chars().filter(|c| !c.is_control()).collect(), maximum)
}

/// A text of several lines, which may be empty. Browsers end lines with two characters: one is kept.
///
/// # Errors
/// Past `maximum` characters.
pub fn lines(text: &str, maximum: usize) -> Result<String, TextError> {
    let kept: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    let lines: Vec<&str> = kept.trim().split('\n').map(str::trim_end).collect();
    bounded(lines.join("\n"), maximum)
}

/// A text in which something is to be read.
///
/// # Errors
/// [`TextError::Missing`], or what the text was refused for.
pub fn required(text: Result<String, TextError>) -> Result<String, TextError> {
    text.and_then(|text| if text.chars().all(is_blank) { Err(TextError::Missing) } else { Ok(text) })
}

/// Spaces, and marks that show nothing by themselves: those that join, part and turn letters.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn bounded(text: String, maximum: usize) -> Result<String, TextError> {
    let text = text.trim();
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
        assert_eq!(line(" a\u{7}b\n ", 2), Ok("ab".into()));
        assert_eq!(lines("\r\n a \r\n\r\nb\r\n", 9), Ok("a\n\nb".into()));
        assert_eq!(line("abc", 2), Err(TextError::TooLong { maximum: 2 }));
        assert_eq!(required(line(" ", 2)), Err(TextError::Missing));
        assert_eq!(required(line("\u{200b} \u{202e}", 9)), Err(TextError::Missing));
        assert_eq!(line(" ", 2), Ok(String::new()));
    }
}
