//! Account settings, API: applications. Under Security: those that a person allows.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::confirm;
use crate::model::role;
use crate::model::token::Scope;
use crate::ops;
use crate::ops::applications::{ApplicationForm, MadeApplication};
use crate::store::applications::Application;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};
use crate::words;

#[derive(Template)]
#[template(path = "applications/list.html")]
struct ListPage {
    frame: Frame,
    applications: Vec<Application>,
    next: Option<String>,
}

pub async fn list(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let before = form.value("before").parse().ok();
    let mut applications = ops::applications::list(&portal.app, &me.actor, before, PAGE_SIZE + 1).await?;
    let last = cut(&mut applications).map(|application| application.id.to_string());
    let next = last.map(|before| urls::with_query(urls::APPLICATIONS, &[("before", &before)]));
    let frame = Frame::of(&portal, &me, "Applications").await?;
    page(&ListPage { frame, applications, next })
}

#[derive(Template)]
#[template(path = "applications/show.html")]
struct ShowPage {
    frame: Frame,
    application: Application,
}

pub async fn show(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let application = ops::applications::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(&portal, &me, application.name.clone()).await?;
    page(&ShowPage { frame, application })
}

#[derive(Template)]
#[template(path = "applications/form.html")]
struct FormWindow<'a> {
    frame: Frame,
    form: &'a Form,
    /// The application to change; `None` for a new one.
    known: Option<&'a Application>,
    scopes: &'static [Scope],
    roles: Vec<(String, String)>,
}

impl FormWindow<'_> {
    fn is_chosen(&self, scope: &Scope) -> bool {
        self.form.all("scope").any(|slug| slug == scope.slug())
    }

    fn is_kind(&self, kind: &str) -> bool {
        self.form.value("kind") == kind
    }

    fn action(&self) -> String {
        let change = |known: &Application| urls::application_part(known.id, "content");
        self.known.map_or_else(|| urls::APPLICATIONS.to_owned(), change)
    }

    fn back(&self) -> String {
        self.known.map_or_else(|| urls::APPLICATIONS.to_owned(), |known| urls::application(known.id))
    }

    /// Whether it has, or may have, a service user.
    fn may_act(&self) -> bool {
        self.known.is_none_or(Application::is_confidential)
    }
}

async fn show_form(portal: &Portal, me: &Me, known: Option<&Application>, form: &Form) -> WebResult<Response> {
    let frame = Frame::of(portal, me, if known.is_some() { "Change application" } else { "Add application" }).await?;
    let none = (String::new(), "No: it acts only for people who allow it".to_owned());
    let given =
        ops::roles::choices(&portal.app, &me.actor, known.map_or(me.actor.standing(), Application::maker)).await?;
    let given = given.into_iter().map(|role| (role.key(), format!("Yes: {}", role.title)));
    let roles = std::iter::once(none).chain(given).collect();
    page_of_form(&portal.app, &FormWindow { frame, form, known, scopes: &Scope::ALL, roles }, form)
}

/// The fields, but for those that may come several times.
const FIELDS: [&str; 6] = ["name", "description", "redirect_urls", "kind", "service_role", "published"];

/// The dialog's address with what was typed.
fn window_again(form: &Form) -> String {
    let mut typed: Vec<(&str, &str)> = FIELDS.map(|field| (field, form.value(field))).to_vec();
    typed.extend(form.all("scope").map(|slug| ("scope", slug)));
    urls::with_query(urls::APPLICATIONS_NEW, &typed)
}

fn read(form: &Form) -> ApplicationForm<'_> {
    ApplicationForm {
        name: form.value("name"),
        description: form.value("description"),
        redirect_urls: form.value("redirect_urls"),
        scopes: form.all("scope").collect(),
        service_role: form.value("service_role"),
        is_published: form.value("published") == "1",
    }
}

pub async fn new_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    if !me.actor.has_second_factor() {
        return Ok(Redirect::to(urls::APPLICATIONS).into_response()); // It asks for a second factor first.
    }
    confirm::require(&portal, &me, &me.here).await?;
    show_form(&portal, &me, None, &form.or("kind", "confidential")).await
}

pub async fn create(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    if me.actor.has_second_factor() {
        confirm::require(&portal, &me, &window_again(&form)).await?;
    }
    let kind = form.value("kind");
    match ops::applications::create(&portal.app, &me.actor, &operation_id, kind, &read(&form)).await {
        Ok(made) => show_made(&portal, &me, &made).await,
        Err(error) => show_form(&portal, &me, None, &form.refused(error)?).await,
    }
}

