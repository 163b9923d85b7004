//! The parts that we read of Stripe's objects, in answers and in events. Fields that we do not use may come and go; a
//! missing field that we use is an error.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::money::{Currency, Money};

/// The key of our reference in the metadata of Stripe's objects.
pub(super) const REFERENCE: &str = "scrip_payment";

/// A page where one payment can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    /// Where the browser goes; in the demo, a path of the portal.
    pub url: String,
}

/// The state of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionState {
    pub id: String,
    /// The payment's reference, as sent with the request.
    pub reference: Option<String>,
    pub is_paid: bool,
    /// The payer is done; the money may still be on its way.
    pub is_complete: bool,
    /// It can no longer be paid.
    pub is_expired: bool,
    pub payment_intent: Option<String>,
    pub amount_total: Money,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refund {
    pub id: String,
    /// `pending`, `requires_action`, `succeeded`, `failed` or `canceled`.
    pub status: String,
}

impl Refund {
    /// Whether no money went back.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.status.as_str(), "failed" | "canceled")
    }
}

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

#[derive(Deserialize)]
pub(super) struct Charge {
    pub payment_intent: Option<String>,
    amount: i64,
    amount_refunded: i64,
    currency: String,
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
pub(super) struct Dispute {
    pub id: String,
    pub status: String,
    pub reason: String,
    /// In seconds.
    pub created: i64,
    pub payment_intent: Option<String>,
    amount: i64,
    currency: String,
}

#[derive(Deserialize)]
pub(super) struct Intent {
    pub id: String,
    pub status: String,
    amount_received: i64,
    currency: String,
    metadata: Option<BTreeMap<String, String>>,
}

impl Intent {
    pub fn reference(&self) -> Option<&str> {
        reference(self.metadata.as_ref())
    }

    pub fn received(&self) -> Result<Money, &'static str> {
        money(self.amount_received, &self.currency)
    }
}

impl Checkout {
    pub fn is_paid(&self) -> bool {
        self.payment_status == "paid"
    }

    /// The reference of the payment that it is for; `None` if another program on the same account made it.
    pub fn reference(&self) -> Result<Option<&str>, &'static str> {
        let reference = reference(self.metadata.as_ref());
        match reference {
            Some(_) if reference != self.client_reference_id.as_deref() => Err("it is for two payments"),
            _ => Ok(reference),
        }
    }

    pub fn amount_total(&self) -> Result<Money, &'static str> {
        let minor = self.amount_total.ok_or("amount_total is missing")?;
        money(minor, self.currency.as_deref().ok_or("currency is missing")?)
    }

    pub fn state(self) -> Result<SessionState, &'static str> {
        let status = self.status.as_deref();
        Ok(SessionState {
            reference: self.reference()?.map(str::to_owned),
            is_paid: self.is_paid(),
            is_complete: status == Some("complete"),
            is_expired: status == Some("expired"),
            amount_total: self.amount_total()?,
            payment_intent: self.payment_intent,
            id: self.id,
        })
    }
}

impl Dispute {
    pub fn amount(&self) -> Result<Money, &'static str> {
        money(self.amount, &self.currency)
    }
}

impl Charge {
    pub fn reference(&self) -> Option<&str> {
        reference(self.metadata.as_ref())
    }

    pub fn amount(&self) -> Result<Money, &'static str> {
        money(self.amount, &self.currency)
    }

    pub fn refunded(&self) -> Result<Money, &'static str> {
        money(self.amount_refunded, &self.currency)
    }
}

fn reference(metadata: Option<&BTreeMap<String, String>>) -> Option<&str> {
    metadata?.get(REFERENCE).map(String::as_str).filter(|text| !text.is_empty())
}

/// Stripe counts in the same minor units as we do, and writes currencies in lower case.
fn money(minor: i64, currency: &str) -> Result<Money, &'static str> {
    let currency = Currency::from_code(&currency.to_uppercase()).ok_or("its currency is unknown")?;
    Ok(Money::new(minor, currency))
}
