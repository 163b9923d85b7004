//! List searches are posted: the text may be a whole code, which must not appear in an address.

use axum::response::{IntoResponse as _, Redirect, Response};

use crate::ops;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Visit};
use crate::web::form::Form;

const TEXT_LENGTH_MAX: usize = 200;

/// Redirects to the list with the search text, or to the code if the text is one.
pub async fn search(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let text: String = form.value("q").chars().take(TEXT_LENGTH_MAX).collect();
    let found = ops::codes::find_by_text(&portal.app, &me.actor, &text).await?;
    let address = match found {
        Some(code) => {
            let list = urls::company_part(code.row.company_id, "codes");
            urls::with_query(&list, &[("code", &code.row.id.to_string())])
        }
        None => list_of(&form, &text),
    };
    Ok(Redirect::to(&address).into_response())
}

fn list_of(form: &Form, text: &str) -> String {
    let list = form.value("list").split('?').next().unwrap_or_default();
    let list = if urls::is_local(list) { list } else { urls::OVERVIEW };
    let filters = ["state", "service", "tag"].map(|name| (name, form.value(name)));
    urls::with_query(list, &[&[("q", text)], filters.as_slice()].concat())
}
