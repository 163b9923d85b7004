use super::*;

#[test]
fn redirect_urls_are_https_or_on_the_own_machine() {
    for good in [
        "https://app.example/back",
        "https://app.example:8443/back?tenant=7",
        "http://127.0.0.1/",
        "http://localhost:8090/callback",
        "http://[::1]:9/x",
    ] {
        assert!(RedirectUrls::read(good).is_ok(), "{good}");
    }
    for wrong in [
        "http://app.example/",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://localhost:80@evil.example/",
        "ftp://127.0.0.1/",
        "com.example:/back",
        "javascript:alert(1)",
        "https://user@app.example/",
        "https://app.example/#part",
        "https://app.example;script-src/",
        "HTTPS://app.example/",
        "https:app.example",
        "https://äpp.example/",
    ] {
        assert_eq!(RedirectUrls::read(wrong), Err(RedirectError::Malformed(wrong.to_owned())), "{wrong}");
    }
    assert_eq!(RedirectUrls::read(" \n"), Err(RedirectError::Missing));
    let many: String = (0..11).map(|n| format!("https://app.example/{n}\n")).collect();
    assert_eq!(RedirectUrls::read(&many), Err(RedirectError::TooMany));
}

#[test]
fn an_answer_goes_only_to_a_registered_address() {
    let urls = RedirectUrls::read("https://app.example/back\nhttp://127.0.0.1:1/back\nhttp://[::1]/b").unwrap();
    for good in ["https://app.example/back", "http://127.0.0.1:54321/back", "http://127.0.0.1/back"] {
        assert_eq!(urls.choose(Some(good)), Some(good.to_owned()), "{good}");
    }
    for wrong in [
        "https://app.example/back/",
        "https://app.example/back?x=1",
        "https://app.example:443/back",
        "http://app.example/back",
        "https://APP.example/back",
        "http://localhost:1/back",
        "http://127.0.0.1:1/back/",
        "http://127.0.0.1:1@evil.example/back",
        "http://127.0.0.1.evil.example/back",
        "",
    ] {
        assert_eq!(urls.choose(Some(wrong)), None, "{wrong}");
    }
    assert_eq!(urls.choose(None), None);
    assert_eq!(RedirectUrls::from_stored("https://a.example/").choose(None), Some("https://a.example/".to_owned()));
    assert_eq!(RedirectUrls::from_stored(&urls.stored()), urls);
    assert_eq!(form_target("https://app.example/back?x=;y"), "https://app.example");
    assert_eq!(form_target("http://127.0.0.1:54321/back"), "http://127.0.0.1:54321");
    assert_eq!(form_target("http://[::1]:54321/back"), "http:");
}

#[test]
fn a_verifier_fits_its_challenge_alone() {
    // The example of RFC 7636.
    let (verifier, challenge) =
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    assert!(is_verified(challenge, verifier) && !is_verified(challenge, &verifier.to_lowercase()));
    assert!(!is_verified(challenge, "") && !is_verified(verifier, verifier));
    assert!(Challenge::parse(challenge, "S256").is_some());
    for (text, method) in [(challenge, "plain"), (challenge, ""), ("", "S256"), (&challenge[1..], "S256")] {
        assert_eq!(Challenge::parse(text, method), None, "{text} {method}");
    }
}

#[test]
fn a_grant_has_no_more_scopes_than_the_application() {
    let own = Scopes::read(["credits:read", "devices:read"]).unwrap();
    let granted = |asked: &str| super::granted(asked, &own).map(|scopes| scopes.stored());
    assert_eq!(granted(""), Ok("credits:read devices:read".into()));
    assert_eq!(granted("credits:read users:write device_location:read"), Ok("credits:read".into()));
    for wrong in ["users:write", "device_actions:write", "everything", "credits:read admin", "device_location"] {
        assert_eq!(granted(wrong), Err(ErrorCode::InvalidScope), "{wrong}");
    }
}

#[test]
fn a_refresh_token_works_once_and_again_only_if_its_answer_was_lost() {
    let (now, used) = (Moment(0).plus_seconds(1_000), Moment(0).plus_seconds(970));
    let fresh = RefreshFacts { expires_at: now.plus_seconds(1), used_at: None, is_successor_used: None };
    assert_eq!(refresh(fresh, now), Refresh::Rotate);
    assert_eq!(refresh(fresh, now.plus_seconds(1)), Refresh::Expired);
    let again = RefreshFacts { used_at: Some(used), is_successor_used: Some(false), ..fresh };
    assert_eq!(refresh(again, now), Refresh::Replace);
    assert_eq!(refresh(again, used.plus_seconds(60)), Refresh::EndFamily);
    for is_successor_used in [Some(true), None] {
        assert_eq!(refresh(RefreshFacts { is_successor_used, ..again }, now), Refresh::EndFamily);
    }
}
