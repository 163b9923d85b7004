//! What programs written for RMS read of a company's credits: the report as JSON and PDF, the filters of the histories,
//! what an activation answers.

use crate::support::invoice::text;
use crate::support::{Program, TestApp, World, signed_in};
use axum::body::to_bytes;
use axum::http::Request;
use scrip::model::credit_report::{ChildPool, CreditReport, ReportedCode, ReportedData, Use};
use scrip::model::resources::ResourceType;
use scrip::pdf;
use serde_json::{Value, json};

both!(
    a_report_counts_what_a_company_did,
    a_report_is_of_its_company_and_its_period,
    a_report_is_a_pdf_too,
    reports_refuse_what_is_wrong,
    the_history_is_filtered_as_rms_does,
    moves_are_filtered_by_pool,
    an_activated_pool_has_the_words_for_licences,
);

/// Acme gives 5 and 2 to Acme North, its devices use 2, and it makes two codes, one of which is used. Returns the ids of
/// the devices.
async fn busy(test: &TestApp, world: &World) -> (Program, Vec<i64>) {
    world.give(test, world.acme, 50).await;
    let acme = Program::all(test, "acme@test.example").await;
    for amount in [5, 2] {
        let body = json!({ "source": world.acme, "target": world.acme_north, "amount": amount });
        acme.post("/api/credits/move", body).await.is(200);
    }
    let mut devices = Vec::new();
    for (serial, mac) in [("SN-1", "00:1e:42:0a:bc:01"), ("SN-2", "")] {
        let mut new = json!({ "serial": serial, "company_id": world.acme });
        if !mac.is_empty() {
            new["mac"] = json!(mac);
        }
        devices.push(acme.post("/api/devices", new).await.is(201).data()["id"].as_i64().unwrap());
    }
    let row = |id: &i64| json!({ "device_id": id, "credit_type_id": 1, "credit_enabled": 1, "auto_extend_credit": 1 });
    let rows: Vec<Value> = devices.iter().map(row).collect();
    acme.put("/api/devices/credit", json!({ "data": rows })).await.is(201);
    world.code(test, "acme@test.example", 3).await;
    let (_, code) = world.code(test, "acme@test.example", 4).await;
    let other = Program::all(test, "other@test.example").await;
    other.post("/api/credits/codes/activate", json!({ "code": code })).await.is(200);
    (acme, devices)
}

fn report_of(company: i64) -> String {
    format!("/api/credits/report/json?company_id={company}&start_date=2026-11-21&end_date=2026-11-21")
}

async fn a_report_counts_what_a_company_did(test: TestApp) {
    let world = World::new(&test).await;
    let (acme, _) = busy(&test, &world).await;
    let report = acme.get(&report_of(world.acme)).await;
    let data = report.is(200).data();
    let totals = json!({
        "child_pools": 1, "child_company_credits": 7, "pool_logs": 2, "credits_for_devices": 2,
        "transfer_codes_credits": 7, "data_purchase": 0,
    });
    assert_eq!(data["totals"], totals);
    let pools = json!([
        { "count": 7, "to_company_id": world.acme_north, "company_name": "Acme North", "credit_type": "credit" },
    ]);
    assert_eq!((&data["child_pools"], &data["data_purchase"]), (&pools, &json!([])));
    let log = json!({
        "device_mac": "00:1e:42:0a:bc:01", "device_serial": "SN-1", "pool_id": world.acme * 100 + 1, "action": "spend",
        "action_id": 3, "count": 1, "created_at": "2026-11-21 12:00:00", "username": "acme@test.example",
    });
    let logs = data["pool_logs"].as_array().unwrap();
    assert_eq!((logs.len(), logs.contains(&log)), (2, true), "{}", report.text);
    let codes = data["transfer_codes"].as_array().unwrap();
    let facts: Vec<(&Value, &Value, &Value)> =
        codes.iter().map(|code| (&code["amount"], &code["is_used"], &code["used_by_company_id"])).collect();
    let (unused, used) = ((json!(3), json!(false), json!(null)), (json!(4), json!(true), json!(world.other)));
    assert_eq!(facts, [(&unused.0, &unused.1, &unused.2), (&used.0, &used.1, &used.2)]);
    for code in codes {
        assert!(code["code"].as_str().unwrap().starts_with("••••-"), "{code}");
        assert_eq!(code["pool_amount"], code["amount"]);
    }
    // Of companies above it says nothing, and of moves upwards neither.
    let back = json!({ "source": world.acme_north, "target": world.acme, "amount": 1 });
    acme.post("/api/credits/move", back).await.is(200);
    let north = acme.get(&report_of(world.acme_north)).await;
    assert_eq!(north.is(200).data()["child_pools"], json!([]));
    assert_eq!(acme.get(&report_of(world.acme)).await.data()["totals"], totals);
}

