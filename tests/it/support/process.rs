//! The real program in a separate process, to be killed, and a client that keeps its connection open.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, header};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use scrip::app::App;
use scrip::keys::Keys;
use scrip::rng::Rng;
use scrip::web::form;

/// A running `scrip serve`.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    folder: PathBuf,
    database_url: Option<String>,
    /// Extra flags.
    more: Vec<String>,
    /// The file size limit of the process.
    file_bytes_max: Option<u64>,
}

impl Process {
    /// Starts the program on the folder of a [`super::TestApp`].
    pub fn start(folder: &Path, database_url: Option<String>) -> Process {
        Process::start_with(folder, database_url, Vec::new())
    }

    /// The same with extra flags.
    pub fn start_with(folder: &Path, database_url: Option<String>, more: Vec<String>) -> Process {
        Process::start_limited(folder, database_url, more, None)
    }

    /// The same with a limit on file sizes, which needs no privileges and works in any container.
    pub fn start_limited(
        folder: &Path,
        database_url: Option<String>,
        more: Vec<String>,
        file_bytes_max: Option<u64>,
    ) -> Process {
        // The listener is closed again, so that the program can bind this free port.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = spawn(folder, database_url.as_deref(), &more, address, file_bytes_max);
        let folder = folder.to_owned();
        let process = Process { child, address, folder, database_url, more, file_bytes_max };
        process.wait_until_ready();
        process
    }

    /// Removes the limit on file sizes.
    pub fn lift_file_limit(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let unlimited = rustix::process::Rlimit { current: None, maximum: None };
        rustix::process::prlimit(Some(pid), rustix::process::Resource::Fsize, unlimited).unwrap();
    }

    /// Kills the program as a power cut would, and starts it again.
    pub fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn(&self.folder, self.database_url.as_deref(), &self.more, self.address, self.file_bytes_max);
        self.wait_until_ready();
    }

    /// Asks the program to stop, and returns its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        self.child.wait().unwrap().code()
    }

    /// Runs a command of the program on the same data; returns whether it exited with 0.
    pub fn command(&self, arguments: &[&str]) -> bool {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scrip"));
        settings(&mut command, &self.folder, self.database_url.as_deref());
        command.args(arguments).stdout(Stdio::null()).status().unwrap().success()
    }

    fn wait_until_ready(&self) {
        let started = Instant::now();
        while std::net::TcpStream::connect(self.address).is_err() {
            assert!(started.elapsed() < Duration::from_secs(20), "the program did not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn settings(command: &mut Command, folder: &Path, database_url: Option<&str>) {
    command.arg("--data").arg(folder).args(["--log", "error", "--drain-seconds", "0"]);
    if let Some(url) = database_url {
        command.args(["--database-url", url]);
    }
}

fn spawn(
    folder: &Path,
    database_url: Option<&str>,
    more: &[String],
    address: SocketAddr,
    file_bytes_max: Option<u64>,
) -> Child {
    let program = env!("CARGO_BIN_EXE_scrip");
    let mut command = Command::new(if file_bytes_max.is_some() { "sh" } else { program });
    if let Some(bytes) = file_bytes_max {
        let limited = r#"trap "" XFSZ; ulimit -S -f "$0"; exec "$@""#;
        command.args(["-c", limited, &(bytes / 512).to_string(), program]);
    }
    settings(&mut command, folder, database_url);
    command.args(more).args(["--listen", &address.to_string(), "serve"]);
    command.stdout(Stdio::null()).spawn().unwrap()
}

/// Sends one unauthenticated request; returns the status, or `None` without a response.
pub async fn post(address: SocketAddr, path: &str, signature: &str, body: String) -> Option<u16> {
    let stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let request = Request::post(path)
        .header(header::HOST, address.to_string())
        .header("stripe-signature", signature)
        .body(Body::from(body))
        .unwrap();
    Some(sender.send_request(request).await.ok()?.status().as_u16())
}

/// A signed-in client of a running program.
pub struct Client {
    sender: SendRequest<Body>,
    host: String,
    cookie: String,
    session: [u8; 16],
    keys: Keys,
}

impl Client {
    /// Signs in and keeps the connection open; `None` if the program is gone.
    pub async fn sign_in(address: SocketAddr, key_file: &Path, email: &str) -> Option<Client> {
        let stream = tokio::net::TcpStream::connect(address).await.ok()?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        let keys = Keys::open(key_file, &Rng::System).unwrap();
        let host = address.to_string();
        let mut client = Client { sender, host, cookie: String::new(), session: [0; 16], keys };
        let body = format!("email={email}&password={}", super::PASSWORD.replace(' ', "+"));
        let response = client.request("/sign-in", body).await?;
        let cookies = response.headers().get_all(header::SET_COOKIE);
        let session = cookies.iter().find_map(|c| c.to_str().ok()?.split(';').next()?.strip_prefix("session="))?;
        client.cookie = format!("session={session}");
        let id: tower_sessions::session::Id = session.parse().ok()?;
        client.session = id.0.to_be_bytes();
        Some(client)
    }

    /// Posts a form under a new operation; returns its id and the status, which is `None` without a response.
    pub async fn post(&mut self, app: &App, path: &str, fields: &str) -> (String, Option<u16>) {
        let nonce = form::new_nonce(app);
        let status = self.post_as(&nonce, path, fields).await;
        (nonce, status)
    }

    /// Posts a form under an operation id that may have been sent before.
    pub async fn post_as(&mut self, nonce: &str, path: &str, fields: &str) -> Option<u16> {
        let token = format!("{nonce}.{}", self.keys.form_mac(&self.session, nonce));
        let response = self.request(path, format!("form={token}&{fields}")).await?;
        Some(response.status().as_u16())
    }

    /// Reads a page as the signed-in person.
    pub async fn get(&mut self, path: &str) -> Option<u16> {
        let request = Request::get(path)
            .header(header::HOST, self.host.as_str())
            .header(header::COOKIE, self.cookie.as_str())
            .body(Body::empty())
            .unwrap();
        Some(self.send(request).await?.status().as_u16())
    }

    /// Reconnects as the same person, such as after a restart.
    pub async fn connect_again(&mut self, address: SocketAddr) {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        self.sender = sender;
    }

    /// Reads from the API with an access token.
    pub async fn get_as(&mut self, token: &str, path: &str) -> Option<u16> {
        let request = Request::get(path)
            .header(header::HOST, self.host.as_str())
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        Some(self.send(request).await?.status().as_u16())
    }

    async fn request(&mut self, path: &str, body: String) -> Option<axum::http::Response<()>> {
        let request = Request::post(path)
            .header(header::HOST, self.host.as_str())
            .header(header::COOKIE, self.cookie.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    async fn send(&mut self, request: Request<Body>) -> Option<axum::http::Response<()>> {
        // Even after the previous body was read, the connection may not be ready yet.
        self.sender.ready().await.ok()?;
        let response = self.sender.send_request(request).await.ok()?;
        let (parts, body) = response.into_parts();
        axum::body::to_bytes(Body::new(body), 1 << 20).await.ok()?;
        Some(axum::http::Response::from_parts(parts, ()))
    }
}
