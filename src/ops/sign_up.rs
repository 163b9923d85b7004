//! Sign-up of a person who holds a code and has no account (a setting, off by default).

use super::attempts::{allow, count_mail};
use super::error::{OpError, OpResult, Problems, refuse};
use super::links::{link_address, link_hash, look_at_link, new_link_token};
use super::passwords::{check_new_password, hash_password};
use super::sign_in::note_stranger;
use crate::app::App;
use crate::model::code::Code;
use crate::model::company;
use crate::model::refusal::{CodeReason, SignInReason, UserReason};
use crate::model::role;
use crate::model::throttle::{CODES_OF_ADDRESS, counted_address};
use crate::model::user;
use crate::ops::work::work;
use crate::store;
use crate::store::history::NewHistory;
use crate::store::users::{Link, Purpose};

/// How long a person has to confirm.
const SIGN_UP_LINK_SECONDS: i64 = 86_400;

/// The fields of the sign-up page.
pub struct SignUp {
    pub company: String,
    pub email: String,
    pub code: String,
    pub address: String,
}

/// What is stored until the person confirms.
#[derive(serde::Serialize, serde::Deserialize)]
struct Pending {
    company: String,
    email: String,
}

fn pending(payload: &str) -> OpResult<Pending> {
    serde_json::from_str(payload).map_err(|e| OpError::Internal(e.to_string()))
}

/// Whose account a link would make: the e-mail address and the company.
pub(super) fn owner(payload: &str) -> OpResult<(String, String)> {
    let pending = pending(payload)?;
    Ok((pending.email, pending.company))
}

/// Mails a confirmation link to a person who holds an unused code. The answer is the same if the address has an
/// account; its owner then gets a mail instead. Only the demo, which sends no mail, returns the link.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn ask(app: &App, form: &SignUp) -> OpResult<Option<String>> {
    if !app.config.sign_up {
        return Err(OpError::NotFound);
    }
    let mut problems = Problems::default();
    let name = problems.take("company", company::name(&form.company));
    let email = problems.take("email", user::email(&form.email));
    let code = problems.take("code", Code::parse(&form.code));
    problems.finish()?;
    let (Some(company), Some(email), Some(code)) = (name, email, code) else {
        return Err(OpError::NotFound);
    };
    require_unused(app, &code, &email, &form.address).await?;
    let pending = Pending { company, email: email.clone() };
    let payload = serde_json::to_string(&pending).map_err(|e| OpError::Internal(e.to_string()))?;
    let (token, hash) = new_link_token(app);
    work!(app, work => {
        count_mail(work, &form.address).await?;
        if store::users::by_email(&mut work.tx, &email).await?.is_some() {
            let mail = crate::mail::has_account(&email, &app.config.public_url);
            work.mail(app, &mail).await?;
            return Ok(None);
        }
        let link = Link { purpose: Purpose::SignUp, user_id: None, payload: payload.clone() };
        let until = work.now.plus_seconds(SIGN_UP_LINK_SECONDS);
        store::users::add_link(&mut work.tx, &hash, &link, work.now, until).await?;
        let mail = crate::mail::confirm_sign_up(&email, &link_address(app, &token));
        work.mail(app, &mail).await?;
        Ok(app.config.demo.then(|| link_address(app, &token)))
    })
}

/// Refuses a person without a redeemable code, with the same answer whatever is wrong with it. Wrong codes count with
/// all others from the address, in the transaction that looks.
async fn require_unused(app: &App, code: &Code, email: &str, address: &str) -> OpResult<()> {
    let (tag, key) = (app.keys.tag(code), format!("code:address:{}", counted_address(address)));
    let is_good = work!(app, work => {
        allow(work, &key, &CODES_OF_ADDRESS, "code").await?;
        let found = store::codes::by_tag(&mut work.tx, tag).await?;
        if let Some(code) = found
            && code.facts()?.redeemable(work.now).is_ok()
        {
            return Ok(true);
        }
        store::throttle::fail(&mut work.tx, &key, &CODES_OF_ADDRESS, work.now).await?;
        note_stranger(work, "stranger.code_wrong", email, address).await?;
        Ok(false)
    })?;
    if is_good { Ok(()) } else { refuse("code", CodeReason::Unusable) }
}

/// Confirms with a password: makes the company under the root, and its administrator.
///
/// # Errors
/// A refusal at the password, or if the link is dead or the address has got an account in the meantime.
pub async fn confirm(
    app: &App,
    token: &str,
    (password, again): (&str, &str),
    address: &str,
) -> OpResult<super::sign_in::SignedInAs> {
    let open = look_at_link(app, token).await?;
    check_new_password(app, password, again, (&open.email, &open.company), false).await?;
    let password_hash = hash_password(app, password.to_owned()).await?;
    let hash = link_hash(token);
    work!(app, work => {
        let link = store::users::take_link(&mut work.tx, &hash, work.now).await?;
        let Some(Link { purpose: Purpose::SignUp, payload, .. }) = link else {
            return refuse("", SignInReason::LinkDead);
        };
        let pending = pending(&payload)?;
        let (root_id, root_path) = store::companies::root(&mut work.tx).await?.ok_or(OpError::NotFound)?;
        let company_id =
            store::companies::insert(&mut work.tx, &pending.company, Some((root_id, &root_path)), work.now)
                .await?;
        let user_id =
            store::users::insert(&mut work.tx, company_id, &pending.email, role::ADMIN, work.now).await?;
        let Some(user_id) = user_id else { return refuse("", UserReason::EmailTaken) };
        store::users::set_password(&mut work.tx, user_id, &password_hash).await?;
        work.note(NewHistory {
            actor_id: Some(user_id),
            company_id: Some(company_id),
            address: address.to_owned(),
            verb: "company.created",
            subject: pending.company,
            details: String::new(),
            token: None,
        });
        Ok(super::sign_in::SignedInAs { user_id, session_epoch: 1 })
    })
}