async fn a_report_is_of_its_company_and_its_period(test: TestApp) {
    let world = World::new(&test).await;
    let (acme, _) = busy(&test, &world).await;
    let of = async |start: &str, end: &str| {
        let path = format!("/api/credits/report/json?company={}&start_date={start}&end_date={end}", world.acme);
        acme.get(&path).await.is(200).data()["totals"]["transfer_codes_credits"].clone()
    };
    assert_eq!(of("2026-11-20", "2026-11-20").await, 0);
    assert_eq!(of("2026-11-22", "2026-12-31").await, 0);
    assert_eq!(of("2026-11-21%2011:00:00", "2026-11-21%2012:00:01").await, 7);
    assert_eq!(of("2026-11-21%2011:00:00", "2026-11-21%2012:00:00").await, 0);
    // A company of another tree looks as if it did not exist, and so do its pools.
    let other = Program::all(&test, "other@test.example").await;
    for company in [world.acme, 999_999] {
        other.get(&report_of(company)).await.refuses(404, "", "NOT_FOUND");
        let query = "start_date=2026-11-01&end_date=2026-11-30";
        other.get(&format!("/api/credits/report?company_id={company}&{query}")).await.refuses(404, "", "NOT_FOUND");
        other.get(&format!("/api/credits/{company}01/report?{query}")).await.refuses(404, "", "NOT_FOUND");
    }
    // People without a tree see no codes, and no report.
    let north = Program::all(&test, "north@test.example").await;
    north.get(&report_of(world.acme_north)).await.refuses(403, "", "FORBIDDEN");
    let codes_only = Program::of(&test, "acme@test.example", "credit_transfer_codes:read").await;
    codes_only.get(&report_of(world.acme)).await.refuses(403, "", "SCOPE_MISSING");
    let auditor = Program::all(&test, "auditor@test.example").await;
    auditor.get(&report_of(world.acme)).await.is(200);
}

async fn a_report_is_a_pdf_too(test: TestApp) {
    let world = World::new(&test).await;
    let (acme, _) = busy(&test, &world).await;
    let browser = signed_in(&test, "acme@test.example").await;
    let read = async |path: &str| {
        let request = Request::get(path)
            .header("host", "127.0.0.1:8080")
            .header("authorization", format!("Bearer {}", acme.token()))
            .body(axum::body::Body::empty())
            .unwrap();
        let answer = browser.ask(request).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"application/pdf".parse().unwrap())
        );
        let name = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
        (name, text(&to_bytes(answer.into_body(), usize::MAX).await.unwrap()))
    };
    let period = "start_date=2026-11-01&end_date=2026-11-30";
    let (name, whole) = read(&format!("/api/credits/report?company_id={}&{period}", world.acme)).await;
    assert_eq!(name, format!("attachment; filename=\"credit-report-{}-2026-11-01-2026-11-30.pdf\"", world.acme));
    for part in
        ["Credit report of Acme, 1 Nov 2026 to 30 Nov 2026", "All resource types", "Acme North", "SN-2", "Page 1 of 1"]
    {
        assert!(whole.contains(part), "{part} is not in {whole}");
    }
    let (_, pool) = read(&format!("/api/credits/{}01/report?{period}", world.acme)).await;
    assert!(pool.contains("Acme North") && !pool.contains("All resource types"), "{pool}");
    // A pool of another type has nothing to report.
    let (_, empty) = read(&format!("/api/credits/{}02/report?{period}", world.acme)).await;
    assert!(empty.contains("None.") && !empty.contains("SN-2"), "{empty}");
}

