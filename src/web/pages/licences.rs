//! Licences: shown, saved, moved to another device; and what devices fetch without signing in.

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::model::licence::{REHOSTS_MAX, product_code};
use crate::model::permission::Permission;
use crate::ops;
use crate::ops::licences::{Rehost, ShownLicence};
use crate::store::licences::KeyRow;
use crate::urls;
use crate::web::csv as csv_file;
use crate::web::downloads::STEP;
use crate::web::error::{WebError, WebResult};
use crate::web::extract::{BodyForm, Id, Me, Visit};
use crate::web::form::Form;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};

/// How long devices and proxies may cache a public answer.
const PUBLIC: &str = "public, max-age=300";
const CSV_HEAD: [&str; 8] = ["licence", "name", "product", "serial", "key_id", "issued_at", "expires_at", "key"];

/// A page of an order's licences.
pub struct LicencesSection {
    pub licences: Vec<ShownLicence>,
    pub next: Option<String>,
}

impl LicencesSection {
    pub async fn of(portal: &Portal, me: &Me, order_id: i64, form: &Form) -> WebResult<LicencesSection> {
        let after = form.value("after").parse().unwrap_or(0);
        let (app, actor) = (&portal.app, &me.actor);
        let mut licences = ops::licences::of_order(app, actor, order_id, after, PAGE_SIZE + 1).await?;
        let last = cut(&mut licences).map(|l| l.row.id.to_string());
        let next = last.map(|after| urls::with_query(&urls::order(order_id), &[("after", &after)]));
        Ok(LicencesSection { licences, next })
    }
}

impl ShownLicence {
    fn title(&self) -> String {
        format!("{} for {}", self.row.name, self.row.serial)
    }

    fn code(&self) -> String {
        product_code(self.row.product_id)
    }
}

#[derive(Template)]
#[template(path = "licences/show.html")]
struct LicencePage {
    frame: Frame,
    licence: ShownLicence,
    keys: Vec<KeyRow>,
}

pub async fn show(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let licence = ops::licences::find(&portal.app, &me.actor, id).await?;
    let keys = ops::licences::keys(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(&portal, &me, licence.title()).await?;
    page(&LicencePage { frame, licence, keys })
}

/// The key as a file for a device.
pub async fn file(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let licence = ops::licences::find(&portal.app, &me.actor, id).await?;
    let key = licence.key.ok_or(WebError::Forbidden)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let serial: String = licence.row.serial.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"licence-{serial}.txt\"")),
    ];
    Ok((headers, key + "\n").into_response())
}

/// All keys of an order.
pub async fn csv(Visit(portal, me): Visit, Id(order_id): Id) -> WebResult<Response> {
    me.actor.require(Permission::EditCodes)?;
    let actor = me.actor.clone();
    let read = move |app: App, after: Option<i64>| {
        let actor = actor.clone();
        async move { ops::licences::of_order(&app, &actor, order_id, after.unwrap_or(0), STEP).await }
    };
    csv_file::download(&portal, &me.actor, (format!("licences-{order_id}.csv"), &CSV_HEAD), csv_line, read).await
}

fn csv_line(licence: &ShownLicence) -> (i64, Vec<String>) {
    let row = &licence.row;
    let time = |at: i64| crate::model::time::Moment(at).rfc3339();
    let cells = vec![
        row.id.to_string(),
        row.name.clone(),
        licence.code(),
        row.serial.clone(),
        row.key_id.to_string(),
        time(row.issued_at),
        row.expires_at.map_or_else(String::new, time),
        licence.key.clone().unwrap_or_default(),
    ];
    (row.id, cells)
}

#[derive(Template)]
#[template(path = "licences/rehost.html")]
struct RehostWindow<'a> {
    frame: Frame,
    form: &'a Form,
    licence: ShownLicence,
}

impl RehostWindow<'_> {
    /// The key that the window was opened for.
    fn key_id(&self) -> String {
        let posted = self.form.value("key");
        if posted.is_empty() { self.licence.row.key_id.to_string() } else { posted.to_owned() }
    }

    fn moves_left(&self) -> i64 {
        REHOSTS_MAX - self.licence.row.rehosts
    }
}

async fn show_rehost(portal: &Portal, me: &Me, id: i64, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::EditCodes)?;
    let licence = ops::licences::find(&portal.app, &me.actor, id).await?;
    if !licence.is_own {
        return Err(WebError::NotFound);
    }
    let frame = Frame::of(portal, me, "Move licence").await?;
    page_of_form(&portal.app, &RehostWindow { frame, form, licence }, form)
}

pub async fn rehost_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    show_rehost(&portal, &me, id, &Form::default()).await
}

pub async fn rehost(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    // An unreadable id was never that of the live key.
    let key_id = form.value("key").parse().unwrap_or(0);
    let (serial, reason) = (form.value("serial"), form.value("reason"));
    let wish = Rehost { licence_id: id, key_id, serial, reason };
    match ops::licences::rehost(&portal.app, &me.actor, &operation_id, &wish).await {
        Ok(_) => Ok(view::done(&urls::licence(id), &operation_id)),
        Err(error) => show_rehost(&portal, &me, id, &form.refused(error)?).await,
    }
}

/// The public keys for checking licence keys, for makers of devices.
pub async fn public_key(State(portal): State<Portal>) -> Response {
    public("application/x-pem-file", portal.app.keys.licence_public_keys().to_pem())
}

/// The signed list of revoked keys, for devices.
pub async fn revocations(State(portal): State<Portal>) -> WebResult<Response> {
    let list = ops::licences::revocations(&portal.app).await?;
    Ok(public("text/plain; charset=utf-8", list + "\n"))
}

fn public(kind: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, PUBLIC),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    (headers, text).into_response()
}
