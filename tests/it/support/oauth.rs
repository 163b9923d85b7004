//! Applications (OAuth 2.1) as their makers, their users and their own programs see them.

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Browser, PASSWORD, Page, Program, TestApp, set_up, signed_in};

/// Where the answers go in most tests.
pub const BACK: &str = "https://fleet.example/back?tenant=7";
/// What the program keeps to itself.
pub const VERIFIER: &str = "a-verifier-that-is-long-enough-to-be-taken-as-one";

/// The challenge of a verifier.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// A signed-in user with a second factor.
pub async fn secured(test: &TestApp, email: &str) -> Browser {
    let mut browser = signed_in(test, email).await;
    set_up(test, &mut browser, PASSWORD).await;
    browser
}

/// An application as its developers have it.
#[derive(Clone)]
pub struct Client {
    pub browser: Browser,
    /// Its page.
    pub page: String,
    pub id: String,
    /// `None` for a public one.
    pub secret: Option<String>,
}

/// What the program got.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    pub scope: String,
}

/// An answer to a program.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    /// Asserts an error of the protocol.
    #[track_caller]
    pub fn refuses(&self, status: u16, error: &str) -> &Reply {
        assert_eq!((self.status.as_u16(), self.body["error"].as_str()), (status, Some(error)), "{}", self.body);
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store");
        assert!(!self.headers.contains_key(header::SET_COOKIE));
        self
    }

    #[track_caller]
    pub fn tokens(&self) -> Tokens {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store");
        assert!(!self.headers.contains_key(header::SET_COOKIE));
        assert_eq!((&self.body["token_type"], &self.body["expires_in"]), (&"Bearer".into(), &3_600.into()));
        let text = |name: &str| self.body[name].as_str().unwrap_or_default().to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token"), scope: text("scope") }
    }
}

/// The fields of a confidential application that may read balances and devices.
pub const FLEET: [(&str, &str); 6] = [
    ("name", "Fleet"),
    ("description", "Shows balances"),
    ("redirect_urls", BACK),
    ("kind", "confidential"),
    ("scope", "credits:read"),
    ("scope", "devices:read"),
];

impl Client {
    /// Makes an application on the page.
    pub async fn make(test: &TestApp, maker: &mut Browser, fields: &[(&str, &str)]) -> Client {
        Client::on(test, &maker.submit("/account/applications/new", "/account/applications", fields).await)
    }

    /// The application that a page shows after it was made.
    pub fn on(test: &TestApp, page: &Page) -> Client {
        page.is(200);
        let id = page.body.split("Client ID</dt><dd class=\"code\">").nth(1).unwrap().split('<').next().unwrap();
        let secret = page.body.split("data-copy=\"").nth(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        let own = page.body.split("href=\"/account/applications/").last().unwrap().split('"').next().unwrap();
        let path = format!("/account/applications/{own}");
        Client { browser: test.browser(), page: path, id: id.to_owned(), secret }
    }

    /// The application of [`FLEET`], made by somebody with a second factor.
    pub async fn fleet(test: &TestApp, maker: &mut Browser) -> Client {
        Client::make(test, maker, &FLEET).await
    }

    /// Where it sends people: with these parameters in place of the usual ones, or besides them. Empty ones are left
    /// out.
    pub fn authorize(&self, other: &[(&str, &str)]) -> String {
        let challenge = challenge(VERIFIER);
        let usual = [
            ("response_type", "code"),
            ("client_id", self.id.as_str()),
            ("redirect_uri", BACK),
            ("state", "a state&more"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let kept = usual.into_iter().filter(|(name, _)| !other.iter().any(|(n, _)| n == name));
        let all: Vec<(&str, &str)> = kept.chain(other.iter().copied()).collect();
        scrip::urls::with_query("/account/authorize", &all)
    }

    /// Lets it act for a person; returns its code.
    pub async fn code(&self, person: &mut Browser, other: &[(&str, &str)]) -> String {
        let answer = decide(person, &self.authorize(other), "allow").await;
        parameter(answer.is(303).location(), "code").unwrap()
    }

    /// The same up to its tokens.
    pub async fn connect(&self, person: &mut Browser) -> Tokens {
        let code = self.code(person, &[]).await;
        self.exchange(&code).await.tokens()
    }

    pub async fn exchange(&self, code: &str) -> Reply {
        let fields =
            [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER), ("redirect_uri", BACK)];
        self.post("/account/token", &fields).await
    }

    pub async fn refresh(&self, token: &str) -> Reply {
        self.post("/account/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Sends a form with the application's id, and its secret if it has one.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let mut all = fields.to_vec();
        all.push(("client_id", self.id.as_str()));
        all.extend(self.secret.as_deref().map(|secret| ("client_secret", secret)));
        self.send(path, &all, None).await
    }

    /// Sends a form with these credentials in its header.
    pub async fn post_basic(&self, path: &str, fields: &[(&str, &str)], credentials: &str) -> Reply {
        self.send(path, fields, Some(&format!("Basic {}", STANDARD.encode(credentials)))).await
    }

    /// Sends a form as a program does: without cookies and origin.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)], authorization: Option<&str>) -> Reply {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body));
        if let (Some(text), Ok(request)) = (authorization, &mut request) {
            request.headers_mut().insert(header::AUTHORIZATION, text.parse().unwrap());
        }
        let page = self.browser.clone().send(request.unwrap()).await;
        let body = if page.body.is_empty() { Value::Null } else { serde_json::from_str(&page.body).unwrap() };
        Reply { status: page.status, headers: page.headers, body }
    }
}

/// Whether a token opens the API.
pub async fn works(test: &TestApp, token: &str) -> bool {
    Program::with_token(test, token).get("/api/user").await.status == 200
}

/// Opens the page that asks a person, and presses one of its buttons.
pub async fn decide(person: &mut Browser, path: &str, decision: &str) -> Page {
    let page = person.get(path).await;
    let names = [
        "form",
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "scope",
        "code_challenge",
        "code_challenge_method",
    ];
    page.is(200);
    let there = names.into_iter().filter(|name| page.body.contains(&format!("name=\"{name}\"")));
    let fields: Vec<(&str, String)> = there.map(|name| (name, page.field(name))).collect();
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.push(("decision", decision));
    person.post("/account/authorize", &fields).await
}

/// A parameter of an address.
pub fn parameter(address: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(address).unwrap_or_else(|e| panic!("{address}: {e}"));
    url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}
