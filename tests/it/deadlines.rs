//! Nothing waits forever: an endless read is ended, a read whose caller is gone is cancelled, heavy reads do not delay
//! light ones, and a hanging connection is dropped. These tests wait for real deadlines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::{Backend, Program, TestApp, World};
use serde_json::json;

use scrip::config::Given;
use scrip::store::db::{Db, Result, Tx, sql};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

both!(an_endless_read_is_ended, reads_whose_callers_are_gone_are_cancelled);

async fn count_forever(mut tx: Tx) -> Result<Option<(i64,)>> {
    let endless = "with recursive n(x) as (select cast(1 as bigint) union all select x % 7 + 1 from n)
        select count(*) from n";
    sql(endless).optional(&mut tx).await
}

async fn an_endless_read_is_ended(test: TestApp) {
    let heavy: Vec<_> = (0..6)
        .map(|_| {
            let db = test.app.db.clone();
            tokio::spawn(async move { count_forever(db.read_list().await?).await })
        })
        .collect();
    // Meanwhile, reads of single facts and writes do not wait.
    let world = timeout(Duration::from_secs(4), World::new(&test)).await.unwrap();
    assert_eq!(world.credit(&test, world.vendor).await, 1_000);
    for read in heavy {
        let error = timeout(Duration::from_secs(12), read).await.unwrap().unwrap().unwrap_err();
        assert!(error.is_unavailable(), "{error}");
    }
    list_something(&test.app.db).await;
}

async fn list_something(db: &Db) {
    let mut tx = db.read_list().await.unwrap();
    let (_,): (i64,) = sql("select count(*) from company").one(&mut tx).await.unwrap();
}

async fn reads_whose_callers_are_gone_are_cancelled(test: TestApp) {
    for _ in 0..12 {
        let tx = test.app.db.read_list().await.unwrap();
        assert!(timeout(Duration::from_millis(20), count_forever(tx)).await.is_err());
    }
    // These reads used up all list connections several times over.
    timeout(Duration::from_secs(3), list_something(&test.app.db)).await.unwrap();
}

#[tokio::test]
async fn an_interrupted_handshake_means_the_database_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = client.read(&mut [0; 8]).await;
        }
    });
    let error = match Db::open_postgres(&format!("postgres://scrip@127.0.0.1:{port}/scrip")).await {
        Ok(db) => db.read().await.err(),
        Err(error) => Some(error),
    };
    let error = error.unwrap();
    assert!(error.is_unavailable() && !error.is_outcome_unknown(), "{error}");
}

/// A proxy between the portal and its database that can be silenced.
struct Proxy {
    port: u16,
    is_silent: Arc<AtomicBool>,
}

impl Proxy {
    async fn to(server: std::net::SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_silent = Arc::<AtomicBool>::default();
        let silent = is_silent.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(server).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass(from_client, to_server, silent.clone()));
                tokio::spawn(pass(from_server, to_client, silent.clone()));
            }
        });
        Proxy { port, is_silent }
    }
}

/// Forwards bytes, or drops them.
async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    is_silent: Arc<AtomicBool>,
) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if !is_silent.load(Ordering::SeqCst) && to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_connection_is_dropped_and_service_resumes_without_a_restart() {
    let Some(direct) = TestApp::start(Backend::Postgres).await else { return };
    let world = World::new(&direct).await;
    let mut url = url::Url::parse(direct.database_url.as_ref().unwrap()).unwrap();
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap()).parse().unwrap();
    let proxy = Proxy::to(server).await;
    url.set_port(Some(proxy.port)).unwrap();
    let given = Given { database_url: Some(url.to_string()), ..Given::default() };
    let key_file = direct.app.config.key_file.clone();
    let test = TestApp::start_changed(Backend::Postgres, given, |config| config.key_file = key_file).await.unwrap();
    let program = Program::all(&test, "operator@test.example").await;
    let move_five = |key: &'static str| {
        let (program, body) = (program.clone(), json!({ "source": world.vendor, "target": world.acme, "amount": 5 }));
        async move { program.post_once("/api/credits/move", key, body).await }
    };
    move_five("before").await.is(200);
    proxy.is_silent.store(true, Ordering::SeqCst);
    let answer = timeout(Duration::from_secs(15), move_five("within")).await.unwrap();
    answer.is(503);
    assert_eq!(answer.header("retry-after"), "2");
    proxy.is_silent.store(false, Ordering::SeqCst);
    let mended = async {
        while move_five("within").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(5), mended).await.unwrap();
    assert_eq!(world.credit(&direct, world.acme).await, 10);
}
