//! A crawler that opens every link and submits every form.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use axum::http::header::CONTENT_TYPE;
use scraper::ElementRef;
use scrip::urls::with_query;
use url::Url;

use super::markup::Markup;
use super::{Browser, Page};

/// A requested address and its response.
pub struct Visit {
    pub path: String,
    pub page: Page,
    /// Present if the page is HTML.
    pub markup: Option<Markup>,
}

impl Visit {
    pub fn new(path: impl Into<String>, page: Page) -> Visit {
        let kind = page.headers.get(CONTENT_TYPE);
        let is_html = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        Visit { path: path.into(), markup: is_html.then(|| Markup::of(&page.body)), page }
    }
}

/// How many addresses are opened that differ only in ids and query values.
const ALIKE_MAX: usize = 4;

/// Opens a page and everything reachable from it by links and GET forms. Of many addresses with the same
/// shape, it opens only the first few.
pub async fn walk(browser: &mut Browser, start: &str) -> Vec<Visit> {
    let mut waiting = VecDeque::from([start.to_owned()]);
    let mut alike: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut visits = Vec::new();
    while let Some(path) = waiting.pop_front() {
        let same = alike.entry(shape(&path)).or_default();
        if same.len() == ALIKE_MAX || !same.insert(without_way_back(&path)) {
            continue;
        }
        let page = browser.get(&path).await;
        let visit = Visit::new(path, page);
        waiting.extend(visit.markup.iter().flat_map(|markup| targets(markup, &visit.path)));
        visits.push(visit);
    }
    visits
}

/// Submits each form of a page that has required fields, with `typed` in all its fields.
pub async fn type_into(browser: &mut Browser, visit: &Visit, typed: &str) -> Vec<Visit> {
    let mut visits = Vec::new();
    for (action, fields) in visit.markup.iter().flat_map(|markup| filled(markup, &visit.path, typed)) {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let page = browser.post(&action, &fields).await;
        visits.push(Visit::new(action, page));
    }
    visits
}

/// Drops `back=`: it does not make a different page.
fn without_way_back(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let kept: Vec<&str> = query.split('&').filter(|p| !p.starts_with("back=")).collect();
    format!("{path}?{}", kept.join("&"))
}

/// An address without its ids and query values.
fn shape(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path: Vec<&str> = path.split('/').map(|p| if p.parse::<i64>().is_ok() { "1" } else { p }).collect();
    let names: BTreeSet<&str> =
        query.split('&').map(|p| p.split('=').next().unwrap()).filter(|n| *n != "back").collect();
    format!("{}?{names:?}", path.join("/"))
}

/// The addresses that a page targets to: its links, and its GET forms with each value on offer.
fn targets(markup: &Markup, path: &str) -> Vec<String> {
    let links = markup.all("a[href]").into_iter().filter_map(|a| a.attr("href"));
    let mut found: Vec<String> = links.map(|href| absolute(path, href)).collect();
    for form in markup.all("form[method=get]") {
        let action = absolute(path, form.attr("action").unwrap_or(""));
        let action = action.split('?').next().unwrap();
        let inside: Vec<_> = form.descendent_elements().collect();
        if inside.iter().any(|e| e.value().name() == "button") {
            for field in inside.iter().filter(|e| e.attr("name").is_some()) {
                let name = field.attr("name").unwrap();
                found.extend(choices(*field).iter().map(|value| with_query(action, &[(name, value)])));
            }
        }
    }
    // The API page is a third-party component, and the browser tests cover it.
    found.retain(|p| p.starts_with('/') && !p.starts_with("/api/"));
    found
}

fn choices(field: ElementRef<'_>) -> Vec<String> {
    let options = field.descendent_elements().filter(|e| e.value().name() == "option");
    let values = std::iter::once(field).chain(options).filter_map(|e| e.attr("value"));
    values.filter(|v| !v.is_empty()).map(str::to_owned).collect()
}

fn absolute(path: &str, href: &str) -> String {
    let base = Url::parse("http://portal").unwrap().join(path).unwrap();
    let mut url = base.join(href).unwrap();
    url.set_fragment(None);
    if url.host_str() != Some("portal") {
        return href.to_owned();
    }
    url[url::Position::BeforePath..].to_owned()
}

type Fields = Vec<(String, String)>;

/// The action and fields of each form with required fields, except file uploads.
fn filled(markup: &Markup, path: &str, typed: &str) -> Vec<(String, Fields)> {
    let mut forms = Vec::new();
    for form in markup.all("form[method=post]:not([enctype])") {
        let fields: Vec<_> = form.descendent_elements().filter(|e| e.attr("name").is_some()).collect();
        if fields.iter().any(|f| f.attr("required").is_some()) {
            let sent = fields.iter().map(|f| {
                let kept = f.attr("value").filter(|_| f.attr("type") == Some("hidden"));
                (f.attr("name").unwrap().to_owned(), kept.unwrap_or(typed).to_owned())
            });
            forms.push((absolute(path, form.attr("action").unwrap_or("")), sent.collect()));
        }
    }
    forms
}
