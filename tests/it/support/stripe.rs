//! A fake Stripe on loopback, as strict as the real one about the requests it accepts.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use scrip::cards;
use scrip::config::{Given, StripeConfig};
use serde_json::{Value, json};

pub const SECRET_KEY: &str = "sk_test_4242";
pub const WEBHOOK_SECRET: &str = "whsec_4242";

/// The fields that we send for a new session, named as in Stripe's reference. All are required, and no others allowed.
const SESSION_FIELDS: [&str; 12] = [
    "mode",
    "line_items[0][quantity]",
    "line_items[0][price_data][currency]",
    "line_items[0][price_data][unit_amount]",
    "line_items[0][price_data][product_data][name]",
    "client_reference_id",
    "metadata[scrip_payment]",
    "payment_intent_data[metadata][scrip_payment]",
    "customer_email",
    "success_url",
    "cancel_url",
    "expires_at",
];

/// How the next request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answered with this status, and not done.
    Status(u16),
    /// The same, and Stripe says not to retry.
    Final(u16),
    /// Done, but the response never arrives.
    Lost,
    /// Answered with something other than JSON.
    Garbage,
    /// Answered with a redirect.
    Redirect,
}

/// What a saved card's bank says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardAnswer {
    Pays,
    Declines,
    AsksTheOwner,
}

/// The fields of a page for saving a card, and of a charge.
const SETUP_FIELDS: [&str; 7] = [
    "cancel_url",
    "client_reference_id",
    "customer_creation",
    "customer_email",
    "mode",
    "payment_method_types[0]",
    "success_url",
];
const CHARGE_FIELDS: [&str; 9] = [
    "amount",
    "confirm",
    "currency",
    "customer",
    "description",
    "metadata[scrip_payment]",
    "off_session",
    "payment_method",
    "payment_method_types[0]",
];

pub type Fields = BTreeMap<String, String>;

/// A request as received.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub fields: Fields,
}

#[derive(Default)]
struct Inner {
    seen: Vec<Seen>,
    faults: VecDeque<Fault>,
    done: HashMap<String, (Seen, u16, Value)>,
    sessions: BTreeMap<String, Value>,
    refunds: Vec<Fields>,
    intents: Vec<Value>,
    cards: VecDeque<CardAnswer>,
}

#[derive(Clone)]
pub struct FakeStripe {
    pub api_base: String,
    inner: Arc<Mutex<Inner>>,
}

