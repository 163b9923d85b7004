//! Reports: the operator's of all companies, and a distributor's of its own vouchers.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::model::money::{Currency, Money};
use crate::model::month::{Month, Period};
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::error::{OpError, OpResult, Reason};
use crate::ops::reports::{OperatorReport, VoucherReport};
use crate::store::reports::{CompanySales, MonthSales, MonthVouchers, Outstanding, SalesCursor};
use crate::web::bars::{Bars, Series};
use crate::web::error::WebResult;
use crate::web::extract::{Asked, Me};
use crate::web::form::Form;
use crate::web::router::Portal;
use crate::web::view::{Frame, PAGE_SIZE, page_of_form};
use crate::web::{csv as csv_file, urls};

/// The period of an address. Where it cannot be read the form says so, and the last year is shown.
fn period(portal: &Portal, form: &mut Form) -> Period {
    let now = portal.app.clock.now();
    let read = Period::read(form.value("from"), form.value("to"), now);
    let period = read.unwrap_or_else(|(field, error)| {
        form.refuse(field, Reason::Period(error));
        Period::year_to(Month::of(now))
    });
    if form.problems().is_empty() {
        form.set("from", period.from.slug());
        form.set("to", period.to.slug());
    }
    period
}

/// The period of a file, which has no place to say what is wrong.
fn file_period(portal: &Portal, form: &Form) -> OpResult<Period> {
    Period::read(form.value("from"), form.value("to"), portal.app.clock.now()).map_err(|_| OpError::NotFound)
}

/// An address with a period.
fn at(path: &str, period: Period) -> String {
    urls::with_query(path, &[("from", &period.from.slug()), ("to", &period.to.slug())])
}

/// An amount of a stored currency.
fn money(minor: i64, code: &str) -> OpResult<Money> {
    let currency = Currency::from_code(code);
    currency.map(|c| Money::new(minor, c)).ok_or_else(|| OpError::Internal(format!("no currency {code}")))
}

fn resource(id: i64) -> OpResult<ResourceType> {
    ResourceType::try_from(id).map_err(|_| OpError::Internal(format!("no resource type {id}")))
}

/// The sales of one currency, the latest month first. Currencies are never added up.
struct CurrencySales {
    code: String,
    chart: Option<Bars>,
    /// Net, VAT, total.
    months: Vec<(String, [String; 3])>,
    sum: [String; 3],
}

