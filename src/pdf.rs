//! PDF documents: PDF/A-2a for archiving, PDF/UA-1 for screen readers. A document always gives the same bytes. To add
//! one, lay it out on a [`sheet::Sheet`] as `invoice` does.

mod draw;
mod invoice;
mod report;
mod sheet;
mod table;
mod text;

use jiff::civil::Date;
use krilla::tagging::Tag;

use self::sheet::{At, Look, PAGE_HEIGHT, Place, Sheet};
use crate::model::credit_report::CreditReport;
use crate::model::invoice::Document;

/// Why there is no PDF: a bug, since any text can be printed.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    #[error("a font does not open")]
    Font,
    #[error("the PDF is not valid: {0:?}")]
    Invalid(krilla::error::KrillaError),
    #[error("the PDF has no configuration: {0:?}")]
    Configuration(krilla::configure::ConfigurationError),
}

/// The PDF of an invoice or a credit note.
///
/// # Errors
/// No text that a document can hold causes one.
pub fn invoice(document: &Document) -> Result<Vec<u8>, PdfError> {
    let title = format!("{} {}", document.kind.title(), document.number);
    let mut sheet = sheet::Sheet::new(text::Fonts::new()?);
    invoice::lay_out(&mut sheet, document, &title);
    draw::draw(sheet, &title, &document.seller.name, document.issued_on)
}

/// The PDF of a report on a company's resources.
///
/// # Errors
/// No text that a report can hold causes one.
pub fn credit_report(report: &CreditReport) -> Result<Vec<u8>, PdfError> {
    let title = report::title(report);
    let mut sheet = Sheet::new(text::Fonts::new()?);
    report::lay_out(&mut sheet, report, &title);
    draw::draw(sheet, &title, &report.company, report.last_day)
}

/// "21 Nov 2026", as everywhere in the portal.
fn readable(date: Date) -> String {
    date.strftime("%-d %b %Y").to_string()
}

fn paragraph(sheet: &mut Sheet, text: &str, look: Look) {
    if !text.trim().is_empty() {
        sheet.group(Tag::P, |sheet| sheet.write(text, Place::ALL, look));
        sheet.space(10.0);
    }
}

/// Writes the number of each page, and what the document is, below its text.
fn number_pages(sheet: &mut Sheet, number: &str) {
    sheet.artifact(|sheet| {
        for page in 0..sheet.pages {
            sheet.at = At { page, y: PAGE_HEIGHT - 44.0 };
            for (text, look) in [
                (number.to_owned(), Look::SMALL),
                (format!("Page {} of {}", page + 1, sheet.pages), Look { to_the_right: true, ..Look::SMALL }),
            ] {
                for line in sheet.lines(&text, Place::ALL, look) {
                    sheet.put(line, Place::ALL, look);
                }
            }
        }
    });
}
