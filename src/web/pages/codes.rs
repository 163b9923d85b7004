//! Codes: the section with its filters, and the windows to create, comment, delete and print.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::app::App;
use crate::model::amount::grouped;
use crate::model::ledger::CodeStatus;
use crate::model::refusal::FieldReason;
use crate::model::resources::ResourceType;
use crate::model::time::{self, Moment};
use crate::ops;
use crate::ops::codes::ShownCode;
use crate::ops::watched::{Export, Way, codes_shown};
use crate::store::code_batches::Batch;
use crate::store::codes::{CodeFilter, CodeSearch};
use crate::store::companies::Company;
use crate::urls;
use crate::web::downloads::STEP;
use crate::web::error::{WebError, WebResult};
use crate::web::extract::{BodyForm, Id, Me, QueryForm};
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, PAGE_SIZE, Plain, page, page_of_form};
use crate::web::{csv as csv_file, qr};

/// The list of codes of a company.
pub struct CodesSection {
    pub codes: Vec<ShownCode>,
    pub statuses: Vec<CodeStatus>,
    pub types: Vec<ResourceType>,
    pub next: Option<String>,
    pub csv: String,
    pub is_filtered: bool,
}

const FILTERS: [&str; 6] = ["q", "code", "status", "type", "from", "to"];

impl CodesSection {
    pub fn of(mut codes: Vec<ShownCode>, form: &Form, here: &str, company_id: i64) -> CodesSection {
        let parameters: Vec<(&str, &str)> = FILTERS.iter().map(|f| (*f, form.value(f))).collect();
        let mut next = None;
        if codes.len() as i64 > PAGE_SIZE {
            codes.truncate(PAGE_SIZE as usize);
            let before = codes.last().map_or(String::new(), |c| c.row.id.to_string());
            next = Some(urls::with_query(here, &[parameters.as_slice(), &[("before", &before)]].concat()));
        }
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

/// Reads the filters of an address. What cannot be read filters nothing.
pub fn read_filter(portal: &Portal, me: &Me, form: &Form) -> CodeFilter {
    CodeFilter {
        status: CodeStatus::from_slug(form.value("status")),
        resource_type: ResourceType::from_slug(form.value("type")),
        created_from: time::day_start(form.value("from"), &me.actor.time_zone),
        created_to: time::day_end(form.value("to"), &me.actor.time_zone),
        search: read_search(portal, form),
        before: form.value("before").parse().ok(),
        limit: PAGE_SIZE + 1,
    }
}

fn read_search(portal: &Portal, form: &Form) -> CodeSearch {
    match form.value("code").parse() {
        Ok(id) => CodeSearch::Id(id),
        Err(_) => ops::codes::search(&portal.app, &form.value("q").chars().take(200).collect::<String>()),
    }
}

/// Leads from the filters to the list. They are posted because a whole code may be searched for,
/// which must not stand in an address: there its number stands for it.
pub async fn search(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let found = ops::codes::find_whole(&portal.app, &me.actor, id, form.value("q")).await?;
    let code = found.map(|id| id.to_string()).unwrap_or_default();
    let q = if found.is_some() { "" } else { form.value("q") };
    let [status, resource_type, from, to] = ["status", "type", "from", "to"].map(|f| form.value(f));
    let filters = [
        ("q", q),
        ("code", code.as_str()),
        ("status", status),
        ("type", resource_type),
        ("from", from),
        ("to", to),
    ];
    let here = urls::company_part(id, "codes");
    Ok(Redirect::to(&urls::with_query(view::back(&form, &here), &filters)).into_response())
}

/// The filtered codes as a file.
pub async fn csv(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    let filter = CodeFilter { limit: STEP, ..read_filter(&portal, &me, &form) };
    let what = format!("Codes of {}", ops::companies::find(&portal.app, &me.actor, id).await?.name);
    let export = Export::new(&portal.app, &me.actor, id, what);
    let actor = me.actor.clone();
    let read = move |app: App, before| {
        let (actor, export) = (actor.clone(), export.clone());
        let filter = CodeFilter { before, ..filter.clone() };
        async move {
            let found = ops::codes::list(&app, &actor, id, &filter).await?;
            export.step(&found, found.len() as i64 == STEP).await?;
            Ok(found)
        }
    };
    csv_file::download(&portal, &me, (format!("codes-{id}.csv"), &CSV_HEAD), csv_line, read).await
}

/// The columns of [`csv_line`].
pub const CSV_HEAD: [&str; 9] = [
    "code",
    "type",
    "amount",
    "status",
    "comment",
    "created_by",
    "created_at",
    "used_by_company",
    "ended_at",
];

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

#[derive(Template)]
#[template(path = "codes/create.html")]
struct CreateWindow<'a> {
    frame: Frame,
    form: &'a Form,
    company: Company,
    back: &'a str,
}

async fn show_create(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require_admin()?;
    let id = form.value("company").parse().unwrap_or(me.actor.company_id);
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(portal, me, "Create new code").await?;
    page_of_form(
        &portal.app,
        &CreateWindow { frame, form, company, back: view::back(form, urls::RESOURCES_CODES) },
        form,
    )
}

pub async fn create_window(
    State(portal): State<Portal>,
    me: Me,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    show_create(&portal, &me, &form.or("type", "credit").or("count", "1")).await
}

pub async fn create(
    State(portal): State<Portal>,
    me: Me,
    BodyForm(mut form): BodyForm,
) -> WebResult<Response> {
    me.actor.require_admin()?;
    let key = form.operation(&portal.app, &me)?;
    let company_id = form.value("company").parse().map_err(|_| WebError::NotFound)?;
    let resource_type = form::read(&mut form, "type", form::resource_type);
    let amount = form::read(&mut form, "amount", form::amount);
    let count = form::read(&mut form, "count", count);
    let (Some(resource_type), Some(amount), Some(count)) = (resource_type, amount, count) else {
        return show_create(&portal, &me, &form).await;
    };
    let comment = form.value("comment").to_owned();
    let order = ops::codes::CodeOrder { company_id, resource_type, amount, comment: &comment, count };
    if count > ops::codes::CODES_AT_ONCE_MAX {
        return match ops::code_batches::create(&portal.app, &me.actor, &key, &order).await {
            Ok(outcome) => Ok(view::done(&urls::code_batch(outcome.about::<Batch>()?.id), &key)),
            Err(error) => show_create(&portal, &me, &form.refused(error)?).await,
        };
    }
    match ops::codes::create(&portal.app, &me.actor, &key, &order).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::RESOURCES_CODES), &key)),
        Err(error) => show_create(&portal, &me, &form.refused(error)?).await,
    }
}

