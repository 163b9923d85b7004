//! Connections that are silent, stall or hang: none of them blocks a new client, none stays forever, and none prevents
//! the shutdown. Real sockets, with deadlines of milliseconds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use scrip::web::serve::{Limits, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame, which starts HTTP/2.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(50);

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<usize>,
    /// Notified when a request hangs; notifying `go_on` lets it finish.
    hangs: Arc<Notify>,
    go_on: Arc<Notify>,
}

fn patient(connections_max: usize) -> Limits {
    Limits {
        head: LONG,
        idle: LONG,
        stall: LONG,
        ping_every: LONG,
        ping: LONG,
        requests_at_stop: SHORT,
        ..Limits::of(connections_max)
    }
}

impl Served {
    async fn with(limits: Limits) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, hangs, go_on) = (CancellationToken::new(), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (ring, wait) = (hangs.clone(), go_on.clone());
        let hang = async move || {
            ring.notify_one();
            wait.notified().await;
            "at last"
        };
        let endless = async || Body::from_stream(futures_util::stream::pending::<Result<&str, std::io::Error>>());
        let router = Router::new()
            .route("/hello", get(async || "hello"))
            .route("/hang", get(hang))
            .route("/endless", get(endless));
        let serving = tokio::spawn(serve(listener, router, limits, stop.clone()));
        Served { address, stop, serving, hangs, go_on }
    }

    async fn send(&self, text: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text).await.unwrap();
        stream
    }

    /// Whether a new client gets an answer.
    async fn answers(&self) -> bool {
        says(&mut self.send(HELLO).await, "hello").await
    }
}

async fn says(stream: &mut TcpStream, text: &str) -> bool {
    let (mut answer, mut part) = (Vec::new(), [0; 4_096]);
    while !String::from_utf8_lossy(&answer).ends_with(text) {
        match tokio::time::timeout(LONG, stream.read(&mut part)).await.expect("an answer or an end") {
            Ok(0) | Err(_) => return false,
            Ok(length) => answer.extend(&part[..length]),
        }
    }
    true
}

/// Waits until the other side closes the connection.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(LONG, stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test]
async fn silent_connections_never_block_a_new_client() {
    let served = Served::with(patient(64)).await;
    let mut silent = Vec::new();
    for n in 0..200 {
        let sent: &[u8] = match n % 3 {
            0 => b"",
            1 => PREFACE,
            _ => b"GET /hello HTTP/1.1\r\nHost:",
        };
        silent.push(served.send(sent).await);
        if n % 50 == 49 {
            assert!(served.answers().await, "after {n}");
        }
    }
    assert!(is_closed(&mut silent[0]).await);
}

#[tokio::test]
async fn busy_connections_stay_and_idle_ones_give_way() {
    let served = Served::with(patient(8)).await;
    let mut idle = served.send(HELLO).await;
    assert!(says(&mut idle, "hello").await);
    let mut busy = served.send(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n").await;
    served.hangs.notified().await;
    // Loopback counts as an ordinary address and may use a quarter of the places, which is two.
    assert!(served.answers().await);
    assert!(is_closed(&mut idle).await);
    served.go_on.notify_one();
    assert!(says(&mut busy, "at last").await);
    let trusting = Limits { is_trusted: Arc::new(|address| address.is_loopback()), ..patient(8) };
    let served = Served::with(trusting).await;
    let mut kept = served.send(HELLO).await;
    assert!(says(&mut kept, "hello").await);
    for _ in 0..6 {
        assert!(served.answers().await);
    }
    kept.write_all(HELLO).await.unwrap();
    assert!(says(&mut kept, "hello").await, "a proxy's connections are not counted by address");
}

#[tokio::test]
async fn a_late_first_request_ends_the_connection() {
    let served = Served::with(Limits { head: SHORT, ..patient(64) }).await;
    for sent in [&b""[..], b"GET / HTTP/1.1\r\nHost: ", PREFACE, &[PREFACE, SETTINGS].concat()] {
        assert!(is_closed(&mut served.send(sent).await).await, "{sent:?}");
    }
    // After its first request, a connection may be silent for longer.
    let mut spoken = served.send(HELLO).await;
    assert!(says(&mut spoken, "hello").await);
    assert!(is_closed(&mut served.send(b"").await).await);
    spoken.write_all(HELLO).await.unwrap();
    assert!(says(&mut spoken, "hello").await);
}

#[tokio::test]
async fn idle_stalled_and_dead_connections_are_closed() {
    let hello = Served::with(Limits { idle: SHORT, ..patient(64) }).await;
    let mut idle = hello.send(HELLO).await;
    assert!(says(&mut idle, "hello").await && is_closed(&mut idle).await);
    let stalled = Served::with(Limits { stall: SHORT, ..patient(64) }).await;
    for path in ["hang", "endless"] {
        let request = format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(is_closed(&mut stalled.send(request.as_bytes()).await).await, "{path}");
    }
    // This client does not answer pings.
    let pinged = Served::with(Limits { ping_every: SHORT, ping: SHORT, ..patient(64) }).await;
    assert!(is_closed(&mut pinged.send(&[PREFACE, SETTINGS].concat()).await).await);
}

#[tokio::test]
async fn shutdown_finishes_requests_without_waiting_for_silent_or_endless_ones() {
    let served = Served::with(Limits { requests_at_stop: LONG, ..patient(64) }).await;
    let (mut silent, mut preface) = (served.send(b"").await, served.send(PREFACE).await);
    let mut half = served.send(b"GET / HT").await;
    let mut kept = served.send(HELLO).await;
    assert!(says(&mut kept, "hello").await);
    let mut busy = served.send(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n").await;
    served.hangs.notified().await;
    served.stop.cancel();
    for stream in [&mut silent, &mut preface, &mut half, &mut kept] {
        assert!(is_closed(stream).await);
    }
    assert!(TcpStream::connect(served.address).await.is_err());
    served.go_on.notify_one();
    assert!(says(&mut busy, "at last").await);
    assert_eq!(served.serving.await.unwrap(), 0);
    let served = Served::with(patient(64)).await;
    let mut endless = served.send(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(says(&mut endless, "\r\n\r\n").await);
    served.stop.cancel();
    assert_eq!(served.serving.await.unwrap(), 1, "the endless answer was cut, and that is said");
}
