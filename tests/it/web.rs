//! Rules for every request: headers, cookies, foreign sites and hosts, odd methods, garbage.

use crate::support::{Browser, PASSWORD, Page, TestApp, World, signed_in};
use axum::body::Body;
use axum::http::{Method, Request};
use scrip::config::Given;

both!(
    a_form_of_another_session_is_refused,
    get_requests_change_nothing,
    errors_reveal_no_internals,
    garbage_in_urls_causes_no_server_error,
    garbage_in_forms_causes_no_server_error,
    random_requests_cause_no_server_error,
);

once!(
    every_answer_has_the_security_headers,
    pages_load_nothing_from_other_hosts,
    private_pages_are_not_stored,
    signed_out_users_are_sent_to_sign_in_and_back,
    other_sites_cannot_post,
    other_hosts_are_not_served,
    redirects_stay_on_this_site,
    only_a_trusted_proxys_forwarded_address_counts,
    cookies_are_http_only_and_same_site,
    cookies_behind_https_are_bound_to_the_host,
    undeclared_methods_are_refused,
    large_bodies_are_refused,
    only_forms_are_read,
    names_are_shown_as_text_everywhere,
    garbage_in_headers_causes_no_server_error,
);

/// Pages that require signing in.
const PRIVATE: [&str; 36] = [
    "/",
    "/summary",
    "/companies",
    "/companies?view=tree",
    "/companies/new",
    "/companies/removal",
    "/companies/options",
    "/resources",
    "/resources/codes",
    "/moves/new",
    "/moves/preview",
    "/codes/new",
    "/codes/sheet",
    "/redeem",
    "/subscriptions",
    "/subscriptions/voucher",
    "/buy/own-pool",
    "/buy/top-ups",
    "/companies/1/payments",
    "/users",
    "/users/new",
    "/users/roles",
    "/users/roles/new",
    "/users/roles/1",
    "/devices/tags",
    "/devices/tags/new",
    "/devices/tags/set",
    "/account/profile",
    "/account/security",
    "/account/security/email",
    "/history",
    "/history.csv",
    "/operator/issues/new",
    "/companies/1/codes.csv",
    "/companies/1",
    "/users/1",
];

/// Pages of one company, code or user, whose id is `{}`.
const OF_ONE: [&str; 18] = [
    "/companies/{}",
    "/companies/{}/resources",
    "/companies/{}/codes",
    "/companies/{}/codes.csv",
    "/companies/{}/users",
    "/companies/{}/subsidiaries",
    "/companies/{}/history",
    "/companies/{}/payments",
    "/companies/{}/name",
    "/companies/{}/data",
    "/companies/{}/parent",
    "/codes/{}/comment",
    "/codes/{}/deletion",
    "/users/{}",
    "/users/{}/removal",
    "/users/{}/link",
    "/users/{}/second-factor",
    "/link/{}",
];

const OPEN: [&str; 6] = ["/sign-in", "/sign-up", "/forgotten-password", "/link", "/healthz", "/readyz"];

/// All addresses that accept forms, except signing out.
const POSTED: [&str; 49] = [
    "/sign-in",
    "/forgotten-password",
    "/sign-up",
    "/link",
    "/theme",
    "/buy/top-ups",
    "/buy/top-ups/off",
    "/buy/top-ups/card",
    "/buy/top-ups/card/removal",
    "/companies",
    "/companies/removal",
    "/companies/{}/name",
    "/companies/{}/parent",
    "/companies/{}/parent-credits",
    "/companies/{}/buying",
    "/companies/{}/data",
    "/buy/own-pool",
    "/orders/{}/lines/{}/return",
    "/moves",
    "/codes",
    "/codes/{}/comment",
    "/codes/{}/deletion",
    "/redeem",
    "/subscriptions/voucher",
    "/subscriptions/voucher/confirmation",
    "/users",
    "/users/{}/role",
    "/users/{}/disabled",
    "/users/{}/removal",
    "/users/{}/link",
    "/users/{}/second-factor",
    "/users/{}/sessions",
    "/users/{}/tokens/{}/revocation",
    "/users/roles",
    "/users/roles/{}/content",
    "/users/roles/{}/deletion",
    "/devices/tags",
    "/devices/tags/{}/deletion",
    "/devices/tags/set",
    "/confirm",
    "/confirm/mail",
    "/operator/issues",
    "/account/profile",
    "/account/security/password",
    "/account/security/email",
    "/account/security/sessions",
    "/history",
    "/nothing",
    "/companies/{}",
];

