//! The committed OpenAPI document matches the generated one. To regenerate it after a change:
//! `SCRIP_TEST_RENEW=1 cargo test --test it openapi`.

use serde_json::Value;

const FILE: &str = "docs/openapi.json";

#[test]
fn the_committed_document_matches_the_generated_one() {
    let generated = scrip::web::api::document();
    if std::env::var_os("SCRIP_TEST_RENEW").is_some() {
        std::fs::write(FILE, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(committed == generated, "{FILE} is out of date: renew it as the head of this file says");
}

#[test]
fn every_operation_is_fully_documented() {
    let document: Value = serde_json::from_str(&scrip::web::api::document()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{name} has no summary");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}");
            assert!(ids.insert(operation["operationId"].to_string()), "{name} shares its id");
            let takes_key = operation["parameters"].to_string().contains("Idempotency-Key");
            let is_write = method != "get" && !path.ends_with("/preview");
            assert_eq!(takes_key, is_write, "{name}");
            let description = operation["responses"]["503"]["description"].as_str().unwrap();
            assert_eq!(description.contains("`OUTCOME_UNKNOWN`"), is_write, "{name}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let description = response["description"].as_str().unwrap_or_default();
                assert!(
                    !description.contains("`: \n") && !description.ends_with("`: "),
                    "{name} {status}: {description}"
                );
            }
        }
    }
}
