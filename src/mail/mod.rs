//! Mails: their texts, and sending them by SMTP.

use askama::Template;
use lettre::message::header::ContentType;
use lettre::message::{MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use crate::config::{MailConfig, MailSecurity};
use crate::keys::Keys;
use crate::model::job::Job;
use crate::model::order::DisputeState;
use crate::model::top_up::Stopped;
use crate::rng::Rng;
use crate::words;

/// For connecting, and for each answer of the server.
const ANSWER_SECONDS_MAX: u64 = 10;

/// A mail to one address.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// A file attached to a mail. It is created when the mail is sent, and therefore not stored with it.
#[derive(Debug, Clone)]
pub struct Attachment {
    pub name: String,
    pub content_type: &'static str,
    pub bytes: Vec<u8>,
}

macro_rules! mail_text {
    ($name:ident, $path:literal, $($field:ident),*) => {
        #[derive(Template)]
        #[template(path = $path, escape = "none")]
        struct $name<'a> { $($field: &'a str),* }
    };
}

mod invoice;
pub use invoice::{attached, credit_note, invoice, invoice_paid, invoice_reminder};

mail_text!(InvitationText, "mail/invitation.txt", from, company, link);
mail_text!(ResetText, "mail/reset.txt", link);
mail_text!(ResetByOtherText, "mail/reset_by_other.txt", from, link);
mail_text!(ConfirmEmailText, "mail/confirm_email.txt", link);
mail_text!(StopEmailText, "mail/stop_email.txt", new, link);
mail_text!(EmailChangedText, "mail/email_changed.txt", new, portal);
mail_text!(AccountNoticeText, "mail/account_notice.txt", what, at, from, portal);
mail_text!(ConfirmSignUpText, "mail/confirm_sign_up.txt", link);
mail_text!(HasAccountText, "mail/has_account.txt", portal);
mail_text!(SecondFactorCodeText, "mail/second_factor_code.txt", code);
mail_text!(CodesReadyText, "mail/codes_ready.txt", order, codes, link);
mail_text!(VouchersExpireText, "mail/vouchers_expire.txt", order, codes, day, link);
mail_text!(PaymentToConfirmText, "mail/payment_to_confirm.txt", order, total, link);
mail_text!(TopUpStoppedText, "mail/top_up_stopped.txt", what, why, link);
mail_text!(DisputedText, "mail/disputed.txt", order, what, amount, reason, now, link);
mail_text!(SecondFactorResetText, "mail/second_factor_reset.txt", portal);

fn mail(to: &str, subject: &str, text: &impl Template) -> Mail {
    Mail { to: to.into(), subject: subject.into(), text: text.render().unwrap_or_default() }
}

/// All codes of a large order are ready. `link` leads to it.
#[must_use]
pub fn codes_ready(to: &str, order: i64, codes: &str, link: &str) -> Mail {
    let text = CodesReadyText { order: &order.to_string(), codes, link };
    mail(to, "Your codes are ready", &text)
}

#[must_use]
pub fn invitation(to: &str, from: &str, company: &str, link: &str) -> Mail {
    // The name may be older than the rule against links in names.
    let company = if crate::model::text::has_link(company) { "a company" } else { company };
    mail(to, &format!("You are invited to {company}"), &InvitationText { from, company, link })
}

#[must_use]
pub fn reset(to: &str, link: &str) -> Mail {
    mail(to, "Set a new password", &ResetText { link })
}

/// A reset link that somebody else has created.
#[must_use]
pub fn reset_by_other(to: &str, from: &str, link: &str) -> Mail {
    mail(to, "Set a new password", &ResetByOtherText { from, link })
}

/// To the old address, when a change to another one is requested.
#[must_use]
pub fn stop_email(to: &str, new: &str, link: &str) -> Mail {
    mail(to, "Your e-mail address is about to change", &StopEmailText { new, link })
}

/// An event that the account's owner must know of.
#[must_use]
pub fn account_notice(to: &str, subject: &str, what: &str, at: &str, from: &str, portal: &str) -> Mail {
    mail(to, subject, &AccountNoticeText { what, at, from, portal })
}

#[must_use]
pub fn confirm_email(to: &str, link: &str) -> Mail {
    mail(to, "Confirm your new e-mail address", &ConfirmEmailText { link })
}

#[must_use]
pub fn email_changed(to: &str, new: &str, portal: &str) -> Mail {
    mail(to, "Your e-mail address was changed", &EmailChangedText { new, portal })
}

#[must_use]
pub fn confirm_sign_up(to: &str, link: &str) -> Mail {
    mail(to, "Confirm your account", &ConfirmSignUpText { link })
}

#[must_use]
pub fn has_account(to: &str, portal: &str) -> Mail {
    mail(to, "You have an account already", &HasAccountText { portal })
}

