//! What applications do (OAuth 2.1): a person allows one ([`consent`]), it gets its tokens ([`tokens`]), asks about
//! them and ends them ([`inspect`]).

pub mod consent;
pub mod grants;
pub mod inspect;
pub mod tokens;

use subtle::ConstantTimeEq as _;

use super::attempts::oauth_key;
use super::error::{OpError, OpResult};
use super::tokens::hash;
use crate::app::App;
use crate::model::oauth::ErrorCode;
use crate::model::throttle::CLIENT_SECRETS_OF_ADDRESS;
use crate::model::time::Moment;
use crate::model::token::{Token, TokenKind, TokenName};
use crate::ops::work::work;
use crate::store;
use crate::store::applications::Application;
use crate::store::history::NewHistory;
use crate::store::oauth::Grant;

/// Why an application's request is refused.
#[derive(Debug)]
pub enum Failure {
    /// With a sentence for the application's developers.
    Refused(Refusal),
    /// Too many wrong secrets came from there.
    Wait {
        until: Moment,
    },
    Failed(OpError),
}

/// An error of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub code: ErrorCode,
    pub description: &'static str,
}

impl Refusal {
    #[must_use]
    pub fn new(code: ErrorCode, description: &'static str) -> Refusal {
        Refusal { code, description }
    }
}

impl From<OpError> for Failure {
    fn from(error: OpError) -> Failure {
        Failure::Failed(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

impl From<store::db::DbError> for Failure {
    fn from(error: store::db::DbError) -> Failure {
        Failure::Failed(error.into())
    }
}

/// Who an application says it is, and from where.
pub struct Client<'a> {
    pub id: &'a str,
    /// A public application has none.
    pub secret: Option<&'a str>,
    pub address: &'a str,
}

/// Finds the application that sent a request. Wrong secrets are counted and recorded.
///
/// # Errors
/// [`ErrorCode::InvalidClient`], whatever was wrong; or how long to wait.
pub async fn authenticate(app: &App, client: &Client<'_>) -> Result<Application, Failure> {
    let key = oauth_key(client.address);
    let mut tx = app.db.read().await?;
    let attempts = store::throttle::peek(&mut tx, &key).await?;
    if let Some(until) = attempts.blocked_until(&CLIENT_SECRETS_OF_ADDRESS, app.clock.now()) {
        return Err(Failure::Wait { until });
    }
    let found = store::applications::by_client_id(&mut tx, client.id).await?;
    drop(tx);
    match found {
        Some(application) if is_secret(&application, client.secret) => Ok(application),
        found => {
            note_failure(app, &key, found, client.address).await?;
            Err(Refusal::new(ErrorCode::InvalidClient, "There is no such client, or its secret is wrong.").into())
        }
    }
}

fn is_secret(application: &Application, given: Option<&str>) -> bool {
    let given = given.map(|text| Token::parse(text).filter(|token| token.kind() == TokenKind::ClientSecret));
    match (&application.secret_hash, given) {
        (None, None) => true,
        (Some(stored), Some(Some(given))) => hash(&given).ct_eq(stored).into(),
        _ => false,
    }
}

async fn note_failure(app: &App, key: &str, found: Option<Application>, address: &str) -> OpResult<()> {
    work!(app, work => {
        store::throttle::fail(&mut work.tx, key, &CLIENT_SECRETS_OF_ADDRESS, work.now).await?;
        if let Some(application) = &found {
            work.note(NewHistory {
                actor_id: None,
                company_id: Some(application.company_id),
                address: address.to_owned(),
                verb: "application.secret_wrong",
                subject: application.name.clone(),
                details: String::new(),
                token: None,
            });
        }
        Ok(())
    })
}

/// A history row for something an application did with a grant.
fn note(application: &Application, grant: &Grant, verb: &'static str, address: &str) -> NewHistory {
    NewHistory {
        actor_id: Some(grant.user_id),
        company_id: Some(grant.company_id),
        address: address.to_owned(),
        verb,
        subject: format!("{}, of {}", application.name, grant.email),
        details: String::new(),
        token: Some(TokenName { id: grant.id, name: application.name.clone() }),
    }
}
