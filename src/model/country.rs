//! ISO 3166 countries: stored as two letters, shown by name.

/// The code of a country, from letters in either case.
#[must_use]
pub fn code(text: &str) -> Option<&'static str> {
    rust_iso3166::from_alpha2(&text.trim().to_ascii_uppercase()).map(|country| country.alpha2)
}

/// The name of a country; unknown letters are returned unchanged.
#[must_use]
pub fn name(code: &str) -> &str {
    rust_iso3166::from_alpha2(code).map_or(code, |country| country.name)
}

/// Code and name of each country, by name.
#[must_use]
pub fn all() -> Vec<(&'static str, &'static str)> {
    let mut all: Vec<_> = rust_iso3166::ALL.iter().map(|country| (country.alpha2, country.name)).collect();
    // People look for Åland among the A's.
    all.sort_unstable_by_key(|(_, name)| name.replace('Å', "A").replace('Ô', "O"));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_found_by_their_codes() {
        assert_eq!(code(" lt "), Some("LT"));
        assert_eq!(name("LT"), "Lithuania");
        assert_eq!((code(""), code("XX"), code("LTU")), (None, None, None));
        assert!(all().len() > 240 && all()[0].1 == "Afghanistan");
    }
}