impl CurrencySales {
    /// One for each currency that something was sold in.
    fn all(sales: &[MonthSales], period: Period) -> OpResult<Vec<CurrencySales>> {
        let mut codes: Vec<&str> = sales.iter().map(|s| s.currency.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        codes.into_iter().map(|code| CurrencySales::of(code, sales, period)).collect()
    }

    fn of(code: &str, sales: &[MonthSales], period: Period) -> OpResult<CurrencySales> {
        let months: Vec<Month> = period.months().collect();
        let figures = |month: &Month| {
            let found = sales.iter().find(|s| s.currency == code && s.month == month.0);
            found.map_or([0; 3], |s| [s.net, s.vat, s.total])
        };
        let all: Vec<[i64; 3]> = months.iter().map(figures).collect();
        let zero = money(0, code)?;
        let shown = |figures: &[i64; 3]| figures.map(|minor| Money { minor, ..zero }.number());
        let sum = all.iter().fold([0; 3], |sum, f| [sum[0] + f[0], sum[1] + f[1], sum[2] + f[2]]);
        let net = Series { label: "Net", values: all.iter().map(|f| f[0]).collect() };
        let title = format!("Net sales in {code} by month");
        Ok(CurrencySales {
            code: code.to_owned(),
            chart: Bars::of(title, &months, &[net], |minor| Money { minor, ..zero }.to_string()),
            months: months.iter().zip(&all).rev().map(|(m, f)| (m.label(), shown(f))).collect(),
            sum: shown(&sum),
        })
    }
}

/// Unused units by the year of their end: the columns, and a row for each type.
struct OutstandingTable {
    years: Vec<i64>,
    rows: Vec<OutstandingRow>,
}

struct OutstandingRow {
    label: &'static str,
    is_voucher: bool,
    units: Vec<i64>,
    codes: i64,
    sum: i64,
}

impl OutstandingTable {
    fn of(found: &[Outstanding]) -> OpResult<OutstandingTable> {
        let mut years: Vec<i64> = found.iter().map(|o| o.expires_year).collect();
        // Those without an end come last.
        years.sort_unstable_by_key(|year| if *year == 0 { i64::MAX } else { *year });
        years.dedup();
        let mut rows: Vec<(i64, i64)> = found.iter().map(|o| (o.resource_type, o.is_voucher)).collect();
        rows.dedup();
        let row = |(resource_type, is_voucher): (i64, i64)| {
            let of_row = || {
                found.iter().filter(move |o| (o.resource_type, o.is_voucher) == (resource_type, is_voucher))
            };
            let in_year = |year: &i64| of_row().filter(|o| o.expires_year == *year).map(|o| o.units).sum();
            Ok(OutstandingRow {
                label: resource(resource_type)?.label(),
                is_voucher: is_voucher == 1,
                units: years.iter().map(in_year).collect(),
                codes: of_row().map(|o| o.codes).sum(),
                sum: of_row().map(|o| o.units).sum(),
            })
        };
        Ok(OutstandingTable { rows: rows.into_iter().map(row).collect::<OpResult<_>>()?, years })
    }
}

/// What became of the units of one type, the latest month first.
struct TypeUnits {
    label: &'static str,
    chart: Option<Bars>,
    /// Redeemed, expired.
    months: Vec<(String, [i64; 2])>,
    sum: [i64; 2],
}

impl TypeUnits {
    fn all(report: &OperatorReport, period: Period) -> OpResult<Vec<TypeUnits>> {
        let types = ResourceType::all().filter(|t| report.units.iter().any(|u| u.resource_type == t.id()));
        types.map(|t| Ok(TypeUnits::of(t, report, period))).collect()
    }

    fn of(resource_type: ResourceType, report: &OperatorReport, period: Period) -> TypeUnits {
        let months: Vec<Month> = period.months().collect();
        let figures = |month: &Month| {
            let found =
                report.units.iter().find(|u| u.resource_type == resource_type.id() && u.month == month.0);
            found.map_or([0; 2], |u| [u.redeemed, u.expired])
        };
        let all: Vec<[i64; 2]> = months.iter().map(figures).collect();
        let values = |i: usize| all.iter().map(|f| f[i]).collect();
        let series =
            [Series { label: "Redeemed", values: values(0) }, Series { label: "Expired", values: values(1) }];
        let label = resource_type.label();
        TypeUnits {
            label,
            chart: Bars::of(
                format!("{label}: units redeemed and expired by month"),
                &months,
                &series,
                grouped,
            ),
            sum: all.iter().fold([0; 2], |sum, f| [sum[0] + f[0], sum[1] + f[1]]),
            months: months.iter().map(|m| m.label()).zip(all.iter().copied()).rev().collect(),
        }
    }
}

fn grouped(n: i64) -> String {
    crate::model::amount::grouped(n)
}

/// A row of the sales by distributor.
struct SalesRow {
    sales: CompanySales,
    month: String,
    /// Net, VAT, total.
    figures: [String; 3],
}

impl SalesRow {
    fn of(sales: CompanySales) -> OpResult<SalesRow> {
        let zero = money(0, &sales.currency)?;
        let figures = [sales.net, sales.vat, sales.total].map(|minor| Money { minor, ..zero }.number());
        Ok(SalesRow { month: Month(sales.month).label(), figures, sales })
    }
}

#[derive(Template)]
#[template(path = "reports/operator.html")]
struct OperatorPage<'a> {
    frame: Frame,
    form: &'a Form,
    sales: Vec<CurrencySales>,
    rows: Vec<SalesRow>,
    next: Option<String>,
    is_first: bool,
    here: String,
    outstanding: OutstandingTable,
    units: Vec<TypeUnits>,
    sales_csv: String,
    units_csv: String,
}

