//! The contents of a report on a company's resources, from top to bottom.

use std::num::NonZeroU16;

use krilla::tagging::Tag;

use super::sheet::{Look, Place, Sheet};
use super::table::{self, Column};
use super::{number_pages, paragraph, readable};
use crate::model::amount::grouped;
use crate::model::credit_report::CreditReport;
use crate::model::time::Moment;

const TOTALS: [Column; 2] = [
    Column { head: "In this period", share: 0.7, is_number: false },
    Column { head: "Number", share: 0.3, is_number: true },
];
const CHILD_POOLS: [Column; 3] = [
    Column { head: "Company", share: 0.5, is_number: false },
    Column { head: "Type", share: 0.3, is_number: false },
    Column { head: "Received", share: 0.2, is_number: true },
];
const USES: [Column; 5] = [
    Column { head: "Serial number", share: 0.24, is_number: false },
    Column { head: "MAC address", share: 0.2, is_number: false },
    Column { head: "Used", share: 0.1, is_number: true },
    Column { head: "When (UTC)", share: 0.2, is_number: false },
    Column { head: "User", share: 0.26, is_number: false },
];
const DATA: [Column; 4] = [
    Column { head: "Credits", share: 0.2, is_number: true },
    Column { head: "MiB", share: 0.2, is_number: true },
    Column { head: "When (UTC)", share: 0.25, is_number: false },
    Column { head: "User", share: 0.35, is_number: false },
];
const CODES: [Column; 5] = [
    Column { head: "Code", share: 0.3, is_number: false },
    Column { head: "Type", share: 0.2, is_number: false },
    Column { head: "Amount", share: 0.15, is_number: true },
    Column { head: "Used", share: 0.1, is_number: false },
    Column { head: "Created (UTC)", share: 0.25, is_number: false },
];

/// The title, which also names the document in its metadata.
pub(super) fn title(report: &CreditReport) -> String {
    let (first, last) = (readable(report.first_day), readable(report.last_day));
    format!("Credit report of {}, {first} to {last}", report.company)
}

pub(super) fn lay_out(sheet: &mut Sheet, report: &CreditReport, title: &str) {
    let level = Tag::Hn(NonZeroU16::MIN, Some(title.to_owned()));
    sheet.group(level, |sheet| sheet.write(title, Place::ALL, Look { size: 16.0, bold: true, ..Look::BODY }));
    sheet.space(8.0);
    let about = report.resource_type.map_or("All resource types", |one| one.label());
    paragraph(sheet, about, Look::BODY);
    let totals = report.totals();
    let rows: Vec<Vec<String>> = [
        ("Pools of companies below that were filled", totals.child_pools),
        ("Units that these companies received", totals.child_company_credits),
        ("Times that devices used units", totals.pool_logs),
        ("Units that devices used", totals.credits_for_devices),
        ("Units in codes that were created", totals.transfer_codes_credits),
        ("Credits that became data", totals.data_purchase),
    ]
    .map(|(label, number)| vec![label.to_owned(), grouped(number)])
    .to_vec();
    table::write(sheet, Place::ALL, &TOTALS, &rows);
    let rows = report
        .child_pools
        .iter()
        .map(|pool| vec![pool.company.clone(), pool.resource_type.label().to_owned(), grouped(pool.count)]);
    section(sheet, "Given to companies below", &CHILD_POOLS, rows.collect());
    let rows = report.uses.iter().map(|used| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        vec![text(&used.serial), text(&used.mac), grouped(used.amount), moment(used.at), text(&used.username)]
    });
    section(sheet, "Used by devices", &USES, rows.collect());
    let rows = report.codes.iter().map(|code| {
        let is_used = if code.is_used { "yes" } else { "no" };
        let label = code.resource_type.label().to_owned();
        vec![code.code.clone(), label, grouped(code.amount), is_used.to_owned(), moment(code.created_at)]
    });
    section(sheet, "Codes created", &CODES, rows.collect());
    let rows = report.data.iter().map(|bought| {
        let user = bought.username.clone().unwrap_or_default();
        vec![grouped(bought.credits), grouped(bought.mebibytes), moment(bought.at), user]
    });
    section(sheet, "Data bought", &DATA, rows.collect());
    number_pages(sheet, title);
}

fn section(sheet: &mut Sheet, head: &str, columns: &[Column], rows: Vec<Vec<String>>) {
    sheet.space(14.0);
    sheet.keep(8.0 * Look::BODY.height());
    let two = NonZeroU16::new(2).unwrap_or(NonZeroU16::MIN);
    let level = Tag::Hn(two, Some(head.to_owned()));
    sheet.group(level, |sheet| sheet.write(head, Place::ALL, Look { size: 11.0, bold: true, ..Look::BODY }));
    sheet.space(4.0);
    if rows.is_empty() {
        return paragraph(sheet, "None.", Look::BODY);
    }
    table::write(sheet, Place::ALL, columns, &rows);
}

fn moment(microseconds: i64) -> String {
    Moment(microseconds).exact().trim_end_matches(" UTC").to_owned()
}
