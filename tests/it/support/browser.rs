//! A minimal browser: it keeps cookies, reads forms, and does not follow redirects.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

#[derive(Clone)]
pub struct Browser {
    router: Router,
    cookies: BTreeMap<String, String>,
    /// The client address of its requests.
    pub address: [u8; 4],
}

/// A response.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    /// Where a redirect leads.
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |l| l.to_str().unwrap())
    }

    /// The value of a hidden or filled-in field.
    pub fn field(&self, name: &str) -> String {
        let needle = format!("name=\"{name}\"");
        let at = self.body.find(&needle).unwrap_or_else(|| panic!("no field {name} in {}", self.body));
        let start = self.body[..at].rfind('<').unwrap();
        let tag = &self.body[start..start + self.body[start..].find('>').unwrap()];
        let value = tag.split("value=\"").nth(1).map_or("", |v| v.split('"').next().unwrap());
        value
            .replace("&#38;", "&")
            .replace("&#34;", "\"")
            .replace("&#39;", "'")
            .replace("&#60;", "<")
            .replace("&#62;", ">")
    }

    /// The error message shown beside a field.
    pub fn problem(&self, name: &str) -> String {
        let needle = format!("id=\"{name}-error\">");
        let rest = self.body.split(&needle).nth(1).unwrap_or_else(|| panic!("no place for errors of {name}"));
        rest.split("</p>").next().unwrap().to_owned()
    }

    /// Asserts that a text is on the page, however the template breaks its lines.
    #[track_caller]
    pub fn has(&self, text: &str) -> &Self {
        assert!(self.read().contains(&on_one_line(text)), "{text:?} is not in\n{}", self.body);
        self
    }

    #[track_caller]
    pub fn has_not(&self, text: &str) -> &Self {
        assert!(!self.read().contains(&on_one_line(text)), "{text:?} is in\n{}", self.body);
        self
    }

    /// The page on one line and without `<bdi>` around names, so that sentences can be matched across both.
    fn read(&self) -> String {
        on_one_line(&self.body.replace("<bdi>", "").replace("</bdi>", ""))
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }
}

/// A text in which each run of white space is one space.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_ascii_whitespace() {
            line.push(c);
        } else if !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line
}

impl Browser {
    pub fn new(router: Router) -> Browser {
        Browser { router, cookies: BTreeMap::new(), address: [127, 0, 0, 1] }
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    /// Posts a multipart form, as a browser does when a form has a file field.
    pub async fn upload(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut body = String::new();
        for (name, value) in fields {
            let file = if *name == "file" { "; filename=\"devices.csv\"\r\nContent-Type: text/csv" } else { "" };
            body += &format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n");
        }
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body + "--edge--\r\n"))
            .unwrap();
        self.send(request).await
    }

    /// Opens a form's page and submits the form with a fresh token.
    pub async fn submit(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.get(page).await.is(200).field("form");
        self.post(action, &[fields, &[("form", token.as_str())]].concat()).await
    }

    /// Asserts that an answer redirects, and follows it.
    #[track_caller]
    pub fn done(&mut self, answer: Page) -> impl Future<Output = Page> {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let location = answer.location().to_owned();
        async move { self.get(&location).await }
    }

    pub async fn sign_in(&mut self, email: &str) -> &mut Self {
        let page = self.post("/sign-in", &[("email", email), ("password", super::world::PASSWORD)]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{email}: {}", page.body);
        self
    }

    /// The response with its body not read yet.
    pub async fn open(&self, path: &str) -> Response<Body> {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn ask(&self, mut request: Request<Body>) -> Response<Body> {
        let cookies: Vec<String> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        if !cookies.is_empty() {
            request.headers_mut().insert(header::COOKIE, cookies.join("; ").parse().unwrap());
        }
        if !request.headers().contains_key(header::HOST) {
            request.headers_mut().insert(header::HOST, "127.0.0.1:8080".parse().unwrap());
        }
        let peer = std::net::SocketAddr::from((self.address, 40_000));
        request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn send(&mut self, request: Request<Body>) -> Page {
        let (parts, body) = self.ask(request).await.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let bytes = body.collect().await.unwrap().to_bytes();
        Page { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// Sends all later requests to this router.
    pub fn use_router(&mut self, router: Router) {
        self.router = router;
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }
}