/// How many codes: one where nothing is said.
fn count(text: &str) -> Result<i64, FieldReason> {
    use crate::model::amount::{AmountError, parse};
    let maximum = ops::code_batches::CODES_MAX;
    match parse(text) {
        Err(AmountError::Missing) => Ok(1),
        Ok(count) if count <= maximum => Ok(count),
        _ => Err(FieldReason::NotBetween { minimum: 1, maximum }),
    }
}

/// A code for a window about it.
async fn shown_one(portal: &Portal, me: &Me, id: i64) -> WebResult<ShownCode> {
    let code = ops::codes::find(&portal.app, &me.actor, id).await?;
    let what = format!("Code #{id}");
    codes_shown(&portal.app, &me.actor, Way::Shown, code.row.company_id, &what, [&code]).await?;
    Ok(code)
}

#[derive(Template)]
#[template(path = "codes/comment.html")]
struct CommentWindow<'a> {
    frame: Frame,
    form: &'a Form,
    code: ShownCode,
    back: &'a str,
}

async fn show_comment(portal: &Portal, me: &Me, id: i64, form: Form) -> WebResult<Response> {
    me.actor.require_admin()?;
    let code = shown_one(portal, me, id).await?;
    let form = form.or("comment", code.row.comment.clone());
    let frame = Frame::of(portal, me, "Edit comment").await?;
    let otherwise = urls::company_part(code.row.company_id, "codes");
    page_of_form(
        &portal.app,
        &CommentWindow { frame, form: &form, code, back: view::back(&form, &otherwise) },
        &form,
    )
}

