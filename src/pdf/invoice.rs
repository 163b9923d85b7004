//! The contents of an invoice or a credit note, from top to bottom.

use std::num::NonZeroU16;

use krilla::tagging::Tag;

use super::sheet::{Look, MARGIN, Place, Sheet, WIDTH};
use super::table::{self, Column};
use super::{number_pages, paragraph, readable};
use crate::model::amount::grouped;
use crate::model::invoice::{Billing, Document, DocumentKind, Line, Seller};
use crate::model::money::Money;

const REVERSE_CHARGE: &str = "Reverse charge: VAT is to be accounted for by the recipient.";

const COLUMNS: [Column; 7] = [
    Column { head: "Description", share: 0.31, is_number: false },
    Column { head: "Quantity", share: 0.09, is_number: true },
    Column { head: "Unit", share: 0.15, is_number: false },
    Column { head: "Unit price", share: 0.12, is_number: true },
    Column { head: "Net", share: 0.13, is_number: true },
    Column { head: "VAT rate", share: 0.09, is_number: true },
    Column { head: "VAT", share: 0.11, is_number: true },
];

const RATES: [Column; 3] = [
    Column { head: "VAT rate", share: 0.3, is_number: false },
    Column { head: "Net", share: 0.35, is_number: true },
    Column { head: "VAT", share: 0.35, is_number: true },
];

pub(super) fn lay_out(sheet: &mut Sheet, document: &Document, title: &str) {
    let level = Tag::Hn(NonZeroU16::MIN, Some(title.to_owned()));
    sheet.group(level, |sheet| sheet.write(title, Place::ALL, Look { size: 20.0, bold: true, ..Look::BODY }));
    sheet.space(14.0);
    parties(sheet, &document.seller, &document.buyer);
    sheet.space(14.0);
    facts(sheet, document);
    sheet.space(18.0);
    let rows: Vec<Vec<String>> = document.lines.iter().map(|line| cells(document, line)).collect();
    table::write(sheet, Place::ALL, &COLUMNS, &rows);
    sheet.space(12.0);
    sums(sheet, document);
    sheet.space(18.0);
    payment(sheet, document);
    paragraph(sheet, &document.notes, Look::BODY);
    paragraph(sheet, &document.seller.footer, Look::SMALL);
    number_pages(sheet, &document.number);
}

fn half(right: bool) -> Place {
    let width = WIDTH / 2.0 - 12.0;
    Place { x: if right { MARGIN + WIDTH / 2.0 + 12.0 } else { MARGIN }, width }
}

/// Writes `left` and `right` side by side.
fn beside(sheet: &mut Sheet, left: impl FnOnce(&mut Sheet, Place), right: impl FnOnce(&mut Sheet, Place)) {
    let top = sheet.at;
    left(sheet, half(false));
    let after = sheet.at;
    sheet.at = top;
    right(sheet, half(true));
    if (after.page, after.y) > (sheet.at.page, sheet.at.y) {
        sheet.at = after;
    }
}

fn parties(sheet: &mut Sheet, seller: &Seller, buyer: &Billing) {
    let Seller { name, address, country, vat_number, registration, email, .. } = seller;
    let from =
        [address, crate::model::country::name(country), &labelled("VAT number", vat_number), registration, email];
    let Billing { address, country, vat_number, email, .. } = buyer;
    let to = [address, crate::model::country::name(country), &labelled("VAT number", vat_number), email];
    beside(
        sheet,
        |sheet, place| party(sheet, place, "Seller", name, &from),
        |sheet, place| party(sheet, place, "Buyer", &buyer.name, &to),
    );
}

fn labelled(label: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{label} {text}") }
}

fn party(sheet: &mut Sheet, place: Place, head: &str, name: &str, texts: &[&str]) {
    sheet.group(Tag::Section, |sheet| {
        sheet.group(Tag::P, |sheet| sheet.write(head, place, Look::SMALL));
        sheet.group(Tag::P, |sheet| sheet.write(name, place, Look::BOLD));
        for text in texts.iter().filter(|t| !t.is_empty()) {
            sheet.group(Tag::P, |sheet| sheet.write(text, place, Look::BODY));
        }
    });
}

fn facts(sheet: &mut Sheet, document: &Document) {
    let mut facts = vec![("Issued on", readable(document.issued_on))];
    facts.extend(document.due_on.map(|due| ("Due on", readable(due))));
    facts.push(("Order", document.order_id.to_string()));
    facts.extend(document.corrects.clone().map(|number| ("Corrects invoice", number)));
    facts.push(("Currency", document.currency.code().to_owned()));
    let (top, width) = (sheet.at, WIDTH / facts.len() as f32);
    for (i, (label, value)) in facts.iter().enumerate() {
        let place = Place { x: MARGIN + i as f32 * width, width };
        sheet.at = top;
        sheet.group(Tag::P, |sheet| {
            // The colon and the space are for screen readers and for copied text.
            sheet.write(&format!("{label}:"), place, Look::SMALL);
            sheet.write(value, place, Look::BODY);
        });
    }
}

fn cells(document: &Document, line: &Line) -> Vec<String> {
    let money = |minor| Money::new(minor, document.currency).number();
    vec![
        line.description.clone(),
        grouped(line.quantity),
        line.unit.clone(),
        money(line.unit_price),
        money(line.net),
        line.vat_rate.to_string(),
        money(line.vat),
    ]
}

fn sums(sheet: &mut Sheet, document: &Document) {
    let totals = document.totals();
    let place = half(true);
    if !document.reverse_charge {
        let row = |(rate, sum): (_, crate::model::invoice::Totals)| {
            vec![format!("{rate}"), sum.net.number(), sum.vat.number()]
        };
        let rows: Vec<_> = document.vat_summary().into_iter().map(row).collect();
        table::write(sheet, place, &RATES, &rows);
        sheet.space(8.0);
    }
    let pairs =
        [("Net", totals.net.to_string()), ("VAT", totals.vat.to_string()), ("Total", totals.gross().to_string())];
    table::sums(sheet, place, &pairs);
    if document.reverse_charge {
        sheet.space(8.0);
        paragraph(sheet, REVERSE_CHARGE, Look::BOLD);
    }
}

fn payment(sheet: &mut Sheet, document: &Document) {
    if let Some(paid) = &document.paid {
        let text = format!("Paid on {} {}", readable(paid.on), paid.how);
        return paragraph(sheet, &format!("{}.", text.trim_end()), Look::BOLD);
    }
    if document.kind != DocumentKind::Invoice {
        return;
    }
    sheet.keep(8.0 * Look::BODY.height());
    paragraph_head(sheet, "Payment");
    let total = document.totals().gross();
    let due = document.due_on.map(|due| format!(" by {}", readable(due))).unwrap_or_default();
    let text = format!("Please pay {total}{due} with the reference {}.", document.number);
    sheet.group(Tag::P, |sheet| sheet.write(&text, Place::ALL, Look::BODY));
    paragraph(sheet, &document.seller.bank_account, Look::BODY);
}

fn paragraph_head(sheet: &mut Sheet, text: &str) {
    sheet.group(Tag::P, |sheet| sheet.write(text, Place::ALL, Look::BOLD));
}