async fn reports_refuse_what_is_wrong(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let missing = |field: &str| (field.to_owned(), "MISSING".to_owned());
    let nothing = acme.get("/api/credits/report/json").await;
    assert_eq!(nothing.is(422).errors(), [missing("company_id"), missing("start_date"), missing("end_date")]);
    let dates = acme.get(&format!("/api/credits/{}01/report", world.acme)).await;
    assert_eq!(dates.is(422).errors(), [missing("start_date"), missing("end_date")]);
    let with = async |query: &str| acme.get(&format!("/api/credits/report?company_id={}&{query}", world.acme)).await;
    with("start_date=x&end_date=2026-11-30").await.refuses(422, "start_date", "NOT_A_DATE");
    with("start_date=2026-11-30&end_date=2026-11-01").await.refuses(422, "end_date", "NOT_A_PERIOD");
    with("start_date=2026-11-01&end_date=2026-11-30&q=x").await.refuses(422, "q", "UNKNOWN_PARAMETER");
    let period = "start_date=2026-11-01&end_date=2026-11-30";
    acme.get(&format!("/api/credits/report?company_id=x&{period}")).await.refuses(422, "company_id", "NOT_A_NUMBER");
    // No such type, and a pool of another company than the one that is named.
    acme.get(&format!("/api/credits/{}99/report?{period}", world.acme)).await.refuses(404, "", "NOT_FOUND");
    let other = format!("/api/credits/{}01/report?company_id={}&{period}", world.acme, world.acme_north);
    acme.get(&other).await.refuses(404, "", "NOT_FOUND");
    // More rows than a report may have.
    let actor = crate::support::who(&test.app, "acme@test.example").await;
    world.give(&test, world.acme, 50).await;
    for _ in 0..3 {
        world.code(&test, "acme@test.example", 1).await;
    }
    let span = scrip::ops::credit_report::Span {
        company_id: world.acme,
        resource_type: None,
        from: crate::support::NOON.plus_seconds(-60),
        to: crate::support::NOON.plus_seconds(60),
    };
    for (rows_max, is_whole) in [(3, true), (2, false)] {
        use scrip::ops::credit_report::{Read, begin, step};
        let mut reading = begin(&test.app, &actor, span).await.unwrap();
        let ended = loop {
            match step(&test.app, &actor, reading, rows_max).await.unwrap() {
                Read::Part(next) => reading = next,
                Read::Whole(report) => break report.codes.len() == 3,
                Read::TooLong => break false,
            }
        };
        assert_eq!(ended, is_whole, "{rows_max}");
    }
}

async fn the_history_is_filtered_as_rms_does(test: TestApp) {
    let world = World::new(&test).await;
    let (acme, devices) = busy(&test, &world).await;
    let list = async |query: &str| {
        let list = acme.get(&format!("/api/credits/history?{query}")).await;
        let rows = list.is(200).data().as_array().unwrap().clone();
        assert_eq!(list.body["meta"]["total"], rows.len(), "{query}");
        rows
    };
    for word in ["spend", "3"] {
        let rows = list(&format!("action_type={word}")).await;
        assert_eq!(rows.len(), 2);
        assert!(
            rows.iter().all(|row| row["action_type"] == "spend" && row["action_id"] == 3 && row["company"] == "Acme")
        );
        let first = rows.iter().find(|row| row["device_id"] == devices[0]).unwrap();
        assert_eq!((&first["serial"], &first["mac"]), (&json!("SN-1"), &json!("00:1e:42:0a:bc:01")));
        let second = rows.iter().find(|row| row["device_id"] == devices[1]).unwrap();
        assert_eq!((&second["serial"], &second["mac"]), (&json!("SN-2"), &json!(null)));
    }
    assert_eq!(list("action_type=2&q=NORTH").await.len(), 2);
    assert_eq!(list("q=sn-1").await.len(), 1);
    assert_eq!(list(&format!("q=sn-&device_id={}", devices[1])).await.len(), 1);
    assert_eq!(list("q=nothing%25").await.len(), 0);
    // The name of a company above is no way to find anything.
    assert_eq!(list("q=vendor").await.len(), 0);
    let pool = |company: i64, kind: i64| company * 100 + kind;
    assert_eq!(list(&format!("pool_id={}", pool(world.acme_north, 1))).await.len(), 2);
    assert_eq!(list(&format!("pool_id={}&company_id={}", pool(world.acme_north, 1), world.acme_north)).await.len(), 2);
    assert_eq!(list(&format!("pool_id={}", pool(world.acme_north, 2))).await.len(), 0);
    for wrong in [
        format!("pool_id={}", pool(world.acme_north, 0)),
        format!("pool_id={}", pool(world.other, 1)),
        format!("pool_id={}&company_id={}", pool(world.acme_north, 1), world.acme),
    ] {
        acme.get(&format!("/api/credits/history?{wrong}")).await.refuses(404, "", "NOT_FOUND");
    }
    acme.get("/api/credits/history?pool_id=x").await.refuses(422, "pool_id", "NOT_A_NUMBER");
    acme.get("/api/credits/history?action_type=12").await.refuses(422, "action_type", "NOT_A_CHOICE");
    let redeemed = list("action_type=5").await;
    assert_eq!((redeemed.len(), &redeemed[0]["company"]), (1, &json!("Other")));
}

