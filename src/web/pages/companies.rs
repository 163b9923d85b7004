//! Companies: the table and the tree, and the windows of what is done to them.

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse as _, Response};

use crate::ops;
use crate::ops::companies::{Change, Choices};
use crate::store::companies::{Company, CompanyFilter, Sort};
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, QueryForm};
use crate::web::fields;
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, PAGE_SIZE, page, page_of_form};

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
    /// The address that sorts by a column; a second click turns the order round.
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

pub async fn list(State(portal): State<Portal>, me: Me, QueryForm(form): QueryForm) -> WebResult<Response> {
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

/// Where the next page begins: the sort value and the id of this page's last row.
pub fn next_page(companies: &mut Vec<Company>, sort: Sort) -> Option<String> {
    if companies.len() as i64 <= PAGE_SIZE {
        return None;
    }
    companies.truncate(PAGE_SIZE as usize);
    companies.last().map(|last| {
        let value = match sort {
            Sort::Name => crate::model::company::searchable(&last.name),
            Sort::Level => last.level.to_string(),
            Sort::Created => last.created_at.to_string(),
            Sort::Credits => last.credits_left.to_string(),
        };
        format!("{}.{value}", last.id)
    })
}

/// Reads what [`next_page`] wrote. All but names are sorted by a number.
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

/// One level of the tree at a time, so that 100,000 companies are no more than a page.
async fn tree(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let id = form.value("of").parse().unwrap_or(me.actor.company_id);
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let above = ops::companies::above(&portal.app, &me.actor, &company).await?;
    let after = cursor(form.value("after"), Sort::Name);
    let mut companies =
        ops::companies::subsidiaries(&portal.app, &me.actor, id, after, PAGE_SIZE + 1).await?;
    let next = next_page(&mut companies, Sort::Name).map(|after| {
        urls::with_query(urls::COMPANIES, &[("view", "tree"), ("of", &id.to_string()), ("after", &after)])
    });
    let frame = Frame::of(portal, me, "Companies").await?;
    page(&TreePage { frame, company, above, companies, next })
}

#[derive(Template)]
#[template(path = "companies/options.html")]
struct Options {
    labels: Vec<String>,
}

/// Companies that fit a text, for the search while typing.
pub async fn options(
    State(portal): State<Portal>,
    me: Me,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    let choices = ops::companies::choices(&portal.app, &me.actor, form.value("q")).await?;
    let labels = choices.companies.iter().map(fields::label).collect();
    Ok(Html(Options { labels }.render()?).into_response())
}

/// The companies to choose from in a form. Where they are searched and not listed, a chosen number
/// is shown as the company's name.
pub async fn choices(portal: &Portal, me: &Me, form: &Form, fields: &[&str]) -> WebResult<(Form, Choices)> {
    let mut form = form.clone();
    let choices = ops::companies::choices(&portal.app, &me.actor, "").await?;
    for field in fields.iter().filter(|_| choices.is_partial) {
        if form.value(field).parse::<i64>().is_ok()
            && let Ok(found) = ops::companies::resolve(&portal.app, &me.actor, form.value(field)).await
        {
            form.set(field, fields::label(&found));
        }
    }
    Ok((form, choices))
}

/// Reads a company field; notes at the field why it names none.
pub async fn read_company(
    portal: &Portal,
    me: &Me,
    form: &mut Form,
    field: &'static str,
) -> WebResult<Option<i64>> {
    use ops::companies::ResolveError;
    match ops::companies::resolve(&portal.app, &me.actor, form.value(field)).await {
        Ok(found) => Ok(Some(found.id)),
        Err(ResolveError::Reason(reason)) => {
            form.refuse(field, reason);
            Ok(None)
        }
        Err(ResolveError::Fault(error)) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "companies/create.html")]
struct CreateWindow<'a> {
    frame: Frame,
    form: &'a Form,
    choices: Choices,
    back: &'a str,
}

async fn show_create(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require_admin()?;
    let (form, choices) = choices(portal, me, form, &["parent"]).await?;
    let frame = Frame::of(portal, me, "Create company").await?;
    let back = view::back(&form, urls::COMPANIES);
    page_of_form(&portal.app, &CreateWindow { frame, form: &form, choices, back }, &form)
}

pub async fn create_window(
    State(portal): State<Portal>,
    me: Me,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    let own = me.actor.company_id.to_string();
    show_create(&portal, &me, &form.or("parent", own)).await
}

pub async fn create(
    State(portal): State<Portal>,
    me: Me,
    BodyForm(mut form): BodyForm,
) -> WebResult<Response> {
    me.actor.require_admin()?;
    let key = form.operation(&portal.app, &me)?;
    let parent = read_company(&portal, &me, &mut form, "parent").await?;
    form::read(&mut form, "name", crate::model::company::name);
    let Some(parent) = parent.filter(|_| form.problems().is_empty()) else {
        return show_create(&portal, &me, &form).await;
    };
    match ops::companies::create(&portal.app, &me.actor, &key, form.value("name"), parent).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::COMPANIES), &key)),
        Err(error) => show_create(&portal, &me, &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "companies/rename.html")]