pub async fn operator(State(portal): State<Portal>, me: Me, Asked(mut form): Asked) -> WebResult<Response> {
    let after = cursor(form.value("after"));
    let is_first = after.is_none();
    let period = period(&portal, &mut form);
    let report = ops::reports::of_operator(&portal.app, &me.actor, period).await?;
    let limit = PAGE_SIZE + 1;
    let mut rows = ops::reports::sales(&portal.app, &me.actor, period, after.as_ref(), limit).await?;
    let here = at(urls::OPERATOR_REPORTS, period);
    let next =
        next_page(&mut rows).map(|after| format!("{here}&after={}#by-distributor", urls::escape(&after)));
    let frame = Frame::of(&portal, &me, "Reports").await?;
    let shown = OperatorPage {
        frame,
        form: &form,
        sales: CurrencySales::all(&report.sales, period)?,
        rows: rows.into_iter().map(SalesRow::of).collect::<OpResult<_>>()?,
        next,
        is_first,
        here,
        outstanding: OutstandingTable::of(&report.outstanding)?,
        units: TypeUnits::all(&report, period)?,
        sales_csv: at(urls::SALES_CSV, period),
        units_csv: at(urls::UNITS_CSV, period),
    };
    page_of_form(&portal.app, &shown, &form)
}

/// Where the next page begins: this page's last row.
fn next_page(rows: &mut Vec<CompanySales>) -> Option<String> {
    if rows.len() as i64 <= PAGE_SIZE {
        return None;
    }
    rows.truncate(PAGE_SIZE as usize);
    rows.last().map(|row| format!("{}.{}.{}", row.month, row.company_id, row.currency))
}

/// Reads what [`next_page`] wrote.
fn cursor(text: &str) -> Option<SalesCursor> {
    let mut parts = text.splitn(3, '.');
    let (month, company_id) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((month, company_id, Currency::from_code(parts.next()?)?.code().to_owned()))
}

pub async fn sales_csv(State(portal): State<Portal>, me: Me, Asked(form): Asked) -> WebResult<Response> {
    let period = file_period(&portal, &form)?;
    let first = ops::reports::sales(&portal.app, &me.actor, period, None, csv_file::STEP).await?;
    let read = move |after: SalesCursor| {
        let (app, actor) = (portal.app.clone(), me.actor.clone());
        async move { ops::reports::sales(&app, &actor, period, Some(&after), csv_file::STEP).await }
    };
    let head = ["month", "company_id", "company", "currency", "net", "vat", "total"];
    Ok(csv_file::download("sales.csv", &head, first, sales_line, read))
}

fn sales_line(row: &CompanySales) -> (SalesCursor, Vec<String>) {
    // A currency that no Scrip wrote is shown in minor units rather than left out.
    let plain = |minor: i64| money(minor, &row.currency).map_or(minor.to_string(), Money::plain);
    let cells = vec![
        Month(row.month).slug(),
        row.company_id.to_string(),
        row.company_name.clone(),
        row.currency.clone(),
        plain(row.net),
        plain(row.vat),
        plain(row.total),
    ];
    ((row.month, row.company_id, row.currency.clone()), cells)
}

pub async fn outstanding_csv(State(portal): State<Portal>, me: Me) -> WebResult<Response> {
    let period = Period::year_to(Month::of(portal.app.clock.now()));
    let report = ops::reports::of_operator(&portal.app, &me.actor, period).await?;
    let line = |o: &Outstanding| {
        let year = if o.expires_year == 0 { String::new() } else { o.expires_year.to_string() };
        let kind = if o.is_voucher == 1 { "voucher" } else { "code" };
        let slug = resource(o.resource_type)?.slug();
        Ok(vec![slug.to_owned(), kind.to_owned(), year, o.codes.to_string(), o.units.to_string()])
    };
    let lines = report.outstanding.iter().map(line).collect::<OpResult<Vec<_>>>()?;
    Ok(csv_file::file("outstanding.csv", &["type", "kind", "expires_in", "codes", "units"], &lines))
}

