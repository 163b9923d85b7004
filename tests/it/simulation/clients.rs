//! The clients of a simulation: what they do, and what answers they get.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use scrip::app::App;
use scrip::jobs::chain::Linker;
use scrip::jobs::{self, expiry, renewals};
use scrip::model::resources::ResourceType;
use scrip::ops::actor::Actor;
use scrip::ops::codes::changes::CodeOrder;
use scrip::ops::error::{OpError, OpResult};
use scrip::ops::{self, code_batches};

use super::turns::Turns;
use crate::support::{TestApp, World, who};

const CLIENTS: u64 = 4;
const ACTS_OF_A_CLIENT: u64 = 10;
const SENT_AT_MOST: usize = 4;
/// One in this many requests is abandoned by its client before the answer, after at most this many database turns.
const ONE_ABANDONED_IN: u32 = 10;
const ABANDONED_AFTER_TURNS: u64 = 40;
const CREDIT: ResourceType = ResourceType::CREDIT;

/// The actors of a simulation, and what they act on.
pub struct Stage {
    pub operator: Actor,
    pub companies: Vec<i64>,
    /// Actors who redeem codes, each of a different company.
    redeemers: Vec<Actor>,
    /// Codes of five units that clients may redeem or delete.
    pub codes: Vec<(i64, String)>,
}

impl Stage {
    pub async fn of(test: &TestApp, world: &World) -> Stage {
        let mut codes = Vec::new();
        for _ in 0..8 {
            codes.push(world.code(test, "operator@test.example", 5).await);
        }
        let mut redeemers = Vec::new();
        for email in ["distributor@test.example", "acme@test.example", "other@test.example"] {
            redeemers.push(who(&test.app, email).await);
        }
        let operator = who(&test.app, "operator@test.example").await;
        let companies = vec![world.vendor, world.distributor, world.acme, world.other];
        Stage { operator, companies, redeemers, codes }
    }
}

/// The kind of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    Done,
    Refused,
    NotDone,
    Unknown,
}

/// A write, and what its sender knows about it.
#[derive(Debug, Clone)]
pub struct Answer {
    pub actor: Actor,
    pub key: String,
    pub act: Act,
    /// The answer to each attempt.
    pub said: Vec<Answered>,
}

impl Answer {
    /// What the sender knows after all attempts. A second attempt that did nothing does not settle a first one whose
    /// outcome is unknown.
    pub fn answered(&self) -> Answered {
        match self.said.last() {
            Some(last @ (Answered::Done | Answered::Refused)) => *last,
            _ if self.said.contains(&Answered::Unknown) => Answered::Unknown,
            _ => Answered::NotDone,
        }
    }
}

#[derive(Debug, Clone)]
pub enum Act {
    Issue(i64),
    Move { from: i64, to: i64, amount: i64 },
    CreateCodes { company_id: i64, amount: i64, count: i64 },
    Redeem(String),
    Delete(i64),
    CreateCompany(String),
    OrderCodes(i64),
}

impl Act {
    fn any(rng: &mut StdRng, stage: &Stage, key: &str) -> (Actor, Act) {
        let company = |rng: &mut StdRng| stage.companies[rng.random_range(0..stage.companies.len())];
        let code = |rng: &mut StdRng| stage.codes[rng.random_range(0..stage.codes.len())].clone();
        let operator = stage.operator.clone();
        match rng.random_range(0..16) {
            0 => (operator, Act::Issue(rng.random_range(1..50))),
            1..=4 => {
                let (from, to) = (company(rng), company(rng));
                (operator, Act::Move { from, to, amount: rng.random_range(1..80) })
            }
            5 => {
                let (amount, count) = (rng.random_range(1..10), rng.random_range(1..4));
                (operator, Act::CreateCodes { company_id: company(rng), amount, count })
            }
            6..=12 => {
                let redeemer = stage.redeemers[rng.random_range(0..stage.redeemers.len())].clone();
                (redeemer, Act::Redeem(code(rng).1))
            }
            13 => (operator, Act::Delete(code(rng).0)),
            14 => (operator, Act::CreateCompany(format!("Company {key}"))),
            _ => (operator, Act::OrderCodes(company(rng))),
        }
    }

