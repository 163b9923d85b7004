//! Operator: Failed jobs.

use askama::Template;
use axum::response::Response;

use crate::ops;
use crate::ops::failed_jobs::{About, FailedJob};
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, QueryForm, Visit};
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::view::{self, Frame, page};
use crate::words;

#[derive(Template)]
#[template(path = "failed_jobs/list.html")]
struct ListPage {
    frame: Frame,
    failed: Vec<FailedJob>,
    count: i64,
    next: Option<String>,
    is_first: bool,
}

impl ListPage {
    fn is_many(&self) -> bool {
        self.count > 1
    }
}

pub async fn list(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let after = cursor(form.value("after"));
    let is_first = after.is_none();
    let (mut failed, count) = ops::failed_jobs::list(&portal.app, &me.actor, after, PAGE_SIZE + 1).await?;
    let last = cut(&mut failed).map(|f| format!("{}.{}", f.job.given_up_at, f.job.id));
    let next = last.map(|after| urls::with_query(urls::FAILED_JOBS, &[("after", &after)]));
    let frame = Frame::of(&portal, &me, "Failed jobs").await?;
    page(&ListPage { frame, failed, count, next, is_first })
}

fn cursor(text: &str) -> Option<(i64, i64)> {
    let (at, id) = text.split_once('.')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}

pub async fn retry(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    ops::failed_jobs::retry(&portal.app, &me.actor, &operation_id, id).await?;
    Ok(view::done(urls::FAILED_JOBS, &operation_id))
}

pub async fn retry_all(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    ops::failed_jobs::retry_all(&portal.app, &me.actor, &operation_id).await?;
    Ok(view::done(urls::FAILED_JOBS, &operation_id))
}