#[must_use]
pub fn second_factor_code(to: &str, code: &str) -> Mail {
    mail(to, "Your code", &SecondFactorCodeText { code })
}

#[must_use]
pub fn second_factor_reset(to: &str, portal: &str) -> Mail {
    mail(to, "Two-factor authentication is off", &SecondFactorResetText { portal })
}

/// An order's vouchers expire soon.
#[must_use]
pub fn vouchers_expire(to: &str, order_id: i64, codes: &str, day: &str, portal: &str) -> Mail {
    let (order, link) = (order_id.to_string(), format!("{portal}/orders/{order_id}"));
    let text = VouchersExpireText { order: &order, codes, day, link: &link };
    mail(to, &format!("Vouchers expire on {day}"), &text)
}

/// A saved card was charged for an order, and its bank wants to hear from the owner.
#[must_use]
pub fn payment_to_confirm(to: &str, order_id: i64, total: &str, portal: &str) -> Mail {
    let (order, link) = (order_id.to_string(), format!("{portal}/orders/{order_id}"));
    let text = PaymentToConfirmText { order: &order, total, link: &link };
    mail(to, &format!("Please confirm the payment of {total}"), &text)
}

/// A standing top-up was turned off.
#[must_use]
pub fn top_up_stopped(to: &str, what: &str, why: Stopped, portal: &str) -> Mail {
    let link = format!("{portal}{}", crate::urls::TOP_UPS);
    let text = TopUpStoppedText { what, why: words::top_up_stopped(why), link: &link };
    mail(to, &format!("The standing top-up of {what} is off"), &text)
}

/// What a card provider reports of a dispute, for the seller.
#[must_use]
pub fn disputed(to: &str, order_id: i64, amount: &str, reason: &str, state: DisputeState, portal: &str) -> Mail {
    let (order, link) = (order_id.to_string(), format!("{portal}/orders/{order_id}"));
    let (what, now) = words::dispute(state);
    let text = DisputedText { order: &order, what, amount, reason, now, link: &link };
    mail(to, &format!("Order {order_id}: the payment {what}"), &text)
}

/// The job that sends a mail, sealed: it may carry a link that stands in for a password.
#[must_use]
pub fn job(mail: &Mail, keys: &Keys, rng: &Rng) -> Job {
    Job::Mail { sealed: keys.seal_text(&serde_json::to_string(mail).unwrap_or_default(), rng) }
}

/// Sends a sealed mail.
///
/// # Errors
/// The mail server's message, without the mail's text.
pub async fn send(config: Option<&MailConfig>, keys: &Keys, sealed: &str) -> Result<(), String> {
    let mail = open(keys, sealed).ok_or("The mail does not open with this key file.")?;
    deliver(config, mail, vec![]).await
}

/// Opens a sealed mail; `None` if another key file sealed it.
#[must_use]
pub fn open(keys: &Keys, sealed: &str) -> Option<Mail> {
    serde_json::from_str(&keys.open_text(sealed)?).ok()
}

/// Sends a mail with attachments right away: for a job that creates them.
///
/// # Errors
/// The mail server's message, without the mail's text.
pub async fn deliver(config: Option<&MailConfig>, mail: Mail, attachments: Vec<Attachment>) -> Result<(), String> {
    let Some(config) = config else {
        tracing::warn!(subject = mail.subject, "no mail server is set: a mail was dropped");
        return Ok(());
    };
    let message = Message::builder()
        .from(config.from.clone())
        .to(mail.to.parse().map_err(|e: lettre::address::AddressError| e.to_string())?)
        .subject(mail.subject);
    let message = if attachments.is_empty() {
        message.header(ContentType::TEXT_PLAIN).body(mail.text)
    } else {
        let mut parts = MultiPart::mixed().singlepart(SinglePart::plain(mail.text));
        for Attachment { name, content_type, bytes } in attachments {
            let content_type = ContentType::parse(content_type).map_err(|e| e.to_string())?;
            parts = parts.singlepart(lettre::message::Attachment::new(name).body(bytes, content_type));
        }
        message.multipart(parts)
    };
    transport(config)?.send(message.map_err(|e| e.to_string())?).await.map_err(|e| e.to_string())?;
    Ok(())
}

fn transport(config: &MailConfig) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    type Smtp = AsyncSmtpTransport<Tokio1Executor>;
    let builder = match config.security {
        MailSecurity::Tls => Smtp::relay(&config.host).map_err(|e| e.to_string())?,
        MailSecurity::StartTls => Smtp::starttls_relay(&config.host).map_err(|e| e.to_string())?,
        MailSecurity::None => Smtp::builder_dangerous(&config.host),
    };
    let builder = builder.port(config.port).timeout(Some(std::time::Duration::from_secs(ANSWER_SECONDS_MAX)));
    Ok(match &config.login {
        Some((user, password)) => {
            builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned())).build()
        }
        None => builder.build(),
    })
}
