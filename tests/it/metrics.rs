//! The counters are served on their own listener, and nowhere else.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Sends a GET request as soon as the address accepts connections; returns the response.
fn get(address: SocketAddr, path: &str) -> String {
    let started = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => assert!(started.elapsed() < Duration::from_secs(20), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn counters_are_served_only_on_their_own_listener() {
    let folder = tempfile::tempdir().unwrap();
    let (public, counters) = (free_address(), free_address());
    let child = Command::new(env!("CARGO_BIN_EXE_scrip"))
        .args(["--log", "error", "--data"])
        .arg(folder.path())
        .args(["--listen", &public.to_string(), "--metrics-listen", &counters.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _running = Running(child);
    assert!(get(public, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(get(public, "/metrics").starts_with("HTTP/1.1 404"));
    let text = get(counters, "/metrics");
    assert!(text.contains("scrip_http_requests_total{method=\"GET\",status=\"200\"} 1"), "{text}");
    assert!(text.contains("scrip_http_requests_total{method=\"GET\",status=\"404\"} 1"), "{text}");
    assert!(text.contains("scrip_http_request_seconds_bucket"), "{text}");
    // The chain's metrics may first appear after the first request.
    let started = Instant::now();
    while !get(counters, "/metrics").contains("scrip_chain_links ") {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", get(counters, "/metrics"));
    }
    assert!(get(counters, "/metrics").contains("scrip_chain_unlinked_seconds 0"));
    assert!(get(counters, "/companies").starts_with("HTTP/1.1 404"));
}
