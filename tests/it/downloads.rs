//! Files that are read in steps while they are sent: a file whose client goes away or stops reading releases its slot,
//! the number of concurrent files is limited, nothing else waits for them, and a failed file never looks complete.

use std::time::Duration;

use crate::support::faults::Plan;
use crate::support::{Browser, TestApp, World, signed_in};
use axum::body::Body;
use axum::http::{Response, header};
use http_body_util::BodyExt as _;
use scrip::store::db::faults::{Fault, Step};
use scrip::store::db::sql;
use scrip::web::downloads::{AGAIN_SECONDS, AT_ONCE_MAX, Downloads, OF_PERSON_MAX, STEP};
use scrip::web::router::router_of;
use scrip::web::serve::{Limits, serve};
use scrip::web::state::{Portal, REQUEST_TIMEOUT};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

both!(
    a_long_file_is_complete,
    concurrent_files_are_limited,
    lists_do_not_wait_for_exports,
    a_client_that_stops_reading_is_dropped,
);

mod planned {
    use super::{a_file_that_fails_midway_is_broken_off, a_step_is_cancelled_when_its_client_goes_away};
    both_planned!(a_file_that_fails_midway_is_broken_off, a_step_is_cancelled_when_its_client_goes_away);
}

const ROWS: i64 = 12 * STEP + 7;
const FILE: &str = "/history.csv?action=device.added";
const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);

/// A world with a long history.
async fn long_history(test: &TestApp) -> World {
    history_with(test, "").await
}

/// The same with these details in each row.
async fn history_with(test: &TestApp, details: &str) -> World {
    let world = World::new(test).await;
    let mut tx = test.app.db.write().await.unwrap();
    sql("insert into history (id, at, actor_id, company_id, address, verb, subject, details)
         with recursive n(i) as (select cast(1 as bigint) union all select i + 1 from n where i < $1)
         select 1000000 + n.i, n.i, null, $2, '', 'device.added', 'Something', $3 from n")
    .bind(ROWS)
    .bind(world.acme_north)
    .bind(details)
    .run(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    world
}

fn lines(bytes: &[u8]) -> i64 {
    bytes.iter().filter(|b| **b == b'\n').count() as i64
}

async fn a_long_file_is_complete(test: TestApp) {
    long_history(&test).await;
    let operator = signed_in(&test, "operator@test.example").await;
    let file = operator.open(FILE).await;
    assert_eq!(file.headers()[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    let bytes = file.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(lines(&bytes), ROWS + 1);
}

/// As many unread files as one person may have, for each of these people.
async fn held(test: &TestApp, people: &[&str]) -> Vec<Response<Body>> {
    let mut files = Vec::new();
    for person in people {
        let browser = signed_in(test, &format!("{person}@test.example")).await;
        for _ in 0..OF_PERSON_MAX {
            files.push(opened(&browser).await);
        }
    }
    files
}

async fn concurrent_files_are_limited(test: TestApp) {
    long_history(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let own = [operator.open(FILE).await, operator.open(FILE).await];
    let refused = operator.get(FILE).await;
    refused.is(503).has("Too many downloads");
    assert_eq!(refused.headers[header::RETRY_AFTER], AGAIN_SECONDS.to_string().as_str());
    drop(own);
    let files = held(&test, &["auditor", "distributor", "acme"]).await;
    assert_eq!(files.len(), AT_ONCE_MAX);
    operator.get(FILE).await.is(503);
    for page in ["/companies", "/history", "/resources/codes", "/"] {
        operator.get(page).await.is(200);
    }
    drop(files);
    opened(&operator).await;
}

/// Opens a file as soon as there is a slot for it.
async fn opened(browser: &Browser) -> Response<Body> {
    let waiting = async {
        loop {
            let file = browser.open("/history.csv").await;
            if file.status() == 200 {
                return file;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, waiting).await.unwrap()
}

async fn lists_do_not_wait_for_exports(test: TestApp) {
    let world = long_history(&test).await;
    let exports = test.app.db.for_exports();
    let mut taken = Vec::new();
    while let Ok(connection) = timeout(SHORT, exports.read()).await {
        taken.push(connection.unwrap());
    }
    let mut operator = signed_in(&test, "operator@test.example").await;
    let file = operator.open(FILE).await;
    let (head, file) = first_frame(file.into_body()).await;
    assert!(head.starts_with(b"at,who,action"), "the first bytes are there though no step is");
    for page in ["/companies", "/history", "/resources/codes", "/users", "/devices"] {
        timeout(Duration::from_secs(3), operator.get(page)).await.unwrap().is(200);
    }
    world.give(&test, world.acme, 5).await;
    drop(taken);
    assert_eq!(lines(&file.collect().await.unwrap().to_bytes()), ROWS);
}

async fn first_frame(mut body: Body) -> (Vec<u8>, Body) {
    let frame = body.frame().await.unwrap().unwrap();
    (frame.into_data().unwrap().to_vec(), body)
}

async fn a_client_that_stops_reading_is_dropped(test: TestApp) {
    long_history(&test).await;
    let downloads = Downloads::new(SHORT);
    let portal = Portal::with(test.app.clone(), REQUEST_TIMEOUT, downloads.clone());
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.use_router(router_of(portal));
    let silent: Vec<_> = [operator.open(FILE).await, operator.open(FILE).await].into();
    // Their slots are released, and the responses do not end like complete files.
    let given_up = async {
        while downloads.count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, given_up).await.unwrap();
    for file in silent {
        assert!(file.into_body().collect().await.is_err());
    }
}

async fn a_step_is_cancelled_when_its_client_goes_away(test: TestApp, plan: &Plan) {
    long_history(&test).await;
    let operator = signed_in(&test, "operator@test.example").await;
    let (_, mut file) = first_frame(operator.open(FILE).await.into_body()).await;
    plan.always(Step::Statement, Fault::SilentBefore);
    while timeout(SHORT, file.frame()).await.is_ok() {}
    drop(file);
    plan.mend();
    // The step's connection is released long before the step's deadline.
    let exports = test.app.db.for_exports();
    let all = async {
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(exports.read().await.unwrap());
        }
    };
    timeout(Duration::from_secs(5), all).await.unwrap();
    let file = operator.open(FILE).await.into_body();
    assert_eq!(lines(&file.collect().await.unwrap().to_bytes()), ROWS + 1);
}

async fn a_file_that_fails_midway_is_broken_off(test: TestApp, plan: &Plan) {
    // More data than the buffers of both sockets hold.
    history_with(&test, &"Something long. ".repeat(300)).await;
    let operator = signed_in(&test, "operator@test.example").await;
    let (_, file) = first_frame(operator.open(FILE).await.into_body()).await;
    plan.always(Step::Statement, Fault::Before);
    assert!(file.collect().await.is_err());
    plan.mend();
    // Over a socket too: the final empty chunk never arrives.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, test.router.clone(), Limits::of(9), Default::default()));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let session = operator.cookie("session").unwrap();
    let ask = format!("GET {FILE} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nCookie: session={session}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = vec![0; 200];
    stream.read_exact(&mut answer).await.unwrap();
    plan.always(Step::Statement, Fault::Before);
    let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert!(!answer.ends_with(b"0\r\n\r\n") && lines(&answer) < ROWS);
}