struct RenameWindow<'a> {
    frame: Frame,
    form: &'a Form,
    company: Company,
    back: &'a str,
}

async fn show_rename(portal: &Portal, me: &Me, id: i64, form: Form) -> WebResult<Response> {
    me.actor.require_admin()?;
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let form = form.or("name", company.name.clone());
    let frame = Frame::of(portal, me, "Rename company").await?;
    let otherwise = urls::company(id);
    page_of_form(
        &portal.app,
        &RenameWindow { frame, form: &form, company, back: view::back(&form, &otherwise) },
        &form,
    )
}

pub async fn rename_window(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    show_rename(&portal, &me, id, form).await
}

pub async fn rename(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let key = form.operation(&portal.app, &me)?;
    let change = Change { name: Some(form.value("name")), ..Change::default() };
    match ops::companies::change(&portal.app, &me.actor, &key, id, change).await {
        Ok(_) => Ok(view::done(view::back(&form, &urls::company(id)), &key)),
        Err(error) => show_rename(&portal, &me, id, form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "companies/parent.html")]
struct ParentWindow<'a> {
    frame: Frame,
    form: &'a Form,
    company: Company,
    choices: Choices,
    back: &'a str,
}

async fn show_parent(portal: &Portal, me: &Me, id: i64, form: Form) -> WebResult<Response> {
    me.actor.require_admin()?;
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let form = form.or("parent", company.parent_id.unwrap_or_default().to_string());
    let (form, choices) = choices(portal, me, &form, &["parent"]).await?;
    let frame = Frame::of(portal, me, "Put under another company").await?;
    let otherwise = urls::company(id);
    page_of_form(
        &portal.app,
        &ParentWindow { frame, form: &form, company, choices, back: view::back(&form, &otherwise) },
        &form,
    )
}

pub async fn parent_window(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    show_parent(&portal, &me, id, form).await
}

pub async fn put_under(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    BodyForm(mut form): BodyForm,
) -> WebResult<Response> {
    me.actor.require_admin()?;
    let key = form.operation(&portal.app, &me)?;
    let Some(parent) = read_company(&portal, &me, &mut form, "parent").await? else {
        return show_parent(&portal, &me, id, form).await;
    };
    match ops::companies::put_under(&portal.app, &me.actor, &key, id, parent).await {
        Ok(_) => Ok(view::done(view::back(&form, &urls::company(id)), &key)),
        Err(error) => show_parent(&portal, &me, id, form.refused(error)?).await,
    }
}

pub async fn parent_credits(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let key = form.operation(&portal.app, &me)?;
    let on = form.switch("on")?;
    let change = Change { use_parent_credits: Some(on), ..Change::default() };
    ops::companies::change(&portal.app, &me.actor, &key, id, change).await?;
    Ok(view::done(view::back(&form, &urls::company(id)), &key))
}

#[derive(Template)]
#[template(path = "companies/second_factor.html")]
struct SecondFactorWindow {
    frame: Frame,
    company: Company,
}

pub async fn second_factor_window(State(portal): State<Portal>, me: Me, Id(id): Id) -> WebResult<Response> {
    me.actor.require_admin()?;
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(&portal, &me, "Two-factor authentication").await?;
    page(&SecondFactorWindow { frame, company })
}

pub async fn demand_second_factor(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let key = form.operation(&portal.app, &me)?;
    let on = form.switch("on")?;
    ops::companies::demand_second_factor(&portal.app, &me.actor, &key, id, on).await?;
    Ok(view::done(&urls::company(id), &key))
}

#[derive(Template)]
#[template(path = "companies/remove.html")]
struct RemoveWindow<'a> {
    frame: Frame,
    form: &'a Form,
    companies: Vec<Company>,
    back: &'a str,
}

async fn show_remove(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require_admin()?;
    let ids = chosen(form);
    let companies = ops::companies::find_many(&portal.app, &me.actor, &ids).await?;
    let frame = Frame::of(portal, me, "Remove company").await?;
    page_of_form(
        &portal.app,
        &RemoveWindow { frame, form, companies, back: view::back(form, urls::COMPANIES) },
        form,
    )
}

fn chosen(form: &Form) -> Vec<i64> {
    form.all("company").filter_map(|id| id.parse().ok()).take(PAGE_SIZE as usize).collect()
}

pub async fn remove_window(
    State(portal): State<Portal>,
    me: Me,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    show_remove(&portal, &me, &form).await
}

pub async fn remove(State(portal): State<Portal>, me: Me, BodyForm(form): BodyForm) -> WebResult<Response> {
    let key = form.operation(&portal.app, &me)?;
    match ops::companies::remove(&portal.app, &me.actor, &key, &chosen(&form)).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::COMPANIES), &key)),
        Err(error) => show_remove(&portal, &me, &form.refused(error)?).await,
    }
}