const FIELDS: [&str; 43] = [
    "q",
    "status",
    "type",
    "from",
    "to",
    "before",
    "after",
    "sort",
    "order",
    "view",
    "of",
    "company",
    "code",
    "voucher",
    "back",
    "done",
    "action",
    "name",
    "parent",
    "on",
    "amount",
    "comment",
    "memo",
    "email",
    "role",
    "disabled",
    "first_name",
    "last_name",
    "time_zone",
    "password",
    "new_password",
    "new_password_again",
    "next",
    "theme",
    "check",
    "notice",
    "show-balances",
    "scope",
    "networks",
    "last_day",
    "end_all",
    "with",
    "recovery_code",
];

/// Garbage values, percent-encoded.
const GARBAGE: [&str; 22] = [
    "",
    "0",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "1e9",
    "abc",
    "%00",
    "a%00b",
    "%ff%fe",
    "%27%20or%201%3D1%20--",
    "1.abc",
    "9223372036854775808.9223372036854775808",
    "1.9223372036854775807",
    "%F0%9F%98%80%E2%80%AE",
    "%25%5C_",
    "..%2F..%2Fetc%2Fpasswd",
    "%2F%2Fevil.example",
    "%3Cscript%3E",
    "-009999-01-01",
    "9999-12-31",
];