/// An application as the form shows it.
fn filled(known: &Application) -> Form {
    let published = if known.is_published == 1 { "1" } else { "" };
    let role = known.service_role_id.map(|id| role::name(id).map_or_else(|| id.to_string(), str::to_owned));
    let role = role.unwrap_or_default();
    let mut form = Form::filled(&[
        ("name", &known.name),
        ("description", &known.description),
        ("redirect_urls", &known.redirect_urls),
        ("service_role", &role),
        ("published", published),
    ]);
    known.scopes().iter().for_each(|scope| form.push("scope", scope.slug()));
    form
}

pub async fn change_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let known = ops::applications::find(&portal.app, &me.actor, id).await?;
    if !me.actor.has_second_factor() {
        return Ok(Redirect::to(urls::APPLICATIONS).into_response());
    }
    confirm::require(&portal, &me, &me.path).await?;
    show_form(&portal, &me, Some(&known), &filled(&known)).await
}

pub async fn change(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let known = ops::applications::find(&portal.app, &me.actor, id).await?;
    if me.actor.has_second_factor() {
        confirm::require(&portal, &me, &me.path).await?;
    }
    match ops::applications::change(&portal.app, &me.actor, &operation_id, id, &read(&form)).await {
        Ok(_) => Ok(view::done(&urls::application(id), &operation_id)),
        Err(error) => show_form(&portal, &me, Some(&known), &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "applications/made.html")]
struct MadePage<'a> {
    frame: Frame,
    application: Application,
    secret: Option<&'a str>,
}

/// A secret is shown once, in the response itself: no address leads to it.
async fn show_made(portal: &Portal, me: &Me, made: &MadeApplication) -> WebResult<Response> {
    let application = ops::applications::find(&portal.app, &me.actor, made.id).await?;
    let mut frame = Frame::of(portal, me, "Application").await?;
    frame.notice = Some(words::event(&made.event));
    page(&MadePage { frame, application, secret: made.secret.as_ref().map(|secret| secret.reveal()) })
}

/// What a window asks about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Secret,
    Deletion,
}

#[derive(Template)]
#[template(path = "applications/question.html")]
struct QuestionWindow<'a> {
    frame: Frame,
    form: &'a Form,
    application: Application,
    question: Question,
}

impl QuestionWindow<'_> {
    fn is_deletion(&self) -> bool {
        self.question == Question::Deletion
    }
}

async fn ask(portal: &Portal, me: &Me, id: i64, question: Question, form: &Form) -> WebResult<Response> {
    let application = ops::applications::find(&portal.app, &me.actor, id).await?;
    let title = if question == Question::Deletion { "Delete application" } else { "New secret" };
    let frame = Frame::of(portal, me, title).await?;
    page_of_form(&portal.app, &QuestionWindow { frame, form, application, question }, form)
}

pub async fn secret_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    if !me.actor.has_second_factor() {
        return Ok(Redirect::to(urls::APPLICATIONS).into_response());
    }
    confirm::require(&portal, &me, &me.path).await?;
    ask(&portal, &me, id, Question::Secret, &Form::default()).await
}

pub async fn renew_secret(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    if me.actor.has_second_factor() {
        confirm::require(&portal, &me, &me.path).await?;
    }
    match ops::applications::renew_secret(&portal.app, &me.actor, &operation_id, id).await {
        Ok(made) => show_made(&portal, &me, &made).await,
        Err(error) => ask(&portal, &me, id, Question::Secret, &form.refused(error)?).await,
    }
}

pub async fn delete_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    ask(&portal, &me, id, Question::Deletion, &Form::default()).await
}

pub async fn delete(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::applications::delete(&portal.app, &me.actor, &operation_id, id).await {
        Ok(_) => Ok(view::done(urls::APPLICATIONS, &operation_id)),
        Err(error) => ask(&portal, &me, id, Question::Deletion, &form.refused(error)?).await,
    }
}

/// Ends what the person allowed an application.
pub async fn revoke(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    ops::oauth::grants::revoke(&portal.app, &me.actor, &operation_id, id).await?;
    Ok(view::done(urls::SECURITY, &operation_id))
}
