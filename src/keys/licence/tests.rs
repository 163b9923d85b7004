use super::*;
use crate::model::time::Moment;
use crate::rng::Rng;

const NOON: Moment = Moment(1_795_262_400_000_000);
const RING: &str = r#"{"keys":{"1":"0101010101010101010101010101010101010101010101010101010101010101"}}"#;

fn facts() -> LicenceFacts {
    LicenceFacts { key_id: 17, serial: "7-1234-5678".into(), product: "gold".into(), issued_at: NOON, expires_at: None }
}

#[test]
fn a_signed_licence_opens_with_the_public_key() {
    let (keys, _) = Keys::generate(&Rng::seeded(1));
    let text = keys.sign_licence(&facts()).unwrap();
    let public = keys.licence_public_keys();
    assert_eq!(public.open_licence(&text), Ok(facts()));
    let (_, line) = public.base64().next().unwrap();
    assert_eq!(PublicKeys::parse(&line), Ok(public.clone()));
    let pem = public.to_pem();
    let (head, block) = pem.split_once('\n').unwrap();
    assert_eq!((head, PublicKeys::parse(block)), ("Version 1", Ok(public.clone())));
    assert_eq!(PublicKeys::parse(&pem), Ok(public));
}

#[test]
fn every_changed_byte_is_refused() {
    let (keys, _) = Keys::generate(&Rng::seeded(2));
    let public = keys.licence_public_keys();
    let text = keys.sign_licence(&facts()).unwrap();
    for place in 0..text.len() {
        for other in ["A", "Q", "_", "0", "."] {
            let changed = format!("{}{other}{}", &text[..place], &text[place + 1..]);
            assert_eq!(public.open_licence(&changed).is_ok(), changed == text, "{changed}");
        }
        assert!(public.open_licence(&text[..place]).is_err());
    }
    assert!(public.open_licence(&format!("{text}=")).is_err());
    assert!(public.open_licence(&format!("{text} ")).is_err());
}

#[test]
fn another_installations_key_is_a_forgery_here() {
    let (keys, _) = Keys::generate(&Rng::seeded(3));
    let (other, _) = Keys::generate(&Rng::seeded(4));
    let text = other.sign_licence(&facts()).unwrap();
    assert_eq!(keys.licence_public_keys().open_licence(&text), Err(LicenceError::Forged));
}

#[test]
fn a_list_is_no_licence_and_a_licence_no_list() {
    let (keys, _) = Keys::generate(&Rng::seeded(5));
    let public = keys.licence_public_keys();
    let list = Revocations::new(1, NOON, vec![3, 17]);
    let text = keys.sign_revocations(&list).unwrap();
    assert_eq!(public.open_revocations(&text), Ok(list));
    assert_eq!(public.open_licence(&text), Err(Malformed.into()));
    assert_eq!(public.open_licence(&text.replacen(REVOKED_HEAD, HEAD, 1)), Err(Malformed.into()));
    // Its six lines could be read as a licence; the head, which is signed too, keeps them apart.
    let payload = facts().payload(1).unwrap();
    let licence = keys.sign(REVOKED_HEAD, |_| Ok(payload)).unwrap().replacen(REVOKED_HEAD, HEAD, 1);
    assert_eq!(public.open_licence(&licence), Err(LicenceError::Forged));
}

#[test]
fn a_ring_with_a_new_key_still_opens_what_the_old_one_signed() {
    let old = Keys::parse(RING).unwrap();
    let rotated = RING.replace("}}", &format!(r#","2":"{}"}}}}"#, "02".repeat(32)));
    let new = Keys::parse(&rotated).unwrap();
    let (first, second) = (old.sign_licence(&facts()).unwrap(), new.sign_licence(&facts()).unwrap());
    let both = new.licence_public_keys();
    assert_eq!((both.open_licence(&first), both.open_licence(&second)), (Ok(facts()), Ok(facts())));
    assert_eq!(old.licence_public_keys().open_licence(&second), Err(LicenceError::UnknownKey(2)));
    let lines: String = both.base64().map(|(version, key)| format!("{version}:{key}\n")).collect();
    assert_eq!(PublicKeys::parse(&lines), Ok(both));
}

#[test]
fn the_format_does_not_drift() {
    // Made from this ring by openssl, independently of this code; docs/licences.md shows the same.
    let keys = Keys::parse(RING).unwrap();
    let (_, public) = keys.licence_public_keys().base64().next().unwrap();
    assert_eq!(public, "AP/BRjy3yeLyTN0/HD+HH2TNE7XHXnImsAwx47JL+q8=");
    assert_eq!(
        keys.sign_licence(&facts()).unwrap(),
        "SCRIP1.MQoxNwo3LTEyMzQtNTY3OApnb2xkCjE3OTUyNjI0MDAKMAo.ge4X5sE8-74NKicEEpXdlaM-6XrBwen8EcZR1nYS5a9rvD_8LSfR0MynvuXFb0lODAZpuqpgzxmLk85LQarDCQ"
    );
    let list = Revocations::new(1, NOON, vec![3, 17]);
    assert_eq!(
        keys.sign_revocations(&list).unwrap(),
        "SCRIPR1.MQoxCjE3OTUyNjI0MDAKMwoxNwo.7eHf2klqhnQ9J_cads_e63RVFzwVvM75sJOXBXnD2ufuWD6bM8nbfctIdSgFdJj--t94d9RLdhvKltCGk2YNAA"
    );
}

#[test]
fn nothing_else_parses_as_a_public_key() {
    let weak = STANDARD.encode([0_u8; 32]);
    let (_, key) = Keys::parse(RING).unwrap().licence_public_keys().base64().next().unwrap();
    let twice = format!("1:{key}\n1:{key}");
    let below = format!("0:{key}");
    for text in ["", "x", "1:", PEM_BEGIN, weak.as_str(), twice.as_str(), below.as_str(), &key[1..]] {
        assert_eq!(PublicKeys::parse(text), Err(Malformed), "{text:?}");
    }
}