pub async fn comment_window(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    show_comment(&portal, &me, id, form).await
}

pub async fn set_comment(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let key = form.operation(&portal.app, &me)?;
    match ops::codes::set_comment(&portal.app, &me.actor, &key, id, form.value("comment")).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::RESOURCES_CODES), &key)),
        Err(error) => show_comment(&portal, &me, id, form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "codes/delete.html")]
struct DeleteWindow<'a> {
    frame: Frame,
    form: &'a Form,
    code: ShownCode,
    back: &'a str,
}

async fn show_delete(portal: &Portal, me: &Me, id: i64, form: &Form) -> WebResult<Response> {
    me.actor.require_admin()?;
    let code = shown_one(portal, me, id).await?;
    let frame = Frame::of(portal, me, "Delete code").await?;
    let otherwise = urls::company_part(code.row.company_id, "codes");
    page_of_form(&portal.app, &DeleteWindow { frame, form, code, back: view::back(form, &otherwise) }, form)
}

pub async fn delete_window(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    show_delete(&portal, &me, id, &form).await
}

pub async fn delete(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let key = form.operation(&portal.app, &me)?;
    match ops::codes::delete(&portal.app, &me.actor, &key, id).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::RESOURCES_CODES), &key)),
        Err(error) => show_delete(&portal, &me, id, &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "codes/sheet.html")]
struct SheetPage {
    plain: Plain,
    cards: Vec<Card>,
    portal: String,
    back: String,
    next: Option<String>,
}

/// A card to cut out: the code, what it holds, and how to redeem it.
struct Card {
    code: String,
    units: String,
    company: String,
    /// What a voucher is called, and its last day.
    name: String,
    valid_until: Option<String>,
    qr: String,
}

/// The most cards of one page.
pub const CARDS_MAX: usize = 500;

/// Unused codes as cards on A4 sheets. A page for the printer: it has no frame.
pub async fn sheet(State(portal): State<Portal>, me: Me, QueryForm(form): QueryForm) -> WebResult<Response> {
    let ids: Vec<i64> = form.all("code").filter_map(|id| id.parse().ok()).take(CARDS_MAX).collect();
    let codes = ops::codes::find_many(&portal.app, &me.actor, &ids).await?;
    sheet_of(&portal, &me, &codes, view::back(&form, urls::RESOURCES_CODES), None).await
}

/// A sheet of those of some codes that are unused; `next` leads to another one.
pub async fn sheet_of(
    portal: &Portal,
    me: &Me,
    codes: &[ShownCode],
    back: &str,
    next: Option<String>,
) -> WebResult<Response> {
    let address = &portal.app.config.public_url;
    let unused = codes.iter().filter(|c| c.status == CodeStatus::Unused);
    if let Some(first) = codes.first() {
        let (company, what) = (first.row.company_id, format!("Sheet of codes of {}", first.row.company_name));
        codes_shown(&portal.app, &me.actor, Way::Printed, company, &what, unused.clone()).await?;
    }
    let cards = unused.map(|c| card(c, address, me)).collect::<WebResult<Vec<_>>>()?;
    let plain = Plain::new("Sheet of codes", me.theme);
    page(&SheetPage { plain, cards, portal: address.clone(), back: back.to_owned(), next })
}

fn card(code: &ShownCode, portal: &str, me: &Me) -> WebResult<Card> {
    // The code stands in the fragment, which a browser sends to nobody.
    let link = format!("{portal}{}#{}", urls::REDEEM, code.text);
    let valid_until = code.row.expires_at.map(|at| Moment(at).readable_date(&me.actor.time_zone));
    Ok(Card {
        code: code.text.clone(),
        units: format!("{} {}", grouped(code.row.amount), code.resource_type.label()),
        company: code.row.company_name.clone(),
        // A code's comment is for whoever made it; a voucher's name is for the customer too.
        name: if valid_until.is_some() { code.row.comment.clone() } else { String::new() },
        valid_until,
        qr: qr::svg(&link, 110)?,
    })
}
