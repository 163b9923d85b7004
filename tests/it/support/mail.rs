//! A mail server for tests.

use scrip::config::Given;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::TestApp;

/// A mail server that accepts everything, and the settings that point to it.
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
                // Undo quoted-printable: long lines arrive folded.
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

/// Subjects of mails that merely notify people of activity on their account.
const NOTICES: [&str; 5] = [
    "New sign-in to your account",
    "Your password was changed",
    "Two-factor authentication is on",
    "New recovery codes were made",
    "A new access token was made",
];

/// Runs the job that sends the next mail of any kind, and returns the mail.
pub async fn next_mail_of_all(test: &TestApp, mails: &mut UnboundedReceiver<String>) -> Option<String> {
    scrip::jobs::run_next(&test.app).await.then(|| mails.try_recv().unwrap())
}

/// Sends mails until the next one that is not a notice, and returns it.
pub async fn next_mail(test: &TestApp, mails: &mut UnboundedReceiver<String>) -> String {
    maybe_mail(test, mails).await.expect("no mail waits")
}

/// Asserts that no mail is waiting except notices.
pub async fn no_mail(test: &TestApp, mails: &mut UnboundedReceiver<String>) {
    let mail = maybe_mail(test, mails).await;
    assert!(mail.is_none(), "a mail too many: {mail:?}");
}

async fn maybe_mail(test: &TestApp, mails: &mut UnboundedReceiver<String>) -> Option<String> {
    loop {
        let mail = next_mail_of_all(test, mails).await?;
        if !NOTICES.iter().any(|subject| mail.contains(&format!("Subject: {subject}"))) {
            return Some(mail);
        }
    }
}
