//! Reports: the operator's sales, and the state changes of codes in the reader's tree.

use askama::Template;
use axum::response::{Redirect, Response};

use crate::model::amount::grouped;
use crate::model::money::{Currency, Money};
use crate::model::month::{Month, Period, PeriodError};
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::error::{OpError, OpResult};
use crate::ops::reports::{CodeReport, MonthCodes};
use crate::store::reports::{CompanySales, MonthSales, SalesCursor};
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::monthly::Monthly;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::state::Portal;
use crate::web::view::{Frame, page_of_form};

fn read_period(portal: &Portal, form: &Form) -> Result<Period, (&'static str, PeriodError)> {
    Period::read(form.value("from"), form.value("to"), portal.app.clock.now())
}

/// The period of a page. If it is unreadable the form says so, and the last year is shown.
fn shown_period(portal: &Portal, form: &mut Form) -> Period {
    match read_period(portal, form) {
        Ok(period) => {
            form.set("from", period.from.slug());
            form.set("to", period.to.slug());
            period
        }
        Err((field, reason)) => {
            form.refuse(field, reason);
            Period::year_to(Month::of(portal.app.clock.now()))
        }
    }
}

/// The period of a file. A file cannot show errors, so it redirects to the page, which can.
pub(super) fn file_period(portal: &Portal, form: &Form) -> Result<Period, Redirect> {
    read_period(portal, form).map_err(|_| {
        let typed = [("from", form.value("from")), ("to", form.value("to"))];
        Redirect::to(&urls::with_query(urls::REPORTS, &typed))
    })
}

fn address(path: &str, period: Period) -> String {
    urls::with_query(path, &[("from", &period.from.slug()), ("to", &period.to.slug())])
}

#[derive(Template)]
#[template(path = "reports/show.html")]
struct ReportsPage<'a> {
    frame: Frame,
    form: &'a Form,
    sales: Option<Sales>,
    unused: Vec<(ResourceType, i64)>,
    codes: Vec<Monthly>,
    codes_csv: String,
}

pub async fn show(Visit(portal, me): Visit, QueryForm(mut form): QueryForm) -> WebResult<Response> {
    let period = shown_period(&portal, &mut form);
    let report = ops::reports::codes(&portal.app, &me.actor, period).await?;
    let sales = match me.actor.is_operator() {
        true => Some(Sales::read(&portal, &me, period, form.value("after")).await?),
        false => None,
    };
    let frame = Frame::of(&portal, &me, "Reports").await?;
    let (codes, codes_csv) = (by_month(&report, period), address(urls::CODES_BY_MONTH_CSV, period));
    let shown = ReportsPage { frame, form: &form, sales, unused: report.unused, codes, codes_csv };
    page_of_form(&portal.app, &shown, &form)
}

const FATES: [&str; 4] = ["Made", "Used", "Expired", "Cancelled or deleted"];

/// The number of codes, and the units of each type.
fn by_month(report: &CodeReport, period: Period) -> Vec<Monthly> {
    if report.months.is_empty() {
        return Vec::new();
    }
    let monthly = |title: String, numbers: &dyn Fn(&MonthCodes) -> Option<[i64; 4]>| {
        let found = report.months.iter().filter_map(|m| numbers(m).map(|n| (Month(m.month), n)));
        Monthly::of(title, (&FATES, FATES.len()), period, found, grouped)
    };
    let mut all = vec![monthly("Number of codes".into(), &|m| Some(m.codes))];
    let types = ResourceType::all().filter(|t| report.months.iter().any(|m| m.resource_type == *t));
    all.extend(types.map(|t| {
        let title = format!("Units of {}", t.label());
        monthly(title, &|m| (m.resource_type == t).then_some(m.units))
    }));
    all
}

/// The sales: by month in each currency, and a page of them by distributor and month.
struct Sales {
    by_month: Vec<Monthly>,
    /// With the month, and net, VAT, total as displayed.
    rows: Vec<(CompanySales, String, [String; 3])>,
    is_first: bool,
    here: String,
    next: Option<String>,
    csv: String,
}

impl Sales {
    async fn read(portal: &Portal, me: &Me, period: Period, after: &str) -> OpResult<Sales> {
        let (app, actor) = (&portal.app, &me.actor);
        let after = cursor(after);
        let by_month = ops::reports::sales_by_month(app, actor, period).await?;
        let mut rows = ops::reports::sales(app, actor, period, after.as_ref(), PAGE_SIZE + 1).await?;
        let here = address(urls::REPORTS, period);
        let next = next_page(&mut rows).map(|after| format!("{here}&after={after}#by-distributor"));
        Ok(Sales {
            by_month: by_month
                .chunk_by(|a, b| a.currency == b.currency)
                .map(|c| in_currency(c, period))
                .collect::<OpResult<_>>()?,
            rows: rows.into_iter().map(row).collect::<OpResult<_>>()?,
            is_first: after.is_none(),
            here: format!("{here}#by-distributor"),
            next,
            csv: address(urls::SALES_CSV, period),
        })
    }
}

/// The sales in one currency: different ones are never added up.
fn in_currency(sales: &[MonthSales], period: Period) -> OpResult<Monthly> {
    let currency = currency(&sales[0].currency)?;
    let found = sales.iter().map(|s| (Month(s.month), [s.net, s.vat, s.total]));
    let title = format!("Sales in {}", currency.code());
    let columns = (&["Net", "VAT", "Total"], 1);
    Ok(Monthly::of(title, columns, period, found, |minor| Money::new(minor, currency).number()))
}

fn currency(code: &str) -> OpResult<Currency> {
    Currency::from_code(code).ok_or_else(|| OpError::Internal(format!("there is no currency {code}")))
}

fn row(sales: CompanySales) -> OpResult<(CompanySales, String, [String; 3])> {
    let currency = currency(&sales.currency)?;
    let figures = [sales.net, sales.vat, sales.total].map(|minor| Money::new(minor, currency).number());
    Ok((sales.clone(), Month(sales.month).label(), figures))
}

/// The start of the next page: this page's last row.
fn next_page(rows: &mut Vec<CompanySales>) -> Option<String> {
    cut(rows).map(|row| format!("{}.{}.{}", row.month, row.company_id, row.currency))
}

/// Parses the result of [`next_page`].
fn cursor(text: &str) -> Option<SalesCursor> {
    let mut parts = text.splitn(3, '.');
    let (month, company_id) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((month, company_id, Currency::from_code(parts.next()?)?.code().to_owned()))
}