    /// Sends the write once.
    pub async fn send(&self, app: &App, actor: &Actor, key: &str) -> OpResult<()> {
        let order =
            |company_id, amount, count| CodeOrder { company_id, resource_type: CREDIT, amount, comment: "", count };
        match self {
            Act::Issue(amount) => ops::resources::issue(app, actor, key, CREDIT, *amount, "").await.map(drop),
            Act::Move { from, to, amount } => {
                ops::resources::move_units(app, actor, key, CREDIT, *from, *to, *amount).await.map(drop)
            }
            Act::CreateCodes { company_id, amount, count } => {
                ops::codes::changes::create(app, actor, key, &order(*company_id, *amount, *count)).await.map(drop)
            }
            Act::Redeem(text) => ops::codes::changes::redeem(app, actor, key, text).await.map(drop),
            Act::Delete(id) => ops::codes::changes::delete(app, actor, key, *id).await.map(drop),
            Act::CreateCompany(name) => {
                ops::companies::changes::create(app, actor, key, name, actor.company_id).await.map(drop)
            }
            Act::OrderCodes(company_id) => {
                code_batches::create(app, actor, key, &order(*company_id, 1, 1_001)).await.map(drop)
            }
        }
    }
}

/// The meaning of an outcome to its sender.
pub fn meaning(outcome: &OpResult<()>) -> Answered {
    match outcome {
        Ok(()) => Answered::Done,
        Err(OpError::OutcomeUnknown) => Answered::Unknown,
        Err(OpError::Unavailable | OpError::Collision) => Answered::NotDone,
        Err(_) => Answered::Refused,
    }
}

/// Runs all clients concurrently, some of which go away, together with the jobs and a clock that leaps; returns the
/// answers.
pub async fn act(seed: u64, apps: &[App], stage: &Stage, turns: &Turns) -> Vec<Answer> {
    let clients = (0..CLIENTS).map(|number| client(seed, number, apps, stage, turns));
    let jobs = async {
        let holder = renewals::new_holder(&apps[0]);
        let mut linker = Linker::new(&apps[1]);
        for round in 0..6 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            apps[0].clock.advance_seconds(if seed.is_multiple_of(3) { -90 } else { 3_600 });
            // Failures do not matter: the next round finds what is left.
            let _ = renewals::run_batch(&apps[0], &holder).await;
            jobs::run_next(&apps[round % 2]).await;
            let _ = linker.run_once(&apps[1]).await;
            expiry::run(&apps[round % 2]).await;
        }
    };
    let (answers, ()) = futures_util::future::join(futures_util::future::join_all(clients), jobs).await;
    answers.into_iter().flatten().collect()
}

async fn client(seed: u64, number: u64, apps: &[App], stage: &Stage, turns: &Turns) -> Vec<Answer> {
    let mut rng = StdRng::seed_from_u64(seed * 100 + number);
    let (mut answers, mut left) = (Vec::new(), Vec::new());
    for count in 0..ACTS_OF_A_CLIENT {
        let key = format!("client {number} act {count}");
        let (actor, act) = Act::any(&mut rng, stage, &key);
        let mut said = Vec::new();
        while said.len() < SENT_AT_MOST {
            let app = &apps[rng.random_range(0..apps.len())];
            // As in the portal, a write that was started finishes even if its client goes away.
            let mut sending = tokio::spawn({
                let (app, act, actor, key) = (app.clone(), act.clone(), actor.clone(), key.clone());
                async move { act.send(&app, &actor, &key).await }
            });
            let leaves = match rng.random_ratio(1, ONE_ABANDONED_IN) {
                true => turns.after(rng.random_range(0..ABANDONED_AFTER_TURNS)),
                false => turns.after(u64::from(u32::MAX)),
            };
            let answered = tokio::select! {
                biased;
                outcome = &mut sending => meaning(&outcome.unwrap()),
                _ = leaves => {
                    left.push(sending);
                    Answered::Unknown
                }
            };
            said.push(answered);
            // Some clients retry and some never learn the outcome, including those that went away.
            if matches!(answered, Answered::Done | Answered::Refused) || rng.random_ratio(1, 3) {
                break;
            }
        }
        answers.push(Answer { actor, key, act, said });
    }
    futures_util::future::join_all(left).await;
    answers
}