async fn ask(browser: &mut Browser, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Page {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request.body(Body::from(body)).unwrap()).await
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const OWN_SITE: (&str, &str) = ("sec-fetch-site", "same-origin");

fn cookies(page: &Page) -> Vec<&str> {
    page.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect()
}

async fn every_answer_has_the_security_headers(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    let large = "x".repeat((1 << 20) + 1);
    let pages = [
        (200, browser.get("/").await),
        (200, browser.get("/history.csv").await),
        (200, browser.get("/healthz").await),
        (200, test.browser().get("/sign-in").await),
        (303, test.browser().get("/users").await),
        (403, signed_in(&test, "customer@test.example").await.get("/users").await),
        (404, browser.get("/nothing/here").await),
        (404, browser.get("/companies/999").await),
        (404, browser.get("/static/0/nothing.css").await),
        (410, browser.get("/link").await),
        (422, browser.submit("/redeem", "/redeem", &[("code", "")]).await),
        (405, ask(&mut browser, Method::PUT, "/users", &[OWN_SITE], String::new()).await),
        (413, ask(&mut browser, Method::POST, "/sign-in", &[FORM, OWN_SITE], large).await),
        (
            403,
            ask(&mut browser, Method::POST, "/moves", &[FORM, ("sec-fetch-site", "cross-site")], String::new()).await,
        ),
        (421, ask(&mut browser, Method::GET, "/", &[("host", "evil.example")], String::new()).await),
    ];
    for (status, page) in pages {
        let header = |name: &str| page.is(status).headers.get(name).map_or("", |h| h.to_str().unwrap());
        let csp = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(csp.contains(part), "{status}: {csp}");
        }
        assert!(!csp.contains("unsafe") && !csp.contains('*') && !csp.contains("data:"), "{csp}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "same-origin");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(header("cache-control"), "no-store", "{status}");
        assert_eq!(header("x-request-id").len(), 16);
    }
}

async fn pages_load_nothing_from_other_hosts(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    for path in PRIVATE.iter().chain(&OPEN) {
        let page = browser.get(path).await;
        for attribute in ["src=\"", "href=\"", "action=\""] {
            for rest in page.body.split(attribute).skip(1) {
                let address = rest.split('"').next().unwrap();
                assert!(address.starts_with(['/', '#', '?']) && !address.starts_with("//"), "{path}: {address}");
            }
        }
        page.has_not(" style=\"").has_not("<style").has_not(" onclick=").has_not("javascript:");
    }
    let style = browser.get("/sign-in").await.body;
    let style = style.split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let asset = browser.get(&style).await;
    assert!(asset.is(200).headers["cache-control"].to_str().unwrap().contains("immutable"));
    asset.has_not("http://").has_not("https://").has_not("@import");
}

async fn private_pages_are_not_stored(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    for path in PRIVATE {
        let page = browser.get(path).await;
        assert_eq!(page.is(200).headers["cache-control"], "no-store", "{path}");
        assert!(cookies(&page).is_empty(), "{path}: {:?}", cookies(&page));
    }
}

async fn signed_out_users_are_sent_to_sign_in_and_back(test: TestApp) {
    World::new(&test).await;
    for path in PRIVATE.iter().chain(OF_ONE.iter().take(15)) {
        let path = path.replace("{}", "1");
        let mut browser = test.browser();
        let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        let answer = browser.get(&path).await;
        assert_eq!(answer.is(303).location(), format!("/sign-in?next={next}"));
        assert!(answer.body.is_empty());
    }
    let mut browser = test.browser();
    let page = browser.get("/sign-in?next=%2Fcompanies%3Fview%3Dtree%26of%3D1").await;
    let fields = [("email", "operator@test.example"), ("password", PASSWORD), ("next", &page.field("next"))];
    assert_eq!(browser.post("/sign-in", &fields).await.location(), "/companies?view=tree&of=1");
    for path in POSTED.iter().skip(5).take(30) {
        let answer = test.browser().post(&path.replace("{}", "1"), &[("form", "x")]).await;
        assert_eq!(answer.is(303).location(), "/sign-in", "{path}");
    }
}

async fn other_sites_cannot_post(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let send = async |browser: &mut Browser, headers: &[(&str, &str)], path: &str| {
        let token = browser.get("/moves/new").await.field("form");
        let body = format!("form={token}&type=credit&from={}&to={}&amount=1", world.vendor, world.other);
        ask(browser, Method::POST, path, &[&[FORM], headers].concat(), body).await.status.as_u16()
    };
    for headers in [
        &[("sec-fetch-site", "cross-site")] as &[_],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:8081")],
        &[("origin", "http://127.0.0.1:8080.evil.example")],
    ] {
        for path in ["/moves", "/sign-in", "/sign-out", "/theme", "/link"] {
            assert_eq!(send(&mut operator, headers, path).await, 403, "{headers:?} {path}");
        }
    }
    assert_eq!(world.credit(&test, world.other).await, 0);
    operator.get("/").await.is(200);
    // Older browsers send only the origin, and programs send neither header.
    for headers in [&[OWN_SITE] as &[_], &[("origin", "http://127.0.0.1:8080")], &[]] {
        assert_eq!(send(&mut operator, headers, "/moves").await, 303, "{headers:?}");
    }
}

async fn a_form_of_another_session_is_refused(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let own = operator.get("/moves/new").await.field("form");
    let elsewhere = signed_in(&test, "operator@test.example").await.get("/moves/new").await.field("form");
    let others = signed_in(&test, "other@test.example").await.get("/moves/new").await.field("form");
    let (nonce, mac) = own.split_once('.').unwrap();
    let (from, to) = (world.vendor.to_string(), world.other.to_string());
    for token in [
        String::new(),
        "x".into(),
        elsewhere.clone(),
        others,
        nonce.into(),
        format!("{nonce}."),
        format!("{}.{mac}", elsewhere.split('.').next().unwrap()),
        format!("{nonce}.{}", mac.to_uppercase() + "0"),
        format!("{own}0"),
    ] {
        let fields = [("form", token.as_str()), ("type", "credit"), ("from", &from), ("to", &to), ("amount", "1")];
        operator.post("/moves", &fields).await.is(403).has("This form is out of date");
        operator.post("/sign-out", &[("form", token.as_str())]).await.is(403);
    }
    assert_eq!(world.credit(&test, world.other).await, 0);
}

async fn get_requests_change_nothing(test: TestApp) {
    let world = World::new(&test).await;
    let (id, code) = world.code(&test, "operator@test.example", 5).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let token = operator.get("/moves/new").await.field("form");
    let query = format!(
        "form={token}&type=credit&from={}&to={}&amount=1&code={code}&company={}&name=Changed&parent={}&comment=changed\
         &on=1&disabled=1&role=read_only&first_name=Changed&time_zone=UTC&email=new@test.example",
        world.vendor, world.other, world.acme_north, world.other
    );
    for path in POSTED.iter().chain(&["/sign-out"]).map(|p| p.replace("{}", &id.to_string())) {
        let page = operator.get(&format!("{path}?{query}")).await;
        assert!(page.status.as_u16() < 500, "{path}: {}", page.status);
    }
    operator.get("/companies").await.is(200).has_not(">Changed<");
    operator.get("/resources/codes").await.has("Unused").has_not(">changed<");
    operator.get("/users").await.has_not("new@test.example").has_not("Disabled");
    assert_eq!(world.credit(&test, world.vendor).await, 995);
    assert_eq!(world.credit(&test, world.other).await, 0);
}

async fn other_hosts_are_not_served(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    for host in ["evil.example", "127.0.0.1.evil.example", "evil.example:8080", "localhost.evil.example", ""] {
        let page = ask(&mut browser, Method::GET, "/", &[("host", host)], String::new()).await;
        page.is(421).has_not("evil").has_not("operator@test.example");
    }
    ask(&mut browser, Method::GET, "http://evil.example/", &[("host", "127.0.0.1:8080")], String::new()).await.is(421);
    ask(&mut browser, Method::GET, "/", &[("host", "localhost:8080")], String::new()).await.is(200);
    // A probe may use any host name.
    ask(&mut browser, Method::GET, "/healthz", &[("host", "10.0.0.7:8080")], String::new()).await.is(200);
    for name in ["x-forwarded-host", "x-host", "forwarded", "x-original-url", "x-rewrite-url", "x-http-method-override"]
    {
        let page = ask(&mut browser, Method::GET, "/sign-in", &[(name, "evil.example")], String::new()).await;
        page.is(200).has_not("evil.example").has("Sign in");
    }
}

async fn redirects_stay_on_this_site(test: TestApp) {
    World::new(&test).await;
    for next in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "\\\\evil",
        " //evil.example",
    ] {
        let mut browser = test.browser();
        let fields = [("email", "operator@test.example"), ("password", PASSWORD), ("next", next)];
        assert_eq!(browser.post("/sign-in", &fields).await.is(303).location(), "/", "{next:?}");
        assert_eq!(browser.post("/theme", &[("theme", "dark"), ("back", next)]).await.is(303).location(), "/");
        let query: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let page = browser.get(&format!("/companies/new?back={query}")).await;
        page.has("name=\"back\" value=\"/companies\">");
        let fields = [("name", "Company"), ("parent", "Vendor"), ("back", next)];
        let answer = browser.submit("/companies/new", "/companies", &fields).await;
        assert!(answer.is(303).location().starts_with("/companies?done="), "{next:?}: {}", answer.location());
    }
}

