//! PDF documents: PDF/A-2a for archiving, PDF/UA-1 for screen readers. A document always gives the same bytes. To add
//! one, lay it out on a [`sheet::Sheet`] as `invoice` does.

mod draw;
mod invoice;
mod sheet;
mod table;
mod text;

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
