use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn euro() -> Currency {
    Currency::from_code("EUR").unwrap()
}

fn line(quantity: i64, price: i64, rate: &str) -> Line {
    let rate = VatRate::parse(rate).unwrap();
    Line::new("Scrip subscription", quantity, "device-year", Money::new(price, euro()), rate).unwrap()
}

fn invoice(lines: Vec<Line>) -> Document {
    Document {
        kind: DocumentKind::Invoice,
        number: document_number(DocumentKind::Invoice, 2026, 1),
        issued_on: date(2026, 11, 21),
        due_on: Some(date(2026, 12, 5)),
        paid: None,
        order_id: 7,
        corrects: None,
        seller: Seller { name: "Seller".into(), ..Seller::default() },
        buyer: Billing { name: "Buyer".into(), ..Billing::default() },
        lines,
        currency: euro(),
        reverse_charge: false,
        notes: String::new(),
    }
}

#[test]
fn numbers_sort_by_year_and_count() {
    assert_eq!(document_number(DocumentKind::Invoice, 2026, 1), "INV-2026-000001");
    assert_eq!(document_number(DocumentKind::CreditNote, 2027, 1_234_567), "CN-2027-1234567");
}

#[test]
fn totals_are_sums_of_rounded_lines() {
    // 21 % of 0.50 is 0.105: each line rounds to 0.11, so the sum is 0.22, not 0.21.
    let document = invoice(vec![line(1, 50, "21"), line(1, 50, "21"), line(3, 1_000, "12")]);
    let totals = document.totals();
    assert_eq!((totals.net.minor, totals.vat.minor, totals.gross().minor), (3_100, 382, 3_482));
    let summary = document.vat_summary();
    let summary: Vec<_> = summary.iter().map(|(r, t)| (r.to_string(), t.net.minor, t.vat.minor)).collect();
    assert_eq!(summary, [("12 %".to_owned(), 3_000, 360), ("21 %".to_owned(), 100, 22)]);
}

#[test]
fn a_snapshot_round_trips() {
    let mut document = invoice(vec![line(10, 1_250, "21")]);
    document.paid = Some(Paid { on: date(2026, 11, 22), how: "by card".into() });
    let text = serde_json::to_string(&document).unwrap();
    for part in [r#""currency":"EUR""#, r#""vat_rate":2100"#, r#""issued_on":"2026-11-21""#] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(serde_json::from_str::<Document>(&text).unwrap(), document);
    for (good, bad) in [("\"EUR\"", "\"XXX\""), ("2100", "10001")] {
        assert!(serde_json::from_str::<Document>(&text.replace(good, bad)).is_err(), "{bad}");
    }
}

#[test]
fn a_credit_note_credits_part_of_a_line() {
    let document = invoice(vec![line(1, 99, "21"), line(10, 1_250, "21")]);
    let part = Cancelled { line: 1, before: 2, count: 3 };
    let note = document.credit_note("CN-2026-000001".into(), date(2026, 11, 30), &[part]).unwrap();
    assert_eq!((note.kind, note.corrects.as_deref()), (DocumentKind::CreditNote, Some("INV-2026-000001")));
    let line = &note.lines[0];
    assert_eq!((line.quantity, line.unit_price, line.net, line.vat), (-3, 1_250, -3_750, -788));
    for part in [
        Cancelled { line: 2, before: 0, count: 1 },
        Cancelled { line: 1, before: 8, count: 3 },
        Cancelled { line: 1, before: 0, count: 0 },
        Cancelled { line: 1, before: -1, count: 1 },
        Cancelled { line: 1, before: 1, count: i64::MAX },
    ] {
        assert_eq!(document.credit_note(String::new(), date(2026, 11, 30), &[part]), None, "{part:?}");
    }
}

proptest! {
    #[test]
    fn partial_credits_add_up_to_exactly_the_invoiced_sum(
        price in 0_i64..2_000_000,
        rate in 0_i64..=10_000,
        steps in prop::collection::vec(1_i64..40, 1..12),
    ) {
        let quantity = steps.iter().sum();
        let rate = VatRate::new(rate).unwrap();
        let sold = Line::new("", quantity, "", Money::new(price, euro()), rate).unwrap();
        let document = invoice(vec![sold.clone()]);
        let (mut before, mut net, mut vat) = (0, 0, 0);
        for count in steps {
            let part = Cancelled { line: 0, before, count };
            let note = document.credit_note(String::new(), date(2026, 1, 1), &[part]).unwrap();
            let totals = note.totals();
            prop_assert_eq!(totals.net.minor, -price * count);
            prop_assert!((rate.of(totals.net).minor - totals.vat.minor).abs() <= 1);
            (before, net, vat) = (before + count, net + totals.net.minor, vat + totals.vat.minor);
        }
        prop_assert_eq!((net, vat), (-sold.net, -sold.vat));
    }
}