impl FakeStripe {
    pub async fn start() -> FakeStripe {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api_base = format!("http://{}", listener.local_addr().unwrap());
        let fake = FakeStripe { api_base, inner: Arc::default() };
        let router = Router::new().fallback(take).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    /// Settings that point to this server.
    pub fn given(&self) -> Given {
        Given {
            stripe_secret_key: Some(SECRET_KEY.into()),
            stripe_webhook_secret: Some(WEBHOOK_SECRET.into()),
            stripe_api_base: Some(self.api_base.clone()),
            ..Given::default()
        }
    }

    pub fn config(&self) -> StripeConfig {
        StripeConfig {
            secret_key: SECRET_KEY.into(),
            webhook_secret: WEBHOOK_SECRET.into(),
            api_base: self.api_base.clone(),
        }
    }

    /// The next requests fail in these ways.
    pub fn fail(&self, faults: &[Fault]) {
        self.inner.lock().unwrap().faults.extend(faults);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.inner.lock().unwrap().seen.clone()
    }

    pub fn refunds(&self) -> Vec<Fields> {
        self.inner.lock().unwrap().refunds.clone()
    }

    /// What the banks of the next charges say; without a word they pay.
    pub fn banks_say(&self, answers: &[CardAnswer]) {
        self.inner.lock().unwrap().cards.extend(answers);
    }

    /// The charges that were made.
    pub fn charges(&self) -> Vec<Value> {
        self.inner.lock().unwrap().intents.clone()
    }

    /// Somebody enters a card on a page for saving one.
    pub fn save_card(&self, session_id: &str, last4: &str) {
        let session = &mut self.inner.lock().unwrap().sessions;
        let session = session.get_mut(session_id).unwrap();
        let card = json!({"brand": "visa", "last4": last4, "exp_month": 7, "exp_year": 2030});
        session["status"] = "complete".into();
        session["customer"] = format!("cus_{last4}").into();
        session["setup_intent"] =
            json!({"id": "seti_1", "payment_method": {"id": format!("pm_{last4}"), "card": card}});
    }

    /// An event that a charge has succeeded, and its signature.
    pub fn charge_event(&self, event_id: &str, charge: usize, seconds: i64) -> (String, String) {
        let object = self.inner.lock().unwrap().intents[charge].clone();
        signed(event_id, "payment_intent.succeeded", &object, seconds)
    }

    pub fn session_ids(&self) -> Vec<String> {
        self.inner.lock().unwrap().sessions.keys().cloned().collect()
    }

    /// The payer finishes: a card pays at once, a slower payment method is still pending.
    pub fn complete(&self, session_id: &str, is_paid: bool) {
        let session = &mut self.inner.lock().unwrap().sessions;
        let session = session.get_mut(session_id).unwrap();
        session["status"] = "complete".into();
        session["payment_status"] = if is_paid { "paid" } else { "unpaid" }.into();
        session["payment_intent"] = format!("pi_{session_id}").into();
    }

    /// The session expires without payment.
    pub fn expire(&self, session_id: &str) {
        self.change(session_id, "status", "expired".into());
    }

    /// Makes a session differ from what was requested.
    pub fn change(&self, session_id: &str, field: &str, value: Value) {
        self.inner.lock().unwrap().sessions.get_mut(session_id).unwrap()[field] = value;
    }

    /// The status of a session.
    pub fn status(&self, session_id: &str) -> String {
        self.inner.lock().unwrap().sessions[session_id]["status"].as_str().unwrap().to_owned()
    }

    /// How often sessions were looked up.
    pub fn questions(&self) -> usize {
        self.seen().iter().filter(|s| s.method == Method::GET).count()
    }

    /// A refund event for a session, with the total refunded so far, and its signature.
    pub fn refund_event(&self, event_id: &str, session_id: &str, refunded: i64, seconds: i64) -> (String, String) {
        let session = self.inner.lock().unwrap().sessions[session_id].clone();
        let object = json!({"id": format!("ch_{session_id}"), "object": "charge", "amount": session["amount_total"],
            "amount_refunded": refunded, "currency": session["currency"], "metadata": session["metadata"],
            "payment_intent": session["payment_intent"], "refunded": session["amount_total"] == refunded});
        signed(event_id, "charge.refunded", &object, seconds)
    }

    /// An event of a dispute about a session's payment, at that time, and its signature.
    pub fn dispute_event(&self, event_id: &str, session_id: &str, status: &str, seconds: i64) -> (String, String) {
        let session = self.inner.lock().unwrap().sessions[session_id].clone();
        let kind = match status {
            "won" | "lost" | "warning_closed" => "charge.dispute.closed",
            _ => "charge.dispute.created",
        };
        let object = json!({"id": format!("dp_{session_id}"), "object": "dispute", "amount": session["amount_total"],
            "currency": session["currency"], "status": status, "reason": "fraudulent", "created": 1_795_000_000,
            "payment_intent": session["payment_intent"], "charge": format!("ch_{session_id}"), "metadata": {}});
        signed(event_id, kind, &object, seconds)
    }

    /// An event with the session's current state, and its `Stripe-Signature`.
    pub fn event(&self, event_id: &str, kind: &str, session_id: &str, seconds: i64) -> (String, String) {
        let object = self.inner.lock().unwrap().sessions[session_id].clone();
        signed(event_id, kind, &object, seconds)
    }
}

fn signed(event_id: &str, kind: &str, object: &Value, seconds: i64) -> (String, String) {
    let body = json!({"id": event_id, "object": "event", "type": kind, "created": seconds,
        "data": {"object": object}})
    .to_string();
    let signature = cards::sign(WEBHOOK_SECRET, body.as_bytes(), seconds);
    (body, signature)
}

async fn take(State(fake): State<FakeStripe>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let fields = url::form_urlencoded::parse(&body).into_owned().collect();
    let seen = Seen { method, path: uri.path().to_owned(), headers, fields };
    let (fault, (status, answer)) = {
        let mut inner = fake.inner.lock().unwrap();
        inner.seen.push(seen.clone());
        let fault = inner.faults.pop_front();
        let answer = match fault {
            None | Some(Fault::Lost) => once(&mut inner, &seen),
            Some(Fault::Status(status) | Fault::Final(status)) => error(status, "api_error", ""),
            Some(Fault::Garbage | Fault::Redirect) => (200, Value::Null),
        };
        (fault, answer)
    };
    let status = StatusCode::from_u16(status).unwrap();
    match fault {
        Some(Fault::Lost) => std::future::pending().await,
        Some(Fault::Garbage) => "<html>".into_response(),
        Some(Fault::Redirect) => (StatusCode::FOUND, [("location", "/v1/elsewhere")]).into_response(),
        Some(Fault::Final(_)) => (status, [("stripe-should-retry", "false")], answer.to_string()).into_response(),
        _ => (status, [("request-id", "req_1")], answer.to_string()).into_response(),
    }
}

type Done = (u16, Value);

fn error(status: u16, code: &str, param: &str) -> Done {
    let message = format!("It says {SECRET_KEY}");
    (status, json!({"error": {"type": "invalid_request_error", "code": code, "param": param, "message": message}}))
}

/// A repeated request with the same key gets the first answer; a different request with that key is refused.
fn once(inner: &mut Inner, seen: &Seen) -> Done {
    let header = |name: &str| seen.headers.get(name).map_or("", |v| v.to_str().unwrap());
    if header("authorization") != format!("Bearer {SECRET_KEY}") {
        return error(401, "", "");
    }
    if header("stripe-version").len() < 10 {
        return error(400, "stripe_version", "");
    }
    let key = header("idempotency-key").to_owned();
    if seen.method == Method::POST {
        if header("content-type") != "application/x-www-form-urlencoded" || key.is_empty() {
            return error(400, "no_form_or_no_key", "");
        }
        if let Some((before, status, answer)) = inner.done.get(&key) {
            let is_same = before.path == seen.path && before.fields == seen.fields;
            return if is_same { (*status, answer.clone()) } else { error(400, "idempotency_error", "") };
        }
    }
    let (status, answer) = act(inner, seen);
    if seen.method == Method::POST {
        inner.done.insert(key, (seen.clone(), status, answer.clone()));
    }
    (status, answer)
}

fn act(inner: &mut Inner, seen: &Seen) -> Done {
    let path: Vec<&str> = seen.path.trim_start_matches('/').split('/').collect();
    match (seen.method.as_str(), path.as_slice()) {
        ("POST", ["v1", "checkout", "sessions"]) => create(inner, &seen.fields),
        ("GET", ["v1", "checkout", "sessions", id]) => match inner.sessions.get(*id) {
            Some(session) => (200, session.clone()),
            None => error(404, "resource_missing", "session"),
        },
        ("POST", ["v1", "checkout", "sessions", id, "expire"]) => match inner.sessions.get_mut(*id) {
            Some(session) if session["status"] == "open" => {
                session["status"] = "expired".into();
                session["url"] = Value::Null;
                (200, session.clone())
            }
            Some(_) => error(400, "", "session"),
            None => error(404, "resource_missing", "session"),
        },
        ("POST", ["v1", "payment_intents"]) => charge(inner, &seen.fields),
        ("GET", ["v1", "payment_intents"]) => {
            (200, json!({"object": "list", "data": inner.intents, "has_more": false}))
        }
        ("POST", ["v1", "refunds"]) => {
            if !seen.fields.keys().map(String::as_str).eq(["amount", "payment_intent"]) {
                return error(400, "parameter_unknown", "");
            }
            inner.refunds.push(seen.fields.clone());
            (200, json!({"id": format!("re_{}", inner.refunds.len()), "object": "refund", "status": "succeeded"}))
        }
        _ => error(404, "", ""),
    }
}

fn charge(inner: &mut Inner, fields: &Fields) -> Done {
    if !fields.keys().map(String::as_str).eq(CHARGE_FIELDS) || fields["off_session"] != "true" {
        return error(400, "parameter_unknown", "");
    }
    let declined = |code: &str| (402, json!({"error": {"type": "card_error", "code": code}}));
    match inner.cards.pop_front().unwrap_or(CardAnswer::Pays) {
        CardAnswer::Declines => return declined("card_declined"),
        CardAnswer::AsksTheOwner => return declined("authentication_required"),
        CardAnswer::Pays => {}
    }
    let amount: i64 = fields["amount"].parse().unwrap();
    let intent = json!({
        "id": format!("pi_charge_{}", inner.intents.len() + 1), "object": "payment_intent", "status": "succeeded",
        "amount": amount, "amount_received": amount, "currency": fields["currency"], "customer": fields["customer"],
        "metadata": {"scrip_payment": fields["metadata[scrip_payment]"]},
    });
    inner.intents.push(intent.clone());
    (200, intent)
}

fn create_setup(inner: &mut Inner, fields: &Fields) -> Done {
    if !fields.keys().map(String::as_str).eq(SETUP_FIELDS) {
        return error(400, "parameter_unknown", "");
    }
    let id = format!("cs_test_{}", inner.sessions.len() + 1);
    let session = json!({
        "id": id, "object": "checkout.session", "client_reference_id": fields["client_reference_id"], "mode": "setup",
        "status": "open", "customer": null, "setup_intent": null, "payment_status": "no_payment_required",
        "url": format!("https://checkout.stripe.com/c/pay/{id}"),
    });
    inner.sessions.insert(id, session.clone());
    (200, session)
}

fn create(inner: &mut Inner, fields: &Fields) -> Done {
    if fields.get("mode").is_some_and(|mode| mode == "setup") {
        return create_setup(inner, fields);
    }
    if let Some(unknown) = fields.keys().find(|name| !SESSION_FIELDS.contains(&name.as_str())) {
        return error(400, "parameter_unknown", unknown);
    }
    if let Some(missing) = SESSION_FIELDS.iter().find(|name| fields.get(**name).is_none_or(String::is_empty)) {
        return error(400, "parameter_missing", missing);
    }
    let currency = &fields["line_items[0][price_data][currency]"];
    let amount: i64 = fields["line_items[0][price_data][unit_amount]"].parse().unwrap();
    if fields["mode"] != "payment" || currency.len() != 3 || *currency != currency.to_lowercase() {
        return error(400, "parameter_invalid", "currency");
    }
    if amount > 99_999_999 {
        return error(400, "amount_too_large", "line_items[0][price_data][unit_amount]");
    }
    let id = format!("cs_test_{}", inner.sessions.len() + 1);
    let session = json!({
        "id": id, "object": "checkout.session", "amount_total": amount, "currency": currency,
        "client_reference_id": fields["client_reference_id"], "expires_at": 1,
        "metadata": {"scrip_payment": fields["metadata[scrip_payment]"]}, "mode": "payment", "payment_intent": null,
        "payment_status": "unpaid", "status": "open", "url": format!("https://checkout.stripe.com/c/pay/{id}")
    });
    inner.sessions.insert(id, session.clone());
    (200, session)
}
