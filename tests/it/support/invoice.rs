//! An invoice with every field filled in, and what a PDF reader finds in it.

use jiff::civil::date;
use scrip::model::invoice::{Billing, Document, DocumentKind, Line, Seller, document_number};
use scrip::model::money::{Currency, Money, VatRate};

pub fn euro() -> Currency {
    Currency::from_code("EUR").unwrap()
}

pub fn line(description: &str, quantity: i64, price: i64, rate: &str) -> Line {
    let rate = VatRate::parse(rate).unwrap();
    Line::new(description, quantity, "device-year", Money::new(price, euro()), rate).unwrap()
}

pub fn invoice() -> Document {
    Document {
        kind: DocumentKind::Invoice,
        number: document_number(DocumentKind::Invoice, 2026, 42),
        issued_on: date(2026, 11, 21),
        due_on: Some(date(2026, 12, 5)),
        paid: None,
        order_id: 1_007,
        corrects: None,
        seller: Seller {
            name: "Příklad a.s.".into(),
            address: "Modřanská 621/72\n143 00 Praha 4".into(),
            country: "CZ".into(),
            vat_number: "CZ12345678".into(),
            registration: "Municipal Court in Prague, B 7314, company number 12345678".into(),
            email: "invoices@seller.example".into(),
            bank_account: "IBAN CZ65 0800 0000 1920 0014 5399\nBIC GIBACZPX".into(),
            footer: "Questions? Write to invoices@seller.example.".into(),
        },
        buyer: Billing {
            name: "Ελληνική Εταιρεία & Български купувач".into(),
            address: "Οδός Ερμού 1\n105 63 Αθήνα".into(),
            country: "GR".into(),
            vat_number: "EL123456789".into(),
            email: "accounts@buyer.example".into(),
        },
        lines: vec![
            line("Voucher “Reception”, Device, 2 years", 1_200, 1_250, "21"),
            line("Voucher, Apartment, 1 year", 3, 999, "12"),
        ],
        currency: euro(),
        reverse_charge: false,
        notes: "Delivered by e-mail.".into(),
    }
}

/// The text of each page, as a PDF viewer copies it or a screen reader reads it.
pub fn pages(pdf: &[u8]) -> Vec<String> {
    let read = lopdf::Document::load_mem(pdf).unwrap();
    read.get_pages().keys().map(|page| read.extract_text(&[*page]).unwrap()).collect()
}

/// The text of all pages, with single spaces.
pub fn text(pdf: &[u8]) -> String {
    pages(pdf).join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The XMP metadata, which states what the PDF conforms to.
pub fn xmp(pdf: &[u8]) -> String {
    let read = lopdf::Document::load_mem(pdf).unwrap();
    let metadata = read.catalog().unwrap().get(b"Metadata").unwrap().as_reference().unwrap();
    let stream = read.get_object(metadata).unwrap().as_stream().unwrap();
    String::from_utf8(stream.get_plain_content().unwrap()).unwrap()
}
