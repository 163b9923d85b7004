//! Requests whose handler panics or takes too long still get an answer: with a status, the usual headers, and a true
//! message.

use std::time::Duration;

use crate::support::{Browser, Page, TestApp, World};
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::any;
use scrip::web::guard;
use scrip::web::router::{guarded, router_of};
use scrip::web::state::Portal;

both!(a_panic_or_timeout_is_answered_with_all_headers, a_slow_write_is_not_reported_as_undone_and_happens,);

fn has_headers(page: &Page) -> bool {
    ["x-request-id", "content-security-policy", "x-content-type-options", "cache-control"]
        .iter()
        .all(|name| page.headers.contains_key(*name))
}

async fn a_panic_or_timeout_is_answered_with_all_headers(test: TestApp) {
    let portal = Portal::new(test.app.clone(), Duration::from_millis(50));
    let panics = any(async || -> &'static str { panic!("on purpose") });
    let hangs = any(async || std::future::pending::<&'static str>().await);
    let routes = Router::new()
        .route("/panic", panics.clone())
        .route("/hang", hangs.clone())
        .route("/api/panic", panics)
        .route("/api/hang", hangs)
        .layer(from_fn(guard::run_to_end));
    let mut browser = Browser::new(guarded(&portal, routes).with_state(portal));
    for (path, read, wrote) in [
        ("/panic", (500, "Something went wrong"), (503, "It may have happened")),
        ("/hang", (503, "cannot show this page now"), (503, "It may have happened")),
        ("/api/panic", (500, "\"code\":\"INTERNAL\""), (503, "\"code\":\"OUTCOME_UNKNOWN\"")),
        ("/api/hang", (503, "\"code\":\"UNAVAILABLE\""), (503, "\"code\":\"OUTCOME_UNKNOWN\"")),
    ] {
        let page = browser.get(path).await;
        page.is(read.0).has(read.1).has_not("on purpose");
        assert!(has_headers(&page), "{path}: {:?}", page.headers);
        let page = browser.post(path, &[]).await;
        page.is(wrote.0).has(wrote.1).has_not("Nothing was changed").has_not("on purpose");
        assert!(has_headers(&page), "{path}: {:?}", page.headers);
    }
}

async fn a_slow_write_is_not_reported_as_undone_and_happens(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = crate::support::signed_in(&test, "operator@test.example").await;
    let form = operator.get("/moves/new").await.is(200).field("form");
    operator.use_router(router_of(Portal::new(test.app.clone(), Duration::from_millis(200))));
    // Lock the rows that the move needs.
    let mut tx = test.app.db.write().await.unwrap();
    let root = scrip::store::companies::root(&mut tx).await.unwrap().unwrap().1;
    scrip::store::companies::lock(&mut tx, &root, &[world.vendor, world.other]).await.unwrap();
    scrip::store::db::sql("update account set balance = balance").run(&mut tx).await.unwrap();
    let (from, to) = (world.vendor.to_string(), world.other.to_string());
    let fields = [("type", "credit"), ("from", &from), ("to", &to), ("amount", "7"), ("form", &form)];
    operator.post("/moves", &fields).await.is(503).has("It may have happened").has_not("Nothing was changed");
    tx.rollback().await;
    // The repeated form may find the first one done or run first: the move happens once.
    operator.use_router(test.router.clone());
    operator.post("/moves", &fields).await.is(303);
    assert_eq!(world.credit(&test, world.other).await, 7);
}
