//! The format of a code: `XXXX-XXXX-XXXX-XXXX-XXXX` in Crockford base 32, 19 random characters (95 bits) and a check
//! character.
//!
//! The check character makes a weighted sum over GF(32) zero. The weights are successive powers of a primitive element,
//! so all differ and none is zero: every single wrong character and every swap of two neighbours is caught, and the
//! check character uses the same alphabet.

use std::fmt;
use zeroize::Zeroize;

const LENGTH: usize = 20;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A complete, checked code. It is a secret: it prints as its last four characters only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Code([u8; LENGTH]);

/// Why a text is not a code, found without a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeError {
    Missing,
    /// Not 20 characters, or a character that no code has.
    Malformed,
    /// The check character disagrees: something is mistyped.
    Mistyped,
}

impl Code {
    /// A new code from the operating system's random bytes; 5 bits of each byte are used.
    #[must_use]
    pub fn from_random(bytes: [u8; LENGTH - 1]) -> Code {
        let mut digits = [0; LENGTH];
        for (digit, byte) in digits.iter_mut().zip(bytes) {
            *digit = byte & 31;
        }
        digits[LENGTH - 1] = weighted_sum(&digits);
        Code(digits)
    }

    /// Parses what a person typed: case, spaces and dashes do not matter, O is 0, I and L are 1.
    pub fn parse(text: &str) -> Result<Code, CodeError> {
        let mut digits = [0; LENGTH];
        let mut length = 0;
        for c in text.chars().filter(|c| !is_separator(*c)) {
            let digit = digit_of(c).ok_or(CodeError::Malformed)?;
            *digits.get_mut(length).ok_or(CodeError::Malformed)? = digit;
            length += 1;
        }
        match length {
            0 => Err(CodeError::Missing),
            LENGTH if weighted_sum(&digits) == 0 => Ok(Code(digits)),
            LENGTH => Err(CodeError::Mistyped),
            _ => Err(CodeError::Malformed),
        }
    }

    /// The 20 digits, each 0 to 31, for hashing and sealing.
    #[must_use]
    pub fn digits(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// Restores a code from [`Code::digits`].
    #[must_use]
    pub fn from_digits(digits: &[u8]) -> Option<Code> {
        let digits: [u8; LENGTH] = digits.try_into().ok()?;
        (digits.iter().all(|d| *d < 32) && weighted_sum(&digits) == 0).then_some(Code(digits))
    }

    /// The last four characters: lists can be searched by them, and readers may see them.
    #[must_use]
    pub fn suffix(&self) -> String {
        self.0[LENGTH - 4..].iter().map(|d| letter(*d)).collect()
    }

    /// The code with all but its last four characters hidden.
    #[must_use]
    pub fn masked(&self) -> String {
        format!("••••-••••-••••-••••-{}", self.suffix())
    }

    /// The whole code as printed. Only for those who may see it.
    #[must_use]
    pub fn reveal(&self) -> String {
        let mut out = String::with_capacity(LENGTH + 4);
        for (i, digit) in self.0.iter().enumerate() {
            if i > 0 && i % 4 == 0 {
                out.push('-');
            }
            out.push(letter(*digit));
        }
        out
    }
}

/// Parses four characters as the end of a code, in the letters that codes use.
#[must_use]
pub fn parse_suffix(text: &str) -> Option<String> {
    let digits: Option<Vec<u8>> = text.chars().filter(|c| !is_separator(*c)).map(digit_of).collect();
    let digits = digits?;
    (digits.len() == 4).then(|| digits.into_iter().map(letter).collect())
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code(…{})", self.suffix())
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

pub(super) fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '_' | '‐' | '‑' | '–' | '—' | '\u{200b}' | '\u{feff}')
}

pub(super) fn letter(digit: u8) -> char {
    ALPHABET[digit as usize] as char
}

pub(super) fn digit_of(c: char) -> Option<u8> {
    let c = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().position(|a| *a as char == c).map(|p| p as u8)
}

/// The sum of `digit * a^(distance from the end)`; the check character has weight one.
fn weighted_sum(digits: &[u8; LENGTH]) -> u8 {
    digits.iter().fold(0, |sum, digit| times_a(sum) ^ digit)
}

/// Multiplies by the primitive element `a` of GF(32), with a^5 = a^2 + 1.
fn times_a(x: u8) -> u8 {
    let shifted = x << 1;
    if shifted & 32 == 0 { shifted } else { shifted ^ 0b10_0101 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_code() -> impl Strategy<Value = Code> {
        any::<[u8; LENGTH - 1]>().prop_map(Code::from_random)
    }

    proptest! {
        #[test]
        fn a_code_is_read_back_however_it_is_written(code in any_code()) {
            let text = code.reveal();
            prop_assert_eq!(Code::parse(&text).unwrap(), code.clone());
            let sloppy = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            prop_assert_eq!(Code::parse(&sloppy).unwrap(), code.clone());
            prop_assert_eq!(Code::from_digits(code.digits()), Some(code));
        }

        #[test]
        fn one_wrong_character_is_detected(code in any_code(), at in 0..LENGTH, change in 1u8..32) {
            let mut wrong = code.clone();
            wrong.0[at] ^= change;
            prop_assert_eq!(Code::parse(&wrong.reveal()), Err(CodeError::Mistyped));
        }

        #[test]
        fn swapped_neighbours_are_detected(code in any_code(), at in 0..LENGTH - 1) {
            let mut wrong = code.clone();
            wrong.0.swap(at, at + 1);
            prop_assume!(wrong != code);
            prop_assert_eq!(Code::parse(&wrong.reveal()), Err(CodeError::Mistyped));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            let _ = Code::parse(&text);
        }
    }

    #[test]
    fn what_is_not_a_code_is_refused() {
        assert_eq!(Code::parse("  - "), Err(CodeError::Missing));
        assert_eq!(Code::parse("ABC"), Err(CodeError::Malformed));
        assert_eq!(Code::parse(&"U".repeat(20)), Err(CodeError::Malformed));
        assert_eq!(Code::parse(&"0".repeat(21)), Err(CodeError::Malformed));
    }

    #[test]
    fn a_code_never_prints_itself() {
        let code = Code::from_random([7; LENGTH - 1]);
        assert_eq!(format!("{code:?}"), format!("Code(…{})", code.suffix()));
        assert!(code.masked().ends_with(&code.suffix()));
    }
}
