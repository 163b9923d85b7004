//! The card that pays a company's top-ups: saved on the provider's page, and replaced or forgotten at any time, which
//! buys nothing.

use crate::app::App;
use crate::cards::{SetupRequest, SetupState};
use crate::model::event::TopUpEvent;
use crate::model::order::OrderError;
use crate::model::permission::Permission;
use crate::model::time::Moment;
use crate::ops::actor::Actor;
use crate::ops::buying;
use crate::ops::card_payments::ReturnUrls;
use crate::ops::error::{OpError, OpResult, refuse};
use crate::ops::work::{Outcome, work, work_once};
use crate::store;
use crate::store::history::NewHistory;
use crate::store::top_ups::{SavedCard, Setup};

/// A provider's page is open for a day.
const PAGE_SECONDS_MAX: i64 = 86_400 + 3_600;
/// How many pages are asked about at once.
const ASKED_AT_ONCE: i64 = 20;

/// Opens the provider's page on which the actor's company saves a card; returns its address.
///
/// # Errors
/// A refusal if no cards are taken, or the provider cannot be reached.
pub async fn begin(app: &App, actor: &Actor, return_urls: &ReturnUrls<'_>) -> OpResult<String> {
    buying::require_own_pool(app, actor).await?;
    let Some(provider) = app.cards.provider() else { return refuse("method", OrderError::CardsOff) };
    let reference = format!("scrip-card-{}", hex::encode(app.rng.bytes::<12>()));
    let setup = Setup {
        reference,
        company_id: actor.company_id,
        person_id: actor.user_id,
        session_id: None,
        created_at: app.clock.now().0,
    };
    work!(app, work => { Ok(store::top_ups::begin_setup(&mut work.tx, &setup, provider).await?) })?;
    let request = SetupRequest {
        reference: &setup.reference,
        customer_email: &actor.email,
        success_url: return_urls.back,
        cancel_url: return_urls.cancelled,
    };
    match app.cards.create_setup(&request).await {
        Ok(session) => {
            work!(app, work => {
                Ok(store::top_ups::set_setup_session(&mut work.tx, &setup.reference, &session.id).await?)
            })?;
            Ok(session.url)
        }
        Err(error) => {
            tracing::error!(%error, "no page for saving a card was opened");
            refuse("", OrderError::ProviderFailed)
        }
    }
}

/// Asks the provider about the pages of the actor's company: its browser is back.
pub async fn finish(app: &App, actor: &Actor) -> OpResult<()> {
    actor.require(Permission::BuyResources)?;
    ask(app, Some(actor.company_id)).await
}

/// Asks about the pages that are open: somebody may have closed the browser.
pub async fn ask(app: &App, company_id: Option<i64>) -> OpResult<()> {
    let Some(provider) = app.cards.provider() else { return Ok(()) };
    let mut tx = app.db.read().await?;
    let open = store::top_ups::open_setups(&mut tx, provider, company_id, ASKED_AT_ONCE).await?;
    drop(tx);
    for setup in &open {
        let is_over = app.clock.now() > Moment(setup.created_at).plus_seconds(PAGE_SECONDS_MAX);
        let state = match &setup.session_id {
            Some(session) => app.cards.setup(session).await,
            None => Ok(SetupState::Open),
        };
        let card = match state {
            Ok(SetupState::Saved(card)) => Some(card),
            Ok(SetupState::Expired) => None,
            Ok(SetupState::Open) if is_over => None,
            Ok(SetupState::Open) => continue,
            Err(error) => {
                tracing::warn!(%error, "the card provider did not say whether a card was saved");
                if is_over { None } else { continue }
            }
        };
        work!(app, work => {
            if !store::top_ups::end_setup(&mut work.tx, &setup.reference, work.now).await? {
                return Ok(());
            }
            let Some(card) = &card else { return Ok(()) };
            let saved = SavedCard {
                provider: provider.to_owned(),
                customer: card.customer.clone(),
                method: card.method.clone(),
                label: card.label.clone(),
            };
            store::top_ups::save_card(&mut work.tx, setup.company_id, setup.person_id, &saved, work.now).await?;
            work.note(NewHistory {
                actor_id: Some(setup.person_id),
                company_id: Some(setup.company_id),
                address: String::new(),
                verb: "card.saved",
                subject: saved.label,
                details: String::new(),
                token: None,
            });
            Ok(())
        })?;
    }
    Ok(())
}

/// Forgets the card of the actor's company. Top-ups that it pays then fail.
///
/// # Errors
/// [`OpError::NotFound`] if there is none.
pub async fn forget(app: &App, actor: &Actor, operation_id: &str) -> OpResult<Outcome> {
    actor.require(Permission::BuyResources)?;
    work_once!(app, actor, operation_id, "forget_card", "", work => {
        let card = store::top_ups::card(&mut work.tx, actor.company_id).await?.ok_or(OpError::NotFound)?;
        store::top_ups::forget_card(&mut work.tx, actor.company_id).await?;
        work.note(actor.note("card.forgotten", &card.label, ""));
        Ok(Outcome::of(TopUpEvent::CardForgotten))
    })
}
