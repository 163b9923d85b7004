//! Codes: the section with its filters, the search, and the file.

use axum::response::{IntoResponse as _, Redirect, Response};

use crate::app::App;
use crate::model::ledger::CodeStatus;
use crate::model::resources::ResourceType;
use crate::model::time::{self, Moment};
use crate::ops;
use crate::ops::actor::Actor;
use crate::ops::codes::ShownCode;
use crate::ops::error::OpResult;
use crate::ops::watched::Export;
use crate::store::codes::{CodeFilter, CodeSort, Facts};
use crate::urls;
use crate::web::csv as csv_file;
use crate::web::downloads::STEP;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::state::Portal;
use crate::web::view;

/// The list of a company's codes.
pub struct CodesSection {
    pub codes: Vec<ShownCode>,
    pub statuses: Vec<CodeStatus>,
    pub types: Vec<ResourceType>,
    pub next: Option<String>,
    pub csv: String,
    pub is_filtered: bool,
}

const SEARCH_LENGTH_MAX: usize = 200;
const FILTERS: [&str; 6] = ["q", "code", "status", "type", "from", "to"];

impl CodesSection {
    pub fn of(mut codes: Vec<ShownCode>, form: &Form, here: &str, company_id: i64) -> CodesSection {
        let parameters: Vec<(&str, &str)> = FILTERS.iter().map(|f| (*f, form.value(f))).collect();
        let before = cut(&mut codes).map(|c| c.row.id.to_string());
        let next =
            before.map(|before| urls::with_query(here, &[parameters.as_slice(), &[("before", &before)]].concat()));
        CodesSection {
            codes,
            statuses: CodeStatus::ALL.to_vec(),
            types: ResourceType::all().collect(),
            next,
            csv: urls::with_query(&urls::company_part(company_id, "codes.csv"), &parameters),
            is_filtered: parameters.iter().any(|(_, value)| !value.is_empty()) || form.has("before"),
        }
    }
}

/// Reads filters from a query: newest first, by creation or, if the status ends a code, by its end. Unreadable ones are
/// ignored.
fn read_filter(me: &Me, form: &Form) -> CodeFilter {
    let status = CodeStatus::from_slug(form.value("status"));
    CodeFilter {
        status,
        facts: Facts {
            resource_type: ResourceType::from_slug(form.value("type")),
            created_from: time::day_start(form.value("from"), &me.actor.time_zone),
            created_to: time::day_end(form.value("to"), &me.actor.time_zone),
            id: form.value("code").parse().ok(),
            ..Facts::default()
        },
        cursor: form.value("before").parse().ok(),
        sort: match status {
            None | Some(CodeStatus::Unused) => CodeSort::NewestFirst,
            Some(_) => CodeSort::LastEndedFirst,
        },
        limit: PAGE_SIZE + 1,
        ..CodeFilter::default()
    }
}

/// A page of a company's codes that the query's filters fit.
pub async fn read(portal: &Portal, me: &Me, company_id: i64, form: &Form) -> WebResult<Vec<ShownCode>> {
    read_more(&portal.app, &me.actor, company_id, form.value("q"), read_filter(me, form)).await.map_err(Into::into)
}

async fn read_more(
    app: &App,
    actor: &Actor,
    company_id: i64,
    text: &str,
    filter: CodeFilter,
) -> OpResult<Vec<ShownCode>> {
    let text: String = text.chars().take(SEARCH_LENGTH_MAX).collect();
    let (found, _) = ops::codes::list(app, actor, Some(company_id), &text, filter, false).await?;
    Ok(found.into_iter().map(|code| code.shown).collect())
}

/// Redirects from the filters to the list. They are posted because the search text may be a whole code, which must not
/// appear in an address: its id replaces it there.
pub async fn search(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let found = ops::codes::find_whole(&portal.app, &me.actor, id, form.value("q")).await?;
    let code = found.map(|id| id.to_string()).unwrap_or_default();
    let q = if found.is_some() { "" } else { form.value("q") };
    let [status, resource_type, from, to] = ["status", "type", "from", "to"].map(|f| form.value(f));
    let filters =
        [("q", q), ("code", code.as_str()), ("status", status), ("type", resource_type), ("from", from), ("to", to)];
    let here = urls::company_part(id, "codes");
    Ok(Redirect::to(&urls::with_query(view::back(&form, &here), &filters)).into_response())
}

/// The filtered codes as a file.
pub async fn csv(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    let filter = CodeFilter { limit: STEP, ..read_filter(&me, &form) };
    let text = form.value("q").to_owned();
    let what = format!("Codes of {}", ops::companies::find(&portal.app, &me.actor, id).await?.name);
    let export = Export::new(&portal.app, &me.actor, id, what);
    let actor = me.actor.clone();
    let read = move |app: App, cursor| {
        let (actor, export, text) = (actor.clone(), export.clone(), text.clone());
        let filter = CodeFilter { cursor, ..filter.clone() };
        async move {
            let found = read_more(&app, &actor, id, &text, filter).await?;
            export.step(&found, found.len() as i64 == STEP).await?;
            Ok(found)
        }
    };
    csv_file::download(&portal, &me.actor, (format!("codes-{id}.csv"), &CSV_HEAD), csv_line, read).await
}

/// The columns of [`csv_line`].
pub const CSV_HEAD: [&str; 9] =
    ["code", "type", "amount", "status", "comment", "created_by", "created_at", "used_by_company", "ended_at"];

/// A code as a line of a file, with its id.
pub fn csv_line(code: &ShownCode) -> (i64, Vec<String>) {
    let row = &code.row;
    let is_used = code.status == CodeStatus::Used;
    let cells = vec![
        code.text.clone(),
        code.resource_type.slug().to_owned(),
        row.amount.to_string(),
        code.status.label().to_owned(),
        row.comment.clone(),
        row.created_by.clone(),
        Moment(row.created_at).exact(),
        row.ended_company_name.clone().filter(|_| is_used).unwrap_or_default(),
        row.ended_at.map_or(String::new(), |at| Moment(at).exact()),
    ];
    (row.id, cells)
}