async fn only_a_trusted_proxys_forwarded_address_counts(test: TestApp) {
    let given = Given { trusted_proxy: Some(vec!["10.0.0.1".into()]), ..Given::default() };
    let behind = TestApp::start_with(test.backend, given).await.unwrap();
    for (test, peer, forwarded, seen) in [
        (&test, [192, 0, 2, 7], "198.51.100.1", "192.0.2.7"),
        (&behind, [192, 0, 2, 8], "198.51.100.1", "192.0.2.8"),
        (&behind, [10, 0, 0, 1], "198.51.100.2", "198.51.100.2"),
        // Only the last address was written by the proxy itself.
        (&behind, [10, 0, 0, 1], "203.0.113.66, 198.51.100.3", "198.51.100.3"),
        (&behind, [10, 0, 0, 1], "203.0.113.66, nonsense", "10.0.0.1"),
        (&behind, [10, 0, 0, 1], "::ffff:198.51.100.4", "198.51.100.4"),
    ] {
        if scrip::demo::actor(&test.app, "operator@test.example").await.is_err() {
            World::new(test).await;
        }
        let mut browser = test.browser();
        browser.address = peer;
        let body = format!("email=operator%40test.example&password={}", PASSWORD.replace(' ', "+"));
        ask(&mut browser, Method::POST, "/sign-in", &[FORM, ("x-forwarded-for", forwarded)], body).await.is(303);
        browser.get("/account/security").await.has(&format!("<td data-label=\"Address\">{seen}</td>"));
    }
}

