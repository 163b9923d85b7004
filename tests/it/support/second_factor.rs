//! Sets up an authenticator app as its owner does.

use scrip::model::second_factor::TotpSecret;

use super::{Browser, Page, TestApp};

/// The secret that a set-up page shows.
pub fn secret_on(page: &Page) -> TotpSecret {
    let text = page.body.split("id=\"secret-text\">").nth(1).unwrap().split('<').next().unwrap();
    let text = text.replace(' ', "");
    TotpSecret::new(totp_rs::Secret::try_from_base32(&text).unwrap().as_bytes().to_vec())
}

/// The recovery codes that a page shows.
pub fn codes_on(page: &Page) -> Vec<String> {
    let items = page.body.split("<li class=\"code\">").skip(1);
    items.map(|item| item.split('<').next().unwrap().to_owned()).collect()
}

/// Sets up an app; returns its secret and the recovery codes. Advances the clock so that the next code is unused.
pub async fn set_up(test: &TestApp, browser: &mut Browser, password: &str) -> (TotpSecret, Vec<String>) {
    let page = browser.get("/account/second-factor/app").await;
    let secret = secret_on(page.is(200));
    let (form, sealed, code) = (page.field("form"), page.field("secret"), secret.code_at(test.app.clock.now()));
    let fields = [("form", &*form), ("secret", &*sealed), ("code", &*code), ("password", password)];
    let page = browser.post("/account/second-factor/app", &fields).await;
    let codes = codes_on(page.is(200).has("Two-factor authentication is on"));
    assert_eq!(codes.len(), 10);
    test.app.clock.advance_seconds(30);
    (secret, codes)
}
