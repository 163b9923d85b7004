//! Invoices and credit notes: their PDFs, read back, and their mails.

use crate::support::invoice::{invoice, line, pages, text, xmp};
use crate::support::{TestApp, mail_server};
use base64::Engine as _;
use jiff::civil::date;
use proptest::prelude::*;
use scrip::mail;
use scrip::model::invoice::{Cancelled, Document, Paid};
use scrip::pdf;

fn printed(document: &Document) -> String {
    text(&pdf::invoice(document).unwrap())
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn an_invoice_shows_parties_lines_and_totals() {
    let text = printed(&invoice());
    says(&text, &["Invoice INV-2026-000042", "Issued on: 21 Nov 2026", "Due on: 5 Dec 2026", "Order: 1007"]);
    says(&text, &["Příklad a.s.", "Modřanská 621/72", "143 00 Praha 4", "VAT number CZ12345678"]);
    says(&text, &["Ελληνική Εταιρεία & Български купувач", "Οδός Ερμού 1", "VAT number EL123456789"]);
    says(&text, &["Voucher “Reception”, Device, 2 years 1,200 device-year 12.50 15,000.00 21 % 3,150.00"]);
    says(&text, &["12 % 29.97 3.60", "21 % 15,000.00 3,150.00", "Net 15,029.97 EUR", "VAT 3,153.60 EUR"]);
    says(&text, &["Total 18,183.57 EUR", "Page 1 of 1", "Delivered by e-mail."]);
    says(&text, &["Please pay 18,183.57 EUR by 5 Dec 2026 with the reference INV-2026-000042."]);
    says(&text, &["IBAN CZ65 0800 0000 1920 0014 5399"]);
}

#[test]
fn a_paid_invoice_requests_no_payment() {
    let paid = Some(Paid { on: date(2026, 11, 22), how: "by card".into() });
    let text = printed(&Document { paid, due_on: None, ..invoice() });
    says(&text, &["Paid on 22 Nov 2026 by card."]);
    assert!(!text.contains("Please pay") && !text.contains("Due on"), "{text}");
}

#[test]
fn reverse_charge_is_stated_instead_of_vat_rates() {
    let lines = vec![line("Voucher", 2, 1_000, "0")];
    let text = printed(&Document { reverse_charge: true, lines, ..invoice() });
    says(&text, &["Reverse charge: VAT is to be accounted for by the recipient.", "Total 20.00 EUR"]);
}

#[test]
fn a_credit_note_names_its_invoice_and_has_negative_amounts() {
    let part = Cancelled { line: 0, before: 0, count: 200 };
    let note = invoice().credit_note("CN-2026-000001".into(), date(2026, 12, 1), &[part]).unwrap();
    let text = printed(&note);
    says(&text, &["Credit note CN-2026-000001", "Corrects invoice: INV-2026-000042", "-200 device-year"]);
    says(&text, &["Net -2,500.00 EUR", "VAT -525.00 EUR", "Total -3,025.00 EUR"]);
    assert!(!text.contains("Please pay"), "{text}");
}

#[test]
fn a_long_invoice_repeats_its_header_and_loses_no_line() {
    let name = |i| format!("Voucher {i} for a house with a name that is as long as the street that it stands in");
    let lines = (0..200).map(|i| line(&name(i), i + 1, 1_250, "21")).collect();
    let pages = pages(&pdf::invoice(&Document { lines, ..invoice() }).unwrap());
    assert!(pages.len() > 5, "{} pages", pages.len());
    for (i, page) in pages.iter().enumerate() {
        says(page, &["INV-2026-000042", &format!("Page {} of {}", i + 1, pages.len())]);
    }
    assert!(pages[1].contains("Description") && pages[1].contains("Unit price"));
    let all = pages.join(" ");
    (0..200).for_each(|i| says(&all, &[&format!("Voucher {i} for")]));
}

#[test]
fn a_document_is_reproducible_and_declares_its_standards() {
    let bytes = pdf::invoice(&invoice()).unwrap();
    assert_eq!(bytes, pdf::invoice(&invoice()).unwrap());
    let xmp = xmp(&bytes);
    says(&xmp, &["<pdfaid:part>2</pdfaid:part>", "<pdfaid:conformance>A</pdfaid:conformance>"]);
    says(&xmp, &["<pdfuaid:part>1</pdfuaid:part>", "Invoice INV-2026-000042", "2026-11-21"]);
    assert!(bytes.len() < 60_000, "{} bytes", bytes.len());
}

#[test]
fn missing_glyphs_are_marked_and_right_to_left_names_are_kept() {
    let mut document = invoice();
    document.buyer.name = "株式会社 🦀 שלום 12".into();
    says(&printed(&document), &["12 םולש \u{fffd} \u{fffd}\u{fffd}\u{fffd}\u{fffd} "]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn any_text_makes_a_valid_pdf(texts in prop::collection::vec(any::<String>(), 8), long in "[^\n]{0,400}") {
        let mut document = invoice();
        let [name, address, note, description, unit, bank, footer, country] = &texts[..] else { return Ok(()) };
        document.seller.name.clone_from(name);
        document.seller.bank_account.clone_from(bank);
        document.seller.footer.clone_from(footer);
        document.buyer.name.clone_from(&long);
        document.buyer.address.clone_from(address);
        document.buyer.country.clone_from(country);
        document.notes.clone_from(note);
        document.lines[0].description.clone_from(description);
        document.lines[1].description = long.repeat(20);
        document.lines[0].unit.clone_from(unit);
        let made = pdf::invoice(&document).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert!(!xmp(&made).contains(|c: char| c.is_control() && !c.is_whitespace()));
    }
}

both!(the_pdf_is_attached_to_its_mail);

/// The bytes of the first attachment in a mail.
fn file_in(mail: &str) -> Vec<u8> {
    let (_, part) = mail.split_once("application/pdf").unwrap();
    let (_, coded) = part.split_once("\r\n\r\n").unwrap();
    let is_coded = |c: &char| c.is_ascii_alphanumeric() || "+/\r\n".contains(*c);
    let coded: String = coded.chars().take_while(is_coded).filter(|c| !"\r\n".contains(*c)).collect();
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(coded).unwrap()
}

async fn the_pdf_is_attached_to_its_mail(test: TestApp) {
    let (given, mut mails) = mail_server().await;
    let test = TestApp::start_with(test.backend, given).await.unwrap();
    let document = invoice();
    let written = mail::invoice("accounts@buyer.example", &document, "http://portal.example/orders/1007");
    mail::deliver(test.app.config.mail.as_ref(), written, vec![mail::attached(&document).unwrap()]).await.unwrap();
    let got = mails.recv().await.unwrap();
    says(&got, &["Subject: Invoice INV-2026-000042", "To: accounts@buyer.example", "INV-2026-000042.pdf"]);
    says(&got, &["Please pay 18,183.57 EUR by 5 Dec 2026", "http://portal.example/orders/1007"]);
    assert_eq!(file_in(&got), pdf::invoice(&document).unwrap());
}

#[test]
fn mails_say_what_the_buyer_has_to_do() {
    let document = invoice();
    let reminder = mail::invoice_reminder("a@b.example", &document, "LINK");
    assert_eq!(reminder.subject, "Reminder: invoice INV-2026-000042 is overdue");
    says(&reminder.text, &["was to be paid by 5 Dec 2026", "IBAN CZ65", "LINK"]);
    let no_bank = Document { due_on: None, ..invoice() };
    let mut no_bank = Document { seller: scrip::model::invoice::Seller::default(), ..no_bank };
    let text = mail::invoice("a@b.example", &no_bank, "LINK").text;
    says(&text, &["Please pay 18,183.57 EUR with the reference INV-2026-000042.\n\n"]);
    no_bank.paid = Some(Paid { on: date(2026, 11, 22), how: "by card".into() });
    says(
        &mail::invoice_paid("a@b.example", &no_bank, false, "LINK").text,
        &["18,183.57 EUR", "has arrived", "is ready", "LINK"],
    );
    says(&mail::invoice_paid("a@b.example", &no_bank, true, "LINK").text, &["are being made", "LINK"]);
    let part = Cancelled { line: 0, before: 0, count: 200 };
    let note = document.credit_note("CN-2026-000001".into(), date(2026, 12, 1), &[part]).unwrap();
    let text = mail::credit_note("a@b.example", &note, "LINK").text;
    says(&text, &["Credit note CN-2026-000001 for invoice INV-2026-000042", "credited 3,025.00 EUR."]);
}