async fn cookies_are_http_only_and_same_site(test: TestApp) {
    World::new(&test).await;
    let mut browser = test.browser();
    let signed = browser.post("/sign-in", &[("email", "operator@test.example"), ("password", PASSWORD)]).await;
    let theme = browser.post("/theme", &[("theme", "dark")]).await;
    let link = browser.get(&format!("/link/{}", "0".repeat(40))).await;
    let all = [cookies(&signed), cookies(&theme), cookies(&link)].concat();
    assert_eq!(all.len(), 4, "{all:?}");
    for cookie in all {
        for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    browser.get("/").await.has("data-theme=\"dark\"");
}

async fn cookies_behind_https_are_bound_to_the_host(test: TestApp) {
    let given = Given { public_url: Some("https://portal.example".into()), ..Given::default() };
    let test = TestApp::start_with(test.backend, given).await.unwrap();
    World::new(&test).await;
    let mut browser = test.browser();
    let host = ("host", "portal.example");
    let headers = [FORM, host, ("origin", "https://portal.example"), ("sec-fetch-site", "same-origin")];
    let body = format!("email=operator%40test.example&password={}", PASSWORD.replace(' ', "+"));
    let signed = ask(&mut browser, Method::POST, "/sign-in", &headers, body).await;
    let theme = ask(&mut browser, Method::POST, "/theme", &headers, "theme=dark".into()).await;
    let link = ask(&mut browser, Method::GET, &format!("/link/{}", "0".repeat(40)), &[host], String::new()).await;
    let all = [cookies(&signed), cookies(&theme), cookies(&link)].concat();
    assert_eq!(all.len(), 4, "{all:?}");
    for cookie in all {
        assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"), "{cookie}");
        assert!(cookie.contains("; HttpOnly") && cookie.contains("; Path=/") && !cookie.contains("Domain"), "{cookie}");
    }
    let page = ask(&mut browser, Method::GET, "/", &[host], String::new()).await;
    page.is(200).has("data-theme=\"dark\"");
    assert!(page.headers["strict-transport-security"].to_str().unwrap().starts_with("max-age=31536000"));
    ask(&mut browser, Method::GET, "/", &[("host", "127.0.0.1:8080")], String::new()).await.is(421);
}

async fn undeclared_methods_are_refused(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    for path in ["/", "/companies", "/companies/1", "/moves", "/sign-in", "/history", "/healthz", "/redeem"] {
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE, Method::OPTIONS, Method::CONNECT] {
            let page =
                ask(&mut browser, method.clone(), path, &[OWN_SITE, ("x-secret", "mirror me")], String::new()).await;
            page.is(405).has_not("mirror me");
        }
    }
    for path in ["/", "/companies", "/history"] {
        browser.post(path, &[]).await;
        let head = ask(&mut browser, Method::HEAD, path, &[], String::new()).await;
        assert!(head.is(200).body.is_empty());
    }
    for path in ["/moves", "/sign-out", "/companies/1/parent-credits", "/users/1/disabled"] {
        browser.get(path).await.is(405);
    }
    browser.post("/history", &[]).await.is(405);
}

async fn large_bodies_are_refused(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    let token = browser.get("/redeem").await.field("form");
    for (bytes, status) in [(1 << 20, 422), ((1 << 20) + 1, 413), (4 << 20, 413)] {
        let mut body = format!("form={token}&code=");
        body.push_str(&"x".repeat(bytes - body.len()));
        ask(&mut browser, Method::POST, "/redeem", &[FORM, OWN_SITE], body).await.is(status);
    }
    ask(&mut test.browser(), Method::POST, "/sign-in", &[FORM], "x".repeat(2 << 20)).await.is(413);
    browser.get("/").await.is(200);
}

async fn only_forms_are_read(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    let body = format!("form={}&name=Company&parent=1", browser.get("/companies/new").await.field("form"));
    for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x", ""] {
        ask(&mut browser, Method::POST, "/companies", &[("content-type", kind), OWN_SITE], body.clone()).await.is(400);
    }
    ask(&mut browser, Method::POST, "/companies", &[OWN_SITE], body.clone()).await.is(400);
    let kind = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    ask(&mut browser, Method::POST, "/companies", &[kind, OWN_SITE], body).await.is(303);
}

