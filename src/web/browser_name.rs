//! A short name for the browser in a User-Agent header, which its owner recognises.

use woothee::parser::Parser;
use woothee::woothee::VALUE_UNKNOWN;

/// "Chrome on Linux". Unknown parts are not guessed; the header has more.
#[must_use]
pub fn browser_name(user_agent: &str) -> String {
    let Some(found) = Parser::new().parse(user_agent) else { return "Unknown browser".into() };
    let browser = Some(found.name).filter(|name| *name != VALUE_UNKNOWN).unwrap_or("Unknown browser");
    match system_name(found.os) {
        VALUE_UNKNOWN => browser.into(),
        system => format!("{browser} on {system}"),
    }
}

/// Browsers have frozen the version that they report (Windows 11 reports 10), so it is left out.
fn system_name(os: &str) -> &str {
    match os {
        "Mac OSX" => "macOS",
        _ if os.starts_with("Windows ") => "Windows",
        _ => os,
    }
}

#[cfg(test)]
mod tests {
    use super::browser_name;

    #[test]
    fn common_browsers_are_named() {
        let mozilla = |rest: &str| browser_name(&format!("Mozilla/5.0 ({rest}"));
        let chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0";
        assert_eq!(mozilla(&format!("X11; Linux x86_64) {chrome} Safari/537.36")), "Chrome on Linux");
        assert_eq!(mozilla(&format!("Linux; Android 10; K) {chrome} Mobile Safari/537.36")), "Chrome on Android");
        assert_eq!(
            mozilla(&format!("Windows NT 10.0; Win64; x64) {chrome} Safari/537.36 Edg/143.0.0.0")),
            "Edge on Windows"
        );
        assert_eq!(
            mozilla("Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0"),
            "Firefox on macOS"
        );
        let iphone = "iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
        assert_eq!(mozilla(&format!("{iphone} Version/26.0 Mobile/15E148 Safari/604.1")), "Safari on iPhone");
    }

    #[test]
    fn other_clients_are_not_called_browsers() {
        for odd in ["", "-", "something", "Mozilla/5.0", "\u{fffd}(((;;;"] {
            assert_eq!(browser_name(odd), "Unknown browser", "{odd:?}");
        }
    }
}
