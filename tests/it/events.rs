//! What operations keep of what they did: `events.txt` has each event as JSON, and its notice on the line below.
//! What is kept is read for good, so a line of JSON there is never changed, only added.

use crate::support::{Browser, Program, TestApp, World, signed_in};
use scrip::model::event::Event;
use scrip::store::db::sql;
use scrip::words;
use serde_json::{Value, json};

both!(
    what_an_older_version_kept_is_shown_as_it_was,
    what_a_newer_version_kept_is_shown_without_its_sentence,
    a_request_of_an_older_version_gets_its_first_answer,
    an_invitation_of_an_older_version_gets_its_first_answer,
);

const TABLE: &str = include_str!("events.txt");

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines: Vec<&str> = TABLE.lines().collect();
    lines.chunks(2).map(|pair| (pair[0], pair[1].trim())).collect::<Vec<_>>().into_iter()
}

#[test]
fn every_event_is_read_back_and_has_its_notice() {
    for (json, notice) in lines() {
        let event: Event = serde_json::from_str(json).unwrap_or_else(|e| panic!("{json}: {e}"));
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
        let (verb, text) = notice.split_once(": ").unwrap();
        assert_eq!(words::event(&event), words::Notice::done(verb, text), "{json}");
    }
}

/// The names that serde knows where `json` has one that it does not.
fn variants(json: &str) -> Vec<String> {
    let error = serde_json::from_str::<Event>(json).unwrap_err().to_string();
    let expected = error.split_once("expected").unwrap_or_else(|| panic!("{json}: {error}")).1;
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_table_has_every_event() {
    for noun in variants(r#""no_noun""#) {
        if noun == "clock_accepted" {
            continue;
        }
        for variant in variants(&format!(r#"{{"{noun}":"no_event"}}"#)) {
            let begins = [format!(r#"{{"{noun}":{{"{variant}":"#), format!(r#"{{"{noun}":"{variant}"}}"#)];
            let has = lines().any(|(json, _)| begins.iter().any(|begin| json.starts_with(begin)));
            assert!(has, "events.txt has no {noun} {variant}");
        }
    }
}

/// Puts a result in the place of what the only operation kept.
async fn keep(test: &TestApp, result: &str) {
    let mut tx = test.app.db.write().await.unwrap();
    sql("update operation set result = $1 where verb is not null").bind(result).run(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn kept(test: &TestApp) -> String {
    let mut tx = test.app.db.read().await.unwrap();
    let (result,): (String,) = sql("select result from operation where verb is not null").one(&mut tx).await.unwrap();
    result
}

/// Saves the profile; the address that shows the notice is given.
async fn save_profile(person: &mut Browser) -> String {
    let page = "/account/profile";
    person.submit(page, page, &[("time_zone", "UTC")]).await.is(303).location().to_owned()
}

async fn what_an_older_version_kept_is_shown_as_it_was(test: TestApp) {
    World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let there = save_profile(&mut operator).await;
    assert_eq!(kept(&test).await, r#"{"event":{"user":"profile_saved"}}"#);
    operator.get(&there).await.has("Update operation completed successfully.</strong> Your profile was saved.");
    keep(&test, "Invite\nann@test.example was invited.\n{\"id\":7}").await;
    let page = operator.get(&there).await;
    page.is(200).has("Invite operation completed successfully.</strong> ann@test.example was invited.</div>");
}

async fn what_a_newer_version_kept_is_shown_without_its_sentence(test: TestApp) {
    World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let there = save_profile(&mut operator).await;
    for result in [
        r#"{"event":{"user":{"promoted":{"email":"ann@test.example"}}}}"#,
        r#"{"event":{"drone":"landed"},"about":[7]}"#,
        r#"{"event":{"user":{"disabled":{"person":7}}},"about":null}"#,
    ] {
        keep(&test, result).await;
        operator.get(&there).await.is(200).has("Operation completed successfully.").has_not("event");
    }
}

async fn a_request_of_an_older_version_gets_its_first_answer(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let new = json!({ "name": "Acme South", "parent_id": world.acme });
    let first = vendor.post_once("/api/companies", "south", new.clone()).await;
    first.is(201);
    let mut about = serde_json::from_str::<Value>(&kept(&test).await).unwrap()["about"].clone();
    // Fields that it did not know.
    about.as_object_mut().unwrap().retain(|name, _| !matches!(name.as_str(), "data_mebibytes" | "may_buy_for_itself"));
    keep(&test, &format!("Create\nCompany Acme South (#7) was created under Acme.\n{about}")).await;
    let again = vendor.post_once("/api/companies", "south", new).await;
    assert_eq!((&again.is(201).text, again.header("idempotency-replayed")), (&first.text, "true"));
}

async fn an_invitation_of_an_older_version_gets_its_first_answer(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let new = json!({ "email": "ann@test.example", "role": "end_user", "company_id": world.acme });
    vendor.post_once("/api/users/invite", "ann", new.clone()).await.is(201);
    let mut result = serde_json::from_str::<Value>(&kept(&test).await).unwrap();
    let about = result["about"].as_object_mut().unwrap();
    for unknown in ["role_id", "role_title", "own_permissions", "updated_at"] {
        about.remove(unknown);
    }
    about.insert("role".into(), json!("end_user"));
    keep(&test, &result.to_string()).await;
    let again = vendor.post_once("/api/users/invite", "ann", new).await;
    assert_eq!((&again.is(201).data()["role"], again.header("idempotency-replayed")), (&json!(2), "true"));
}
