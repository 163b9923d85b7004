//! Companies: the table and the tree.

use askama::Template;
use axum::response::Response;

use crate::ops;
use crate::store::companies::{Company, CompanyFilter, Sort};
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::state::Portal;
use crate::web::view::{Frame, page};

#[derive(Template)]
#[template(path = "companies/list.html")]
struct ListPage<'a> {
    frame: Frame,
    form: &'a Form,
    companies: Vec<Company>,
    sort: Sort,
    descending: bool,
    next: Option<String>,
    is_first: bool,
}

impl ListPage<'_> {
    /// The address that sorts by a column; a second click reverses the order.
    fn sort_link(&self, slug: &str) -> String {
        let turned = self.sort.slug() == slug && !self.descending;
        let order = if turned { "desc" } else { "" };
        urls::with_query(urls::COMPANIES, &[("q", self.form.value("q")), ("sort", slug), ("order", order)])
    }

    fn aria_sort(&self, slug: &str) -> &'static str {
        match (self.sort.slug() == slug, self.descending) {
            (false, _) => "none",
            (true, false) => "ascending",
            (true, true) => "descending",
        }
    }
}

pub async fn list(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    if form.value("view") == "tree" {
        return tree(&portal, &me, &form).await;
    }
    let sort = Sort::from_slug(form.value("sort")).unwrap_or_default();
    let descending = form.value("order") == "desc";
    let filter = CompanyFilter {
        text: form.value("q").chars().take(200).collect(),
        sort,
        descending,
        after: cursor(form.value("after"), sort),
        limit: PAGE_SIZE + 1,
    };
    let mut companies = ops::companies::list(&portal.app, &me.actor, &filter).await?;
    let next = next_page(&mut companies, sort).map(|after| {
        let order = if descending { "desc" } else { "" };
        let parameters = [("q", form.value("q")), ("sort", sort.slug()), ("order", order), ("after", &after)];
        urls::with_query(urls::COMPANIES, &parameters)
    });
    let frame = Frame::of(&portal, &me, "Companies").await?;
    let is_first = filter.after.is_none();
    page(&ListPage { frame, form: &form, companies, sort, descending, next, is_first })
}

/// The start of the next page: the sort value and the id of this page's last row.
pub fn next_page(companies: &mut Vec<Company>, sort: Sort) -> Option<String> {
    cut(companies).map(|last| {
        let value = match sort {
            Sort::Name => crate::model::company::searchable(&last.name),
            Sort::Level => last.level.to_string(),
            Sort::Created => last.created_at.to_string(),
            Sort::Credits => last.credits_left.to_string(),
        };
        format!("{}.{value}", last.id)
    })
}

/// Parses the result of [`next_page`]. All orders but the name's use a number.
pub fn cursor(text: &str, sort: Sort) -> Option<(String, i64)> {
    let (id, value) = text.split_once('.')?;
    let fits = sort == Sort::Name || value.parse::<i64>().is_ok();
    Some((value.to_owned(), id.parse().ok().filter(|_| fits)?))
}

#[derive(Template)]
#[template(path = "companies/tree.html")]
struct TreePage {
    frame: Frame,
    /// The company whose subsidiaries are shown, and those above it.
    company: Company,
    above: Vec<Company>,
    companies: Vec<Company>,
    next: Option<String>,
}

/// One level of the tree at a time, so that 100,000 companies fit on a page.
async fn tree(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let id = form.value("of").parse().unwrap_or(me.actor.company_id);
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let above = ops::companies::above(&portal.app, &me.actor, &company).await?;
    let after = cursor(form.value("after"), Sort::Name);
    let mut companies = ops::companies::subsidiaries(&portal.app, &me.actor, id, after, PAGE_SIZE + 1).await?;
    let next = next_page(&mut companies, Sort::Name).map(|after| {
        urls::with_query(urls::COMPANIES, &[("view", "tree"), ("of", &id.to_string()), ("after", &after)])
    });
    let frame = Frame::of(portal, me, "Companies").await?;
    page(&TreePage { frame, company, above, companies, next })
}