async fn names_are_shown_as_text_everywhere(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let names = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'; alert(1) //",
        "\u{200f}drowssap {{7*7}}",
        "=cmd|' /C calc'!A0",
    ];
    for name in names {
        let fields = [("name", name), ("parent", "Acme")];
        operator.submit("/companies/new", "/companies", &fields).await.is(303);
    }
    let fields = [("first_name", names[0]), ("last_name", names[1]), ("time_zone", "UTC")];
    operator.submit("/account/profile", "/account/profile", &fields).await.is(303);
    let fields = [("type", "credit"), ("amount", "1"), ("memo", names[0])];
    operator.submit("/operator/issues/new", "/operator/issues", &fields).await.is(303);
    let fields = [("type", "credit"), ("from", "Vendor"), ("to", names[1]), ("amount", "1")];
    let answer = operator.submit("/moves/new", "/moves", &fields).await;
    operator.done(answer).await.has("&#34;&#62;&#60;img src=x");
    let typed = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let query = FIELDS.map(|field| format!("{field}={typed}")).join("&");
    for path in PRIVATE.iter().chain(&OPEN).chain(&[
        "/companies/6",
        "/companies/7/history",
        "/companies/7/name",
        "/companies/3/subsidiaries",
        "/companies/removal?company=6&company=7",
    ]) {
        for path in [(*path).to_owned(), format!("{}{}{query}", path, if path.contains('?') { '&' } else { '?' })] {
            let page = operator.get(&path).await;
            if !path.contains(".csv") {
                page.has_not("<script>alert").has_not("<img src=x");
            }
        }
    }
    operator.get("/companies").await.has("&#60;script&#62;").has("{{7*7}}").has("\u{200f}drowssap");
    operator.get("/history.csv").await.has(",'=cmd|' /C calc'!A0").has_not(",=cmd");
    assert_eq!(world.credit(&test, 7).await, 1);
}

async fn errors_reveal_no_internals(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    for path in [
        "/nothing",
        "/companies/999",
        "/companies/abc",
        "/companies/99999999999999999999",
        "/companies/%20/codes",
        "/codes/%00/comment",
        "/users/-1",
        "/static/x/../../Cargo.toml",
        "/link/%2e%2e",
    ] {
        let page = browser.get(path).await;
        assert!((400..500).contains(&page.status.as_u16()), "{path}: {}", page.status);
        for inside in ["select ", "panicked", ".rs", "sqlx", "/root", "axum", "i64", "Scrip/"] {
            page.has_not(inside);
        }
        assert!(page.headers.get("server").is_none());
    }
}

async fn garbage_in_urls_causes_no_server_error(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    for value in GARBAGE {
        let query = FIELDS.map(|field| format!("{field}={value}")).join("&");
        for path in PRIVATE.iter().chain(&OPEN) {
            let joint = if path.contains('?') { '&' } else { '?' };
            no_server_error(&mut browser, &format!("{path}{joint}{query}")).await;
        }
        for path in OF_ONE {
            no_server_error(&mut browser, &path.replace("{}", value)).await;
            no_server_error(&mut browser, &format!("{}?{query}", path.replace("{}", "1"))).await;
        }
        for sort in ["name", "level", "created", "credits"] {
            for order in ["asc", "desc"] {
                no_server_error(&mut browser, &format!("/companies?sort={sort}&order={order}&after={value}")).await;
                no_server_error(&mut browser, &format!("/companies?sort={sort}&order={order}&after=1.{value}")).await;
            }
        }
    }
    for query in ["?", "?&&&", "?=", "?%", "?%zz", "?a=b=c", "?q", "?q=a&q=b", "?[]=x"] {
        no_server_error(&mut browser, &format!("/companies{query}")).await;
    }
}

async fn no_server_error(browser: &mut Browser, path: &str) {
    let page = browser.get(path).await;
    assert!(page.status.as_u16() < 500, "{path}: {}", page.status);
}

