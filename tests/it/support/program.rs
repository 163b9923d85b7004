//! A client of the REST API. Each response is checked against the OpenAPI document.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::Value;

use super::{Browser, TestApp};

/// An API client with an access token.
#[derive(Clone)]
pub struct Program {
    browser: Browser,
    token: String,
}

/// A response.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    /// The exact body.
    pub text: String,
}

impl Answer {
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// All errors: field and code.
    pub fn errors(&self) -> Vec<(String, String)> {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|e| (text(&e["source"]), text(&e["code"]))).collect()
    }

    #[track_caller]
    pub fn refuses(&self, status: u16, source: &str, code: &str) -> &Self {
        self.is(status);
        assert_eq!(self.errors(), [(source.to_owned(), code.to_owned())], "{}", self.text);
        self
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub fn data(&self) -> &Value {
        &self.body["data"]
    }
}

impl Program {
    /// A client with a person's token, created on the console.
    pub async fn of(test: &TestApp, email: &str, scopes: &str) -> Program {
        let token = scrip::ops::tokens::create_on_console(
            &test.app,
            &scrip::ops::tokens::ConsoleToken::without_end(email, "a test", scopes),
        )
        .await
        .unwrap();
        Program::with_token(test, token.reveal())
    }

    /// A client that may do everything its owner may.
    pub async fn all(test: &TestApp, email: &str) -> Program {
        let scopes: Vec<_> = scrip::model::token::Scope::ALL.iter().map(|s| s.slug()).collect();
        Program::of(test, email, &scopes.join(",")).await
    }

    pub fn with_token(test: &TestApp, token: &str) -> Program {
        Program { browser: test.browser(), token: token.to_owned() }
    }

    /// The same client at another address.
    pub fn from(&self, address: [u8; 4]) -> Program {
        let mut moved = self.clone();
        moved.browser.address = address;
        moved
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body.to_string())).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, &[], Some(body.to_string())).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// The same client of another portal.
    pub fn on(&self, router: axum::Router) -> Program {
        Program { browser: Browser::new(router), token: self.token.clone() }
    }

    /// An answer that is no JSON.
    pub async fn page(&self, path: &str) -> super::Page {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        self.browser.clone().send(request.body(Body::empty()).unwrap()).await
    }

    /// A multipart form with an idempotency key.
    pub async fn upload(&self, path: &str, key: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = String::new();
        for (name, value) in fields {
            body += &format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        let headers = [("idempotency-key", key), ("content-type", "multipart/form-data; boundary=edge")];
        self.send(Method::POST, path, &headers, Some(body + "--edge--\r\n")).await
    }

    /// A write with an idempotency key.
    pub async fn post_once(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[("idempotency-key", key)], Some(body.to_string())).await
    }

    pub async fn put_once(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, &[("idempotency-key", key)], Some(body.to_string())).await
    }

    pub async fn delete_once(&self, path: &str, key: &str) -> Answer {
        self.send(Method::DELETE, path, &[("idempotency-key", key)], None).await
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
        let mut request = Request::builder().method(method.clone()).uri(path);
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.map_or(Body::empty(), Body::from)).unwrap();
        let page = self.browser.clone().send(request).await;
        let kind = page.headers.get(header::CONTENT_TYPE).map_or("", |k| k.to_str().unwrap());
        assert!(kind.starts_with("application/json"), "{path} answers with {kind:?}: {}", page.body);
        let body: Value = serde_json::from_str(&page.body).unwrap_or_else(|e| panic!("{e}: {}", page.body));
        let answer = Answer { status: page.status, headers: page.headers, body, text: page.body };
        check_against_document(&method, path, &answer);
        answer
    }
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&scrip::web::api::document()).unwrap());

type Validators = HashMap<(String, String, u16), &'static jsonschema::Validator>;
static VALIDATORS: LazyLock<Mutex<Validators>> = LazyLock::new(Mutex::default);

/// The documented path that matches an address.
fn template(path: &str) -> Option<String> {
    let path = path.split('?').next().unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    if paths.contains_key(path) {
        return Some(path.to_owned());
    }
    paths
        .keys()
        .find(|template| {
            let wanted: Vec<&str> = template.split('/').collect();
            wanted.len() == parts.len() && wanted.iter().zip(&parts).all(|(w, p)| w == p || w.starts_with('{'))
        })
        .cloned()
}

fn check_against_document(method: &Method, path: &str, answer: &Answer) {
    let Some(template) = template(path) else { return };
    let method = method.as_str().to_lowercase();
    let operation = &DOCUMENT["paths"][&template][&method];
    if operation.is_null() {
        return;
    }
    let status = answer.status.as_u16();
    let key = (template.clone(), method.clone(), status);
    let mut validators = VALIDATORS.lock().unwrap();
    let validator = *validators.entry(key).or_insert_with(|| {
        let schema = &operation["responses"][status.to_string()]["content"]["application/json"]["schema"];
        assert!(!schema.is_null(), "{method} {template} does not document {status}: {}", answer.text);
        let whole = serde_json::json!({ "components": DOCUMENT["components"], "allOf": [schema] });
        let validator = jsonschema::draft202012::new(&whole).unwrap();
        Box::leak(Box::new(validator))
    });
    let wrong: Vec<String> =
        validator.iter_errors(&answer.body).map(|e| format!("{}: {e}", e.instance_path())).collect();
    let described = operation["responses"][status.to_string()]["description"].to_string();
    for (_, code) in answer.errors() {
        assert!(
            described.contains(&format!("`{code}`")),
            "{method} {template} {status} does not document {code}: {}",
            answer.text
        );
    }
    assert!(wrong.is_empty(), "{method} {template} {status} contradicts the document: {wrong:#?}\n{}", answer.text);
}
