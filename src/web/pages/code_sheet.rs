//! A sheet of codes to print and cut, each as a card with its QR code.

use askama::Template;
use axum::response::Response;

use crate::model::amount::grouped;
use crate::model::ledger::CodeStatus;
use crate::model::time::Moment;
use crate::ops;
use crate::ops::codes::ShownCode;
use crate::ops::watched::{Way, codes_shown};
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{Me, QueryForm, Visit};
use crate::web::qr;
use crate::web::state::Portal;
use crate::web::view::{self, Plain, page};

#[derive(Template)]
#[template(path = "codes/sheet.html")]
struct SheetPage {
    plain: Plain,
    cards: Vec<Card>,
    portal: String,
    back: String,
    next: Option<String>,
}

/// A card to cut out: the code, what it holds, and how to redeem it.
struct Card {
    code: String,
    units: String,
    company: String,
    /// A voucher's name, and its last day.
    name: String,
    valid_until: Option<String>,
    qr: qr::Svg,
}

/// Most cards on one page.
pub const CARDS_MAX: usize = 500;

/// Unused codes as cards on A4 sheets. A page for the printer, without a frame.
pub async fn sheet(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let ids: Vec<i64> = form.all("code").filter_map(|id| id.parse().ok()).take(CARDS_MAX).collect();
    let codes = ops::codes::find_many(&portal.app, &me.actor, &ids).await?;
    sheet_of(&portal, &me, &codes, view::back(&form, urls::RESOURCES_CODES), None).await
}

/// A sheet of the unused ones among these codes; `next` links to the next sheet.
pub async fn sheet_of(
    portal: &Portal,
    me: &Me,
    codes: &[ShownCode],
    back: &str,
    next: Option<String>,
) -> WebResult<Response> {
    let address = &portal.app.config.public_url;
    let unused = codes.iter().filter(|c| c.status == CodeStatus::Unused);
    if let Some(first) = codes.first() {
        let (company, what) = (first.row.company_id, format!("Sheet of codes of {}", first.row.company_name));
        codes_shown(&portal.app, &me.actor, Way::Printed, company, &what, unused.clone()).await?;
    }
    let cards = unused.map(|c| card(c, address, me)).collect::<WebResult<Vec<_>>>()?;
    let plain = Plain::new("Sheet of codes", me.theme);
    page(&SheetPage { plain, cards, portal: address.clone(), back: back.to_owned(), next })
}

fn card(code: &ShownCode, portal: &str, me: &Me) -> WebResult<Card> {
    // The code is in the fragment, which browsers send to nobody.
    let link = format!("{portal}{}#{}", urls::REDEEM, code.text);
    let valid_until = code.row.expires_at.map(|at| Moment(at).readable_date(&me.actor.time_zone));
    Ok(Card {
        code: code.text.clone(),
        units: format!("{} {}", grouped(code.row.amount), code.resource_type.label()),
        company: code.row.company_name.clone(),
        // A code's comment is for its creator; a voucher's name is for the customer too.
        name: if valid_until.is_some() { code.row.comment.clone() } else { String::new() },
        valid_until,
        qr: qr::svg(&link, 110)?,
    })
}