async fn garbage_in_forms_causes_no_server_error(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    for value in GARBAGE {
        let fields = FIELDS.map(|field| format!("{field}={value}")).join("&");
        for path in POSTED {
            for id in ["3", value] {
                let token = browser.get("/redeem").await.field("form");
                let body = format!("form={token}&{fields}");
                let path = path.replace("{}", id);
                let page = ask(&mut browser, Method::POST, &path, &[FORM, OWN_SITE], body).await;
                assert!(page.status.as_u16() < 500, "{path} {value}: {}", page.status);
            }
        }
    }
    let long = "é".repeat(100_000);
    for path in POSTED {
        let token = browser.get("/redeem").await.field("form");
        let fields: Vec<(&str, &str)> = [("form", token.as_str())]
            .into_iter()
            .chain(["name", "email", "memo", "q"].map(|f| (f, long.as_str())))
            .collect();
        let page = browser.post(&path.replace("{}", "3"), &fields).await;
        assert!(page.status.as_u16() < 500, "{path}: {}", page.status);
    }
    test.verify().await;
}

async fn garbage_in_headers_causes_no_server_error(test: TestApp) {
    World::new(&test).await;
    let browser = signed_in(&test, "operator@test.example").await;
    for garbage in
        ["", ";", "=", "%00", "a", "\"", "zz; session=x", &"x".repeat(8_000), "AAAAAAAAAAAAAAAAAAAAAA", "\u{e9}"]
    {
        for cookie in ["session", "known", "link", "theme"] {
            let mut browser = browser.clone();
            if garbage.is_ascii() {
                browser.set_cookie(cookie, garbage);
            }
            for header in [
                "user-agent",
                "x-forwarded-for",
                "content-type",
                "origin",
                "accept",
                "sec-fetch-site",
                "if-none-match",
                "range",
            ] {
                for path in ["/", "/sign-in", "/link"] {
                    let mut request = Request::get(path).body(Body::empty()).unwrap();
                    request
                        .headers_mut()
                        .insert(header, axum::http::HeaderValue::from_bytes(garbage.as_bytes()).unwrap());
                    let page = browser.send(request).await;
                    assert!(page.status.as_u16() < 500, "{path} {header} {garbage}: {}", page.status);
                }
            }
            let mut stranger = browser.clone();
            let body = "email=nobody%40test.example&password=x".to_owned();
            let headers = [FORM, ("user-agent", if garbage.is_ascii() { garbage } else { "" })];
            let page = ask(&mut stranger, Method::POST, "/sign-in", &headers, body).await;
            assert!(page.status.as_u16() < 500, "{}", page.status);
        }
    }
}

async fn random_requests_cause_no_server_error(test: TestApp) {
    let world = World::new(&test).await;
    world.code(&test, "operator@test.example", 5).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    let words = [
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "credit",
        "device_year",
        "10",
        "1000000000",
        "Acme",
        "new@test.example",
        "admin",
        "read_only",
        "on",
        "unused",
        "used",
        "move",
        "level",
        "desc",
        "UTC",
        "2026-11-21",
        PASSWORD,
        "another horse battery",
        "Company",
    ];
    // A fixed seed, so that a failure is reproducible.
    let mut state = 20_261_121_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..400 {
        let page = browser.get("/redeem").await;
        if page.status != 200 {
            // A random request changed the password, which ended the session.
            return;
        }
        let mut body = format!("form={}", page.field("form"));
        for _ in 0..random(9) {
            let value = if random(4) == 0 {
                GARBAGE[random(GARBAGE.len())].to_owned()
            } else {
                words[random(words.len())].replace(' ', "+")
            };
            body.push_str(&format!("&{}={value}", FIELDS[random(FIELDS.len())]));
        }
        let path = POSTED[5 + random(POSTED.len() - 5)].replace("{}", words[random(6)]);
        let page = ask(&mut browser, Method::POST, &path, &[FORM, OWN_SITE], body.clone()).await;
        assert!(page.status.as_u16() < 500, "{path} {body}: {}", page.status);
        no_server_error(&mut browser, &format!("{}?{body}", PRIVATE[random(PRIVATE.len())].split('?').next().unwrap()))
            .await;
    }
    test.verify().await;
}
