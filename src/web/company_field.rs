//! The field that names a company: its choices, and how it is read.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};

use crate::ops;
use crate::ops::companies::Choices;
use crate::web::error::WebResult;
use crate::web::extract::{Me, QueryForm, Visit};
use crate::web::fields;
use crate::web::form::Form;
use crate::web::state::Portal;

/// The companies to choose from in a form. If they are searched rather than listed, a chosen id is shown as the
/// company's name.
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

/// Reads a company field; on failure the form shows why at the field.
pub async fn read_company(portal: &Portal, me: &Me, form: &mut Form, field: &'static str) -> WebResult<Option<i64>> {
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
#[template(path = "companies/options.html")]
struct Options {
    labels: Vec<String>,
}

/// Companies that match a text, for the search while typing.
pub async fn options(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let choices = ops::companies::choices(&portal.app, &me.actor, form.value("q")).await?;
    let labels = choices.companies.iter().map(fields::label).collect();
    Ok(Html(Options { labels }.render()?).into_response())
}
