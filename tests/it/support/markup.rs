//! Rules that every page must follow. Each page that the walking tests visit is checked against them.

use std::collections::BTreeSet;

use scraper::{ElementRef, Html, Selector};

/// A parsed page.
pub struct Markup(Html);

impl Markup {
    /// Parses a page, or a fragment of one.
    pub fn of(body: &str) -> Markup {
        let is_page = body.trim_start().starts_with("<!doctype");
        Markup(if is_page { Html::parse_document(body) } else { Html::parse_fragment(body) })
    }

    pub fn all(&self, selector: &str) -> Vec<ElementRef<'_>> {
        self.0.select(&Selector::parse(selector).unwrap()).collect()
    }

    pub fn root(&self) -> ElementRef<'_> {
        self.0.root_element()
    }

    fn is_page(&self) -> bool {
        !self.all("html > head > title").is_empty()
    }

    /// The values of an attribute on all elements.
    fn values(&self, attribute: &str) -> Vec<&str> {
        self.all(&format!("[{attribute}]")).iter().filter_map(|e| e.attr(attribute)).collect()
    }

    /// Describes what is wrong with the page.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.0.errors.iter().map(ToString::to_string).collect();
        let mut ids = BTreeSet::new();
        for id in self.values("id") {
            if !ids.insert(id) {
                faults.push(format!("the id {id} stands twice"));
            }
        }
        for attribute in ["for", "aria-describedby", "aria-labelledby", "aria-controls", "popovertarget", "list"] {
            let names = self.values(attribute).into_iter().flat_map(str::split_whitespace);
            faults.extend(names.filter(|n| !ids.contains(n)).map(|n| format!("{attribute}: no {n}")));
        }
        if self.is_page() {
            faults.extend(self.faults_of_the_whole());
        }
        faults.extend(self.unnamed());
        faults.extend(self.inline());
        faults
    }

    fn faults_of_the_whole(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for once in ["head title", "h1", "main"] {
            let found = self.all(once);
            if found.len() != 1 || text(found[0]).is_empty() {
                faults.push(format!("{} elements {once}, or an empty one", found.len()));
            }
        }
        if self.all("html[lang]").is_empty() {
            faults.push("no language".to_owned());
        }
        faults
    }

    /// Fields and controls without an accessible name.
    fn unnamed(&self) -> Vec<String> {
        let labels: BTreeSet<&str> = self.values("for").into_iter().collect();
        let fields = self.all("input:not([type=hidden]), select, textarea, progress, button, a[href], summary");
        let is_named = |e: &ElementRef<'_>| {
            e.attr("aria-label").is_some_and(|l| !l.trim().is_empty())
                || e.attr("id").is_some_and(|id| labels.contains(id))
                || e.ancestors().filter_map(ElementRef::wrap).any(|a| a.value().name() == "label")
                || ["button", "a", "summary"].contains(&e.value().name()) && !text(*e).is_empty()
        };
        fields.iter().filter(|e| !is_named(e)).map(|e| format!("no name: {}", e.html())).collect()
    }

    /// Inline script and style, which belong in files of their own.
    fn inline(&self) -> Vec<String> {
        let mut faults: Vec<String> =
            self.all("style, script:not([src]), iframe, object, embed, base").iter().map(|e| e.html()).collect();
        for element in self.all("*") {
            let bad = |name: &str, value: &str| {
                name == "style"
                    || name.starts_with("on")
                    || value.trim_start().to_lowercase().starts_with("javascript:")
            };
            faults.extend(element.value().attrs().filter(|(n, v)| bad(n, v)).map(|(n, v)| format!("{n}={v:?}")));
        }
        faults
    }
}

/// The trimmed text of an element.
pub fn text(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().trim().to_owned()
}
