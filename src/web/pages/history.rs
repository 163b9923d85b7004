//! History: every act and transfer of the tree, with filters and as a file.

use askama::Template;
use axum::response::Response;

use crate::app::App;
use crate::model::ledger::Cause;
use crate::model::resources::ResourceType;
use crate::model::time::{self, Moment};
use crate::ops;
use crate::ops::history::VERBS;
use crate::store::history::{HistoryFilter, HistoryRow};
use crate::urls;
use crate::web::csv as csv_file;
use crate::web::downloads::STEP;
use crate::web::error::WebResult;
use crate::web::extract::{Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::view::{Frame, page};

/// The list, on any page.
pub struct HistorySection {
    pub rows: Vec<HistoryRow>,
    pub verbs: &'static [(&'static str, &'static str)],
    pub next: Option<String>,
    pub csv: String,
    pub is_filtered: bool,
}

const FILTERS: [&str; 3] = ["action", "from", "to"];

impl HistorySection {
    pub fn of(mut rows: Vec<HistoryRow>, form: &Form, here: &str, company_id: Option<i64>) -> HistorySection {
        let parameters: Vec<(&str, &str)> = FILTERS.iter().map(|f| (*f, form.value(f))).collect();
        let before = cut(&mut rows).map(|r| r.id.to_string());
        let next =
            before.map(|before| urls::with_query(here, &[parameters.as_slice(), &[("before", &before)]].concat()));
        let company = company_id.map_or(String::new(), |id| id.to_string());
        HistorySection {
            rows,
            verbs: VERBS,
            next,
            csv: urls::with_query(urls::HISTORY_CSV, &[parameters.as_slice(), &[("company", &company)]].concat()),
            is_filtered: parameters.iter().any(|(_, value)| !value.is_empty()) || form.has("before"),
        }
    }
}

impl HistoryRow {
    pub fn action(&self) -> &str {
        ops::history::label(&self.verb)
    }

    /// The access token that acted.
    pub fn token(&self) -> Option<String> {
        let id = self.token_id?;
        Some(self.token_name.as_ref().map_or(format!("#{id}"), |name| format!("{name} (#{id})")))
    }

    pub fn type_label(&self) -> &'static str {
        self.resource_type.and_then(|t| ResourceType::try_from(t).ok()).map_or("", ResourceType::label)
    }

    /// What an event other than a transfer happened to.
    pub fn what(&self) -> String {
        match (self.code_id, self.subject.as_str(), self.details.as_str()) {
            (Some(id), _, which) if self.verb == Cause::Replace.slug() => format!("Code #{id}: {which}"),
            (Some(id), _, _) => format!("Code #{id}"),
            (None, subject, "") => subject.to_owned(),
            (None, "", details) => details.to_owned(),
            (None, subject, details) => format!("{subject}: {details}"),
        }
    }
}

/// Reads filters from a query. Unreadable ones are ignored.
pub fn read_history(me: &Me, form: &Form, limit: i64) -> HistoryFilter {
    HistoryFilter {
        verb: VERBS.iter().find(|(v, _)| *v == form.value("action")).map(|(v, _)| (*v).to_owned()),
        from: time::day_start(form.value("from"), &me.actor.time_zone),
        to: time::day_end(form.value("to"), &me.actor.time_zone),
        before: form.value("before").parse().ok(),
        limit,
        ..HistoryFilter::default()
    }
}

#[derive(Template)]
#[template(path = "history/list.html")]
struct HistoryPage<'a> {
    frame: Frame,
    form: &'a Form,
    section: HistorySection,
}

pub async fn show(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let filter = read_history(&me, &form, PAGE_SIZE + 1);
    let rows = ops::history::list(&portal.app, &me.actor, None, &filter).await?;
    let section = HistorySection::of(rows, &form, urls::HISTORY, None);
    let frame = Frame::of(&portal, &me, "History").await?;
    page(&HistoryPage { frame, form: &form, section })
}

/// The filtered history as a file.
pub async fn csv(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let company = form.value("company").parse().ok();
    let (actor, filter) = (me.actor.clone(), read_history(&me, &form, STEP));
    let read = move |app: App, before| {
        let (actor, filter) = (actor.clone(), HistoryFilter { before, ..filter.clone() });
        async move { ops::history::list(&app, &actor, company, &filter).await }
    };
    let head = ["at", "who", "action", "from", "to", "amount", "type", "what", "address", "token"];
    csv_file::download(&portal, &me.actor, ("history.csv".to_owned(), &head), csv_line, read).await
}

fn csv_line(row: &HistoryRow) -> (i64, Vec<String>) {
    let slug = row.resource_type.and_then(|t| ResourceType::try_from(t).ok()).map_or("", ResourceType::slug);
    let cells = vec![
        Moment(row.at).exact(),
        row.who.clone().unwrap_or_default(),
        row.action().to_owned(),
        row.from_name.clone().unwrap_or_default(),
        row.to_name.clone().unwrap_or_default(),
        row.amount.map_or(String::new(), |a| a.to_string()),
        slug.to_owned(),
        row.what(),
        row.address.clone(),
        row.token().unwrap_or_default(),
    ];
    (row.id, cells)
}
