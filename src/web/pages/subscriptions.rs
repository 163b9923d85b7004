//! Subscriptions, licences: the options, and a voucher in steps. Its code is typed, what it holds is shown, and only that
//! is confirmed: the second step carries the code sealed, so that it cannot be edited in between.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::app::App;
use crate::model::code::Code;
use crate::model::coverage::Coverage;
use crate::model::ledger::{Cause, Transfer, balance_after};
use crate::model::permission::Permission;
use crate::model::refusal::FormReason;
use crate::model::seller::Sections;
use crate::ops;
use crate::ops::buying::{Contact, MayBuy};
use crate::ops::codes::changes::Preview;
use crate::ops::history::Happened;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Me, Visit};
use crate::web::form::Form;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};
use crate::words;

#[derive(Template)]
#[template(path = "subscriptions/options.html")]
struct OptionsPage {
    frame: Frame,
    may: MayBuy,
    /// Whom to ask.
    contact: Option<Contact>,
    sections: Sections,
}

pub async fn options(Visit(portal, me): Visit) -> WebResult<Response> {
    me.actor.require(Permission::ActivateCodes)?;
    let may = ops::buying::of(&portal.app, &me.actor).await?;
    let contact = ops::buying::contact(&portal.app).await?;
    let sections = ops::seller::sections(&portal.app).await?;
    let frame = Frame::of(&portal, &me, "Subscriptions, licences").await?;
    page(&OptionsPage { frame, may, contact, sections })
}

#[derive(Template)]
#[template(path = "subscriptions/voucher.html")]
struct VoucherPage<'a> {
    frame: Frame,
    form: &'a Form,
}

async fn show_voucher(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::ActivateCodes)?;
    let frame = Frame::of(portal, me, "Use your voucher").await?;
    page_of_form(&portal.app, &VoucherPage { frame, form }, form)
}

pub async fn voucher(Visit(portal, me): Visit) -> WebResult<Response> {
    show_voucher(&portal, &me, &Form::default()).await
}

#[derive(Template)]
#[template(path = "subscriptions/confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame,
    form: &'a Form,
    code: String,
    voucher: String,
    preview: Preview,
}

/// Shows what the code holds. Nothing happens yet.
pub async fn check(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    form.operation(&portal.app, &me)?;
    let preview = match ops::codes::changes::preview(&portal.app, &me.actor, form.value("code")).await {
        Ok(preview) => preview,
        Err(error) => return show_voucher(&portal, &me, &form.refused(error)?).await,
    };
    let code = Code::parse(form.value("code")).map(|code| code.reveal()).unwrap_or_default();
    let voucher = seal(&portal.app, &me, &code);
    let frame = Frame::of(&portal, &me, "Extend your subscription").await?;
    page(&ConfirmPage { frame, form: &form, code, voucher, preview })
}

pub async fn confirm(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let Some(code) = open(&portal.app, &me, form.value("voucher")) else {
        let mut blank = Form::default();
        blank.refuse("", FormReason::Foreign);
        return show_voucher(&portal, &me, &blank).await;
    };
    match ops::codes::changes::redeem(&portal.app, &me.actor, &operation_id, &code).await {
        Ok(_) => Ok(view::done(urls::VOUCHER_RECEIVED, &operation_id)),
        Err(error) => show_voucher(&portal, &me, &Form::filled(&[("code", &code)]).refused(error)?).await,
    }
}

/// The code for the second step: only for this person.
fn seal(app: &App, me: &Me, code: &str) -> String {
    app.keys.seal_text(&format!("{}{code}", mark(me)), &app.rng)
}

fn open(app: &App, me: &Me, sealed: &str) -> Option<String> {
    app.keys.open_text(sealed)?.strip_prefix(&mark(me)).map(str::to_owned)
}

fn mark(me: &Me) -> String {
    format!("voucher of {}: ", me.actor.user_id)
}

#[derive(Template)]
#[template(path = "subscriptions/received.html")]
struct ReceivedPage {
    frame: Frame,
    /// The redemption, and then the devices that it extended; empty if it has not been seen yet.
    transfers: Vec<Transfer>,
    coverage: Option<Coverage>,
}

impl ReceivedPage {
    fn extended(&self) -> i64 {
        self.transfers.iter().filter(|t| t.cause == Cause::Spend).count() as i64
    }

    fn balance(&self) -> i64 {
        balance_after(&self.transfers)
    }

    fn lasts(&self) -> Option<String> {
        self.coverage.as_ref().filter(|c| !c.is_used_up).map(words::coverage)
    }
}

pub async fn received(Visit(portal, me): Visit) -> WebResult<Response> {
    me.actor.require(Permission::ActivateCodes)?;
    let happened = match &me.done {
        Some(operation_id) => ops::history::happened(&portal.app, &me.actor, operation_id).await?,
        None => return Ok(Redirect::to(urls::SUBSCRIPTIONS).into_response()),
    };
    let transfers = match happened {
        Some(Happened::Transfers(transfers)) if transfers.first().is_some_and(|t| t.cause == Cause::Redeem) => {
            transfers
        }
        Some(_) => return Ok(Redirect::to(urls::SUBSCRIPTIONS).into_response()),
        None => Vec::new(),
    };
    let coverage = match transfers.first() {
        Some(first) => ops::coverage::of_pool(&portal.app, &me.actor, me.actor.company_id, first.resource_type).await?,
        None => None,
    };
    let mut frame = Frame::of(&portal, &me, "You received the credits from the voucher").await?;
    // The page itself says it.
    frame.notice = frame.notice.filter(|_| transfers.is_empty());
    page(&ReceivedPage { frame, transfers, coverage })
}