pub async fn units_csv(State(portal): State<Portal>, me: Me, Asked(form): Asked) -> WebResult<Response> {
    let report = ops::reports::of_operator(&portal.app, &me.actor, file_period(&portal, &form)?).await?;
    let line = |u: &crate::store::reports::MonthUnits| {
        let slug = resource(u.resource_type)?.slug();
        Ok(vec![Month(u.month).slug(), slug.to_owned(), u.redeemed.to_string(), u.expired.to_string()])
    };
    let lines = report.units.iter().map(line).collect::<OpResult<Vec<_>>>()?;
    Ok(csv_file::file("redeemed-and-expired.csv", &["month", "type", "redeemed", "expired"], &lines))
}

/// What became of vouchers in a month: made, used, expired, cancelled.
fn voucher_figures(m: &MonthVouchers) -> [i64; 4] {
    [m.made, m.used, m.expired, m.cancelled]
}

#[derive(Template)]
#[template(path = "reports/vouchers.html")]
struct VouchersPage<'a> {
    frame: Frame,
    form: &'a Form,
    chart: Option<Bars>,
    /// Made, used, expired, cancelled; the latest month first.
    months: Vec<(String, [i64; 4])>,
    sum: [i64; 4],
    /// Type, codes, units.
    unused: Vec<(&'static str, i64, i64)>,
    csv: String,
}

pub async fn vouchers(State(portal): State<Portal>, me: Me, Asked(mut form): Asked) -> WebResult<Response> {
    let period = period(&portal, &mut form);
    let report = ops::reports::of_vouchers(&portal.app, &me.actor, period).await?;
    let frame = Frame::of(&portal, &me, "Reports").await?;
    let months: Vec<Month> = period.months().collect();
    let figures = each_month(&report, &months);
    let unused = report.unused.iter().map(|u| Ok((resource(u.resource_type)?.label(), u.codes, u.units)));
    let shown = VouchersPage {
        frame,
        form: &form,
        chart: voucher_chart(&months, &figures),
        sum: figures.iter().fold([0; 4], |sum, f| std::array::from_fn(|i| sum[i] + f[i])),
        months: months.iter().map(|m| m.label()).zip(figures.iter().copied()).rev().collect(),
        unused: unused.collect::<OpResult<_>>()?,
        csv: at(urls::VOUCHER_REPORT_CSV, period),
    };
    page_of_form(&portal.app, &shown, &form)
}

/// The figures of each month, also of those in which nothing happened.
fn each_month(report: &VoucherReport, months: &[Month]) -> Vec<[i64; 4]> {
    let of_month = |month: &Month| report.months.iter().find(|m| m.month == month.0).map(voucher_figures);
    months.iter().map(|month| of_month(month).unwrap_or_default()).collect()
}

fn voucher_chart(months: &[Month], figures: &[[i64; 4]]) -> Option<Bars> {
    let labels = ["Made", "Used", "Expired", "Cancelled"];
    let series = |(i, label)| Series { label, values: figures.iter().map(|f| f[i]).collect() };
    let series: Vec<Series> = labels.into_iter().enumerate().map(series).collect();
    Bars::of("Voucher codes made, used, expired and cancelled by month".into(), months, &series, grouped)
}

pub async fn vouchers_csv(State(portal): State<Portal>, me: Me, Asked(form): Asked) -> WebResult<Response> {
    let period = file_period(&portal, &form)?;
    let report = ops::reports::of_vouchers(&portal.app, &me.actor, period).await?;
    let months: Vec<Month> = period.months().collect();
    let line = |(month, figures): (&Month, [i64; 4])| {
        std::iter::once(month.slug()).chain(figures.map(|n| n.to_string())).collect()
    };
    let lines: Vec<Vec<String>> = months.iter().zip(each_month(&report, &months)).map(line).collect();
    Ok(csv_file::file("vouchers-by-month.csv", &["month", "made", "used", "expired", "cancelled"], &lines))
}
