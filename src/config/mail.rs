//! The settings for mail.

use super::{ConfigError, Secret, wrong};

/// How mail is sent.
#[derive(Debug, Clone)]
pub struct MailConfig {
    pub host: String,
    pub port: u16,
    pub security: MailSecurity,
    pub login: Option<(String, Secret)>,
    pub from: lettre::message::Mailbox,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    Tls,
    StartTls,
    None,
}

/// Checks them; without a server there is no mail.
pub(super) fn check(
    server: Option<String>,
    security: Option<String>,
    login: Option<(String, Secret)>,
    from: Option<String>,
) -> Result<Option<MailConfig>, ConfigError> {
    let Some(server) = server else { return Ok(None) };
    let (host, port) = server
        .rsplit_once(':')
        .and_then(|(h, p)| Some((h.to_owned(), p.parse().ok()?)))
        .ok_or_else(|| wrong("smtp-server", &server, "a name and a port, such as smtp.example.com:587"))?;
    let security = match security.as_deref() {
        None | Some("starttls") => MailSecurity::StartTls,
        Some("tls") => MailSecurity::Tls,
        Some("none") => MailSecurity::None,
        Some(other) => return Err(wrong("smtp-security", other, "tls, starttls or none")),
    };
    let from = from.ok_or_else(|| ConfigError("setting mail-from is missing: mails need a sender".into()))?;
    let from = from.parse().map_err(|_| wrong("mail-from", &from, "an e-mail address"))?;
    Ok(Some(MailConfig { host, port, security, login, from }))
}
