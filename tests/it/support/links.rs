//! Finds links in mails and on pages, and follows them as their recipients do.

use super::{Browser, Page};

/// The first link in a text, if any.
pub fn maybe_link_in(text: &str) -> Option<String> {
    let rest = &text[text.find("http://127.0.0.1:8080/link/")?..];
    Some(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || ":/.-".contains(*c)).collect())
}

/// The only link in a text.
pub fn link_in(text: &str) -> String {
    maybe_link_in(text).unwrap_or_else(|| panic!("no link in {text}"))
}

/// Opens a link; returns the page that it leads to.
pub async fn open(browser: &mut Browser, link: &str) -> Page {
    let path = link.strip_prefix("http://127.0.0.1:8080").unwrap();
    let answer = browser.get(path).await;
    assert_eq!(answer.is(303).location(), "/link");
    browser.get("/link").await
}

/// Sets a password on the page that a link opened.
pub async fn set_password(browser: &mut Browser, password: &str) -> Page {
    browser.post("/link", &[("new_password", password), ("new_password_again", password)]).await
}
