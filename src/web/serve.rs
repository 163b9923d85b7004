//! The accept loop: the number of connections, deadlines for silence, an orderly end.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::connections::{Busy, Connections, Pace, Place};

const HEAD_TIMEOUT_SECONDS: u64 = 10;
const BODY_TIMEOUT_SECONDS: u64 = 10;
/// Longer than a proxy keeps a connection that it may still use (nginx: 60 seconds).
const IDLE_TIMEOUT_SECONDS: u64 = 75;
/// Longer than any request may take until its answer begins.
const STALL_TIMEOUT_SECONDS: u64 = 90;
const PING_EVERY_SECONDS: u64 = 20;
const PING_TIMEOUT_SECONDS: u64 = 20;
/// How long requests in progress may take once the portal is stopping.
const REQUESTS_AT_STOP_SECONDS: u64 = 10;
/// How long a connection without a request may take to close.
const IDLE_AT_STOP_MILLISECONDS: u64 = 500;
const STREAMS_MAX: u32 = 100;
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// Gives other code that waits for a file descriptor a chance to get one.
const ACCEPT_AGAIN_MILLISECONDS: u64 = 20;

/// How many connections there may be, and their deadlines.
#[derive(Clone)]
pub struct Limits {
    pub connections_max: usize,
    /// The proxies, behind each of which all clients share one address.
    pub is_trusted: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// Until the first request has arrived; HTTP/2's preface is not one.
    pub head: Duration,
    /// Between one request and the next.
    pub idle: Duration,
    /// For an answer that nobody reads, or that does not come.
    pub stall: Duration,
    pub ping_every: Duration,
    pub ping: Duration,
    pub requests_at_stop: Duration,
}

impl Limits {
    /// The limits outside tests.
    #[must_use]
    pub fn of(connections_max: usize) -> Limits {
        Limits {
            connections_max,
            is_trusted: Arc::new(|_| false),
            head: Duration::from_secs(HEAD_TIMEOUT_SECONDS),
            idle: Duration::from_secs(IDLE_TIMEOUT_SECONDS),
            stall: Duration::from_secs(STALL_TIMEOUT_SECONDS),
            ping_every: Duration::from_secs(PING_EVERY_SECONDS),
            ping: Duration::from_secs(PING_TIMEOUT_SECONDS),
            requests_at_stop: Duration::from_secs(REQUESTS_AT_STOP_SECONDS),
        }
    }

    fn shortest(&self) -> Duration {
        self.head.min(self.idle).min(self.stall)
    }

    /// When a connection with this progress has taken too long.
    fn deadline(&self, pace: &Pace, stopped_at: Option<Instant>) -> Instant {
        match (pace.requests, stopped_at) {
            (1.., _) => pace.at + self.stall,
            (0, Some(at)) => at.max(pace.at) + Duration::from_millis(IDLE_AT_STOP_MILLISECONDS),
            (0, None) if pace.has_spoken => pace.at + self.idle,
            (0, None) => pace.at + self.head,
        }
    }
}

/// Serves until stopped, then finishes requests in progress; returns how many were cut off.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) -> usize {
    let door = Door {
        router: router.layer(RequestBodyTimeoutLayer::new(Duration::from_secs(BODY_TIMEOUT_SECONDS))),
        builder: builder(&limits),
        connections: Connections::new(limits.connections_max),
        limits: Arc::new(limits),
        tasks: TaskTracker::new(),
        stop,
        cut: CancellationToken::new(),
    };
    door.accept_all(&listener).await;
    drop(listener);
    door.tasks.close();
    if tokio::time::timeout(door.limits.requests_at_stop, door.tasks.wait()).await.is_ok() {
        return 0;
    }
    let open = door.connections.count();
    door.cut.cancel();
    open
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Deadlines for a request's head are checked here, for both protocols.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(BUFFER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(limits.ping_every)
        .keep_alive_timeout(limits.ping);
    builder
}

struct Door {
    router: Router,
    builder: Builder<TokioExecutor>,
    connections: Connections,
    limits: Arc<Limits>,
    tasks: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Door {
    /// Never waits for a place: a connection without a request gives way.
    async fn accept_all(&self, listener: &TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer),
                Err(error) => {
                    // Usually out of file descriptors.
                    self.connections.shed_oldest();
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_AGAIN_MILLISECONDS)).await;
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr) {
        let address = Some(peer.ip()).filter(|address| !(self.limits.is_trusted)(*address));
        let Some(place) = self.connections.admit(address) else {
            metrics::counter!("scrip_connections_refused_total").increment(1);
            return;
        };
        let _ = stream.set_nodelay(true);
        let place = Arc::new(place);
        let answering = {
            let (router, place) = (self.router.clone(), place.clone());
            hyper::service::service_fn(move |request| answer(router.clone(), request, peer, place.clone()))
        };
        let connection = self.builder.serve_connection(TokioIo::new(stream), answering).into_owned();
        let (limits, stop, cut) = (self.limits.clone(), self.stop.clone(), self.cut.clone());
        self.tasks.spawn(async move {
            tokio::pin!(connection);
            let mut stopped_at = None;
            loop {
                // An event may bring the deadline nearer, so it is checked again before.
                let look_at = Instant::now() + limits.shortest();
                let deadline = limits.deadline(&place.pace(), stopped_at).min(look_at);
                tokio::select! {
                    // A broken connection is the client's affair.
                    _ = connection.as_mut() => return,
                    () = place.shed.cancelled() => return,
                    () = cut.cancelled() => return,
                    () = stop.cancelled(), if stopped_at.is_none() => {
                        stopped_at = Some(Instant::now());
                        connection.as_mut().graceful_shutdown();
                    }
                    () = tokio::time::sleep_until(deadline) => {
                        if limits.deadline(&place.pace(), stopped_at) <= Instant::now() {
                            return;
                        }
                    }
                }
            }
        });
    }
}

/// Answers a request, which is in progress until the last of its answer is taken.
async fn answer(
    router: Router,
    mut request: Request<Incoming>,
    peer: SocketAddr,
    place: Arc<Place>,
) -> Result<Response<Sent>, std::convert::Infallible> {
    let busy = Busy::begin(place);
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.oneshot(request.map(Body::new)).await?;
    busy.goes_on();
    Ok(response.map(|body| Sent { body, busy }))
}

/// The body of an answer being sent.
struct Sent {
    body: Body,
    busy: Busy,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_ready() {
            self.busy.goes_on();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
