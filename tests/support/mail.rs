//! A mail server for tests.

use scrip::config::Given;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::TestApp;

/// A mail server that takes everything, and the settings that lead to it.
pub async fn mail_server() -> (Given, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (feed, mails) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take_mail(stream, feed.clone()));
        }
    });
    let given = Given {
        smtp_server: Some(format!("127.0.0.1:{port}")),
        smtp_security: Some("none".into()),
        mail_from: Some("Scrip <portal@test.example>".into()),
        ..Given::default()
    };
    (given, mails)
}

async fn take_mail(stream: TcpStream, feed: UnboundedSender<String>) {
    let mut stream = BufReader::new(stream);
    let mut data: Option<String> = None;
    let mut answer = "220 test\r\n";
    loop {
        if !answer.is_empty() && stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        answer = match &mut data {
            Some(_) if line == ".\r\n" => {
                // Long lines come folded.
                feed.send(data.take().unwrap().replace("=\r\n", "").replace("=3D", "=")).unwrap();
                "250 taken\r\n"
            }
            Some(text) => {
                text.push_str(&line);
                ""
            }
            None if line.starts_with("DATA") => {
                data = Some(String::new());
                "354 go on\r\n"
            }
            None if line.starts_with("QUIT") => "221 bye\r\n",
            None => "250 ok\r\n",
        };
    }
}

/// Runs the job that sends the next mail, and reads it.
pub async fn next_mail(test: &TestApp, mails: &mut UnboundedReceiver<String>) -> String {
    assert!(scrip::jobs::run_next(&test.app).await, "no mail waits");
    mails.try_recv().unwrap()
}
