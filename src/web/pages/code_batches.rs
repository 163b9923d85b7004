//! Batches of codes: their progress, and the file of the finished codes.

use askama::Template;
use axum::response::Response;

use super::codes::{CSV_HEAD, csv_line};
use crate::app::App;
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::codes::ShownCode;
use crate::ops::watched::Export;
use crate::store::code_batches::Batch;
use crate::store::codes::{CodeFilter, CodeSort, Facts};
use crate::urls;
use crate::web::csv as csv_file;
use crate::web::downloads::STEP;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Visit};
use crate::web::view::{self, Frame, page};

#[derive(Template)]
#[template(path = "codes/batch.html")]
struct BatchPage {
    frame: Frame,
    batch: Batch,
    resource_type: &'static str,
}

pub async fn show(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let batch = ops::code_batches::find(&portal.app, &me.actor, id).await?;
    let resource_type = ResourceType::try_from(batch.resource_type).map_or("", ResourceType::label);
    let frame = Frame::of(&portal, &me, format!("Codes, batch #{id}")).await?;
    page(&BatchPage { frame, batch, resource_type })
}

pub async fn cancel(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    ops::code_batches::cancel(&portal.app, &me.actor, &operation_id, id).await?;
    Ok(view::done(&urls::code_batch(id), &operation_id))
}

/// The finished codes as a file.
pub async fn csv(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let batch = ops::code_batches::find(&portal.app, &me.actor, id).await?;
    let filter = CodeFilter {
        facts: Facts { batch: Some((batch.actor_id, batch.keys())), ..Facts::default() },
        sort: CodeSort::NewestFirst,
        limit: STEP,
        ..CodeFilter::default()
    };
    let what = format!("Batch of codes #{id}");
    let export = Export::new(&portal.app, &me.actor, batch.company_id, what);
    let actor = me.actor.clone();
    let read = move |app: App, cursor| {
        let (actor, export) = (actor.clone(), export.clone());
        let filter = CodeFilter { cursor, ..filter.clone() };
        async move {
            let (found, _) = ops::codes::list(&app, &actor, Some(batch.company_id), "", filter, false).await?;
            let found: Vec<ShownCode> = found.into_iter().map(|c| c.shown).collect();
            export.step(&found, found.len() as i64 == STEP).await?;
            Ok(found)
        }
    };
    csv_file::download(&portal, &me.actor, (format!("batch-{id}.csv"), &CSV_HEAD), csv_line, read).await
}
