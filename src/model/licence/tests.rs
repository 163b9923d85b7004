use proptest::prelude::*;

use super::*;

const NOON: Moment = Moment(1_795_262_400_000_000);

fn facts() -> LicenceFacts {
    LicenceFacts {
        key_id: 17,
        serial: "SN 0001/ž".into(),
        product: "intercom-gold".into(),
        issued_at: NOON,
        expires_at: Some(NOON.plus_seconds(60)),
    }
}

#[test]
fn a_payload_round_trips() {
    let payload = facts().payload(2).unwrap();
    assert_eq!(payload, "2\n17\nSN 0001/ž\nintercom-gold\n1795262400\n1795262460\n");
    assert_eq!(LicenceFacts::read(&payload), Ok((2, facts())));
    let for_good = LicenceFacts { expires_at: None, ..facts() };
    assert_eq!(LicenceFacts::read(&for_good.payload(1).unwrap()), Ok((1, for_good)));
}

#[test]
fn text_that_would_break_its_line_is_not_written() {
    for wrong in [
        LicenceFacts { serial: "1\n2".into(), ..facts() },
        LicenceFacts { serial: String::new(), ..facts() },
        LicenceFacts { serial: "x".repeat(SERIAL_LENGTH_MAX + 1), ..facts() },
        LicenceFacts { product: "a b".into(), ..facts() },
        LicenceFacts { product: "x".repeat(PRODUCT_LENGTH_MAX + 1), ..facts() },
        LicenceFacts { key_id: 0, ..facts() },
        LicenceFacts { issued_at: Moment(i64::MAX), ..facts() },
        LicenceFacts { issued_at: Moment(-1), ..facts() },
        LicenceFacts { expires_at: Some(NOON), ..facts() },
    ] {
        assert_eq!(wrong.payload(1), Err(Malformed), "{wrong:?}");
    }
    let longest = LicenceFacts {
        key_id: i64::MAX,
        serial: "\u{1F511}".repeat(SERIAL_LENGTH_MAX),
        product: "x".repeat(PRODUCT_LENGTH_MAX),
        ..facts()
    };
    let signed = SignedText::to_sign(HEAD, &longest.payload(i64::MAX).unwrap());
    assert!(SignedText::join(&signed, &[0; SIGNATURE_LENGTH]).len() <= TEXT_LENGTH_MAX);
}

#[test]
fn a_different_encoding_of_the_same_facts_is_refused() {
    let payload = facts().payload(2).unwrap();
    for other in [
        payload.replacen("17", "+17", 1),
        payload.replacen("17", "017", 1),
        payload.replacen("2\n", "2\r\n", 1),
        format!("{payload}\n"),
        payload.trim_end().to_owned(),
        format!(" {payload}"),
    ] {
        assert_eq!(LicenceFacts::read(&other), Err(Malformed), "{other:?}");
    }
}

#[test]
fn a_key_is_valid_for_its_device_until_it_expires_or_is_revoked() {
    let revoked = Revocations::new(1, NOON, vec![17]);
    let another = Revocations::new(1, NOON, vec![16, 18]);
    let at = |seconds| NOON.plus_seconds(seconds);
    for (serial, list, now, standing) in [
        (None, None, at(59), Standing::Valid),
        (Some("SN 0001/ž"), Some(&another), at(0), Standing::Valid),
        (Some("SN 0001/ž"), None, at(60), Standing::Expired),
        (Some("sn 0001/ž"), None, at(0), Standing::Valid),
        (Some("SN 0001"), None, at(0), Standing::OtherSerial),
        (None, Some(&revoked), at(0), Standing::Revoked),
        (Some("other"), Some(&revoked), at(90), Standing::OtherSerial),
    ] {
        assert_eq!(facts().standing(serial, list, now), standing, "{serial:?} {now:?}");
    }
}

#[test]
fn a_list_is_sorted_and_round_trips() {
    let list = Revocations::new(3, NOON, vec![40, 7, 40]);
    let payload = list.payload(1).unwrap();
    assert_eq!(payload, "1\n3\n1795262400\n7\n40\n");
    assert_eq!(Revocations::read(&payload), Ok((1, list)));
    let empty = Revocations::new(1, NOON, Vec::new());
    assert_eq!(Revocations::read(&empty.payload(1).unwrap()), Ok((1, empty)));
    for wrong in ["1\n3\n1795262400\n40\n7\n", "1\n3\n1795262400\n7\n7\n", "1\n3\n1795262400\n0\n", "1\n3\n"] {
        assert_eq!(Revocations::read(wrong), Err(Malformed), "{wrong:?}");
    }
    let full = Revocations::new(i64::MAX, NOON, (0..REVOKED_MAX as i64).map(|n| i64::MAX - n).collect());
    let signed = SignedText::to_sign(REVOKED_HEAD, &full.payload(i64::MAX).unwrap());
    assert!(signed.len() < Revocations::TEXT_LENGTH_MAX - 100);
    assert!(Revocations::new(1, NOON, (1..=REVOKED_MAX as i64 + 1).collect()).payload(1).is_err());
}

proptest! {
    #[test]
    fn no_text_causes_a_panic(text in "\\PC{0,200}", lines in "([0-9a-z+-]{0,20}\n){0,8}") {
        let _ = SignedText::parse(HEAD, &text, TEXT_LENGTH_MAX);
        let _ = SignedText::parse(HEAD, &format!("{HEAD}.{text}"), TEXT_LENGTH_MAX);
        if let Ok((version, facts)) = LicenceFacts::read(&lines) {
            prop_assert_eq!(facts.payload(version).unwrap(), lines.clone());
        }
        if let Ok((version, list)) = Revocations::read(&lines) {
            prop_assert_eq!(list.payload(version).unwrap(), lines);
        }
    }
}