async fn moves_are_filtered_by_pool(test: TestApp) {
    let world = World::new(&test).await;
    let (acme, _) = busy(&test, &world).await;
    let list = async |query: &str| {
        acme.get(&format!("/api/credits/move/history?{query}")).await.is(200).body["meta"]["total"].clone()
    };
    assert_eq!(list(&format!("pool_id={}01", world.acme_north)).await, 2);
    assert_eq!(list(&format!("pool_id={}01", world.acme)).await, 3);
    assert_eq!(list(&format!("pool_id={}02", world.acme)).await, 0);
    let strange = format!("/api/credits/move/history?pool_id={}01", world.other);
    acme.get(&strange).await.refuses(404, "", "NOT_FOUND");
    acme.get("/api/credits/move/history?q=x").await.refuses(422, "q", "UNKNOWN_PARAMETER");
}

async fn an_activated_pool_has_the_words_for_licences(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    let (_, code) = world.code(&test, "acme@test.example", 4).await;
    let other = Program::all(&test, "other@test.example").await;
    let answer = other.post_once("/api/credits/codes/activate", "once", json!({ "code": code })).await;
    let pool = &answer.is(200).data()[0];
    for (licence, credit) in [
        ("licence_count", "credit_count"),
        ("licence_left", "credit_left"),
        ("licence_reserved", "credit_reserved"),
        ("license_type_id", "credit_type_id"),
        ("licence_type", "credit_type_name"),
        ("buy_date", "assigned_at"),
    ] {
        assert_eq!(pool[licence], pool[credit], "{licence}");
    }
    assert_eq!((&pool["licence_left"], &pool["parent_pool_id"]), (&json!(4), &json!(null)));
    let again = other.post_once("/api/credits/codes/activate", "once", json!({ "code": code })).await;
    assert_eq!(again.is(200).text, answer.text);
}

/// A report on paper goes over as many pages as it needs, whatever its texts are.
#[test]
fn a_long_report_goes_over_pages() {
    let day = jiff::civil::date(2026, 11, 21);
    let many = 0..120;
    let report = CreditReport {
        company: "Ελληνική <b>\u{202e}Εταιρεία".into(),
        resource_type: None,
        first_day: day,
        last_day: day,
        child_pools: vec![ChildPool {
            company_id: 1,
            company: "x".repeat(300),
            resource_type: ResourceType::CREDIT,
            count: 1_234_567,
        }],
        uses: many
            .clone()
            .map(|n| Use {
                serial: (n % 2 == 0).then(|| format!("SN {n}")),
                mac: None,
                pool_id: 101,
                amount: 1,
                at: crate::support::NOON.0,
                username: None,
            })
            .collect(),
        codes: many
            .map(|_| ReportedCode {
                code: "••••-••••-••••-••••-T8W6".into(),
                resource_type: ResourceType::CREDIT,
                amount: 2,
                is_used: false,
                used_by_company_id: None,
                created_at: crate::support::NOON.0,
            })
            .collect(),
        data: vec![ReportedData { credits: 3, mebibytes: 6_144, at: crate::support::NOON.0, username: None }],
    };
    let bytes = pdf::credit_report(&report).unwrap();
    assert_eq!(bytes, pdf::credit_report(&report).unwrap());
    let pages = crate::support::invoice::pages(&bytes);
    assert!(pages.len() > 4, "{}", pages.len());
    assert!(["SN 118", "1,234,567", "6,144"].iter().all(|part| text(&bytes).contains(part)), "{}", text(&bytes));
}
