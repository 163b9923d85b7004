//! What is read of the objects that Stripe sends, in answers and in events. Fields that we do not use may
//! come and go; one that we use and that is missing is an error.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::money::{Currency, Money};

/// A page on which one payment can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    /// Where the browser goes; in the demo a path of the portal.
    pub url: String,
}

/// How a session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionState {
    pub id: String,
    pub payment_id: Option<i64>,
    pub is_paid: bool,
    /// The payer is done; the money may still be under way.
    pub is_complete: bool,
    /// It can no longer be paid.
    pub is_expired: bool,
    pub payment_intent: Option<String>,
    pub amount_total: Money,
}

/// Money given back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refund {
    pub id: String,
    /// `pending`, `requires_action`, `succeeded`, `failed` or `canceled`.
    pub status: String,
}

/// A Checkout Session.
#[derive(Deserialize)]
pub(super) struct Checkout {
    pub id: String,
    pub url: Option<String>,
    pub status: Option<String>,
    pub payment_status: String,
    pub payment_intent: Option<String>,
    amount_total: Option<i64>,
    currency: Option<String>,
    client_reference_id: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
}

/// A Charge.
#[derive(Deserialize)]
pub(super) struct Charge {
    pub payment_intent: Option<String>,
    amount: i64,
    amount_refunded: i64,
    currency: String,
    metadata: Option<BTreeMap<String, String>>,
}

impl Checkout {
    pub fn is_paid(&self) -> bool {
        self.payment_status == "paid"
    }

    /// Which payment of ours it is for; `None` where somebody else made it on the same account.
    pub fn payment_id(&self) -> Result<Option<i64>, &'static str> {
        let id = payment_id(self.metadata.as_ref());
        let reference = self.client_reference_id.as_deref();
        match id {
            Some(id) if reference != Some(id.to_string().as_str()) => Err("it is for two payments"),
            _ => Ok(id),
        }
    }

    pub fn amount_total(&self) -> Result<Money, &'static str> {
        let minor = self.amount_total.ok_or("amount_total is missing")?;
        money(minor, self.currency.as_deref().ok_or("currency is missing")?)
    }

    pub fn state(self) -> Result<SessionState, &'static str> {
        let status = self.status.as_deref();
        Ok(SessionState {
            payment_id: self.payment_id()?,
            is_paid: self.is_paid(),
            is_complete: status == Some("complete"),
            is_expired: status == Some("expired"),
            amount_total: self.amount_total()?,
            payment_intent: self.payment_intent,
            id: self.id,
        })
    }
}

impl Charge {
    pub fn payment_id(&self) -> Option<i64> {
        payment_id(self.metadata.as_ref())
    }

    pub fn amount(&self) -> Result<Money, &'static str> {
        money(self.amount, &self.currency)
    }

    pub fn refunded(&self) -> Result<Money, &'static str> {
        money(self.amount_refunded, &self.currency)
    }
}

fn payment_id(metadata: Option<&BTreeMap<String, String>>) -> Option<i64> {
    metadata?.get("payment_id")?.parse().ok().filter(|id| *id > 0)
}

/// Stripe counts in the same minor units as we do, and writes currencies in lower case.
fn money(minor: i64, currency: &str) -> Result<Money, &'static str> {
    let currency = Currency::from_code(&currency.to_uppercase()).ok_or("its currency is unknown")?;
    Ok(Money::new(minor, currency))
}
