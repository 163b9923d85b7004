//! `scrip demo`: an example portal on a throw-away database, on loopback only.

use super::{CliResult, serve};
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::demo;
use crate::model::time::Moment;
use crate::model::token::Scope;
use crate::ops;
use crate::ops::tokens::{self, ConsoleToken};
use crate::rng::Rng;
use crate::web::pages::auth::DEMO_ACCOUNTS;

pub async fn run(mut config: Config) -> CliResult {
    if !config.listen.ip().is_loopback() {
        return Err("setting listen: the demo's passwords are public, so it listens on loopback only".into());
    }
    let listener = serve::listen(&config).await?;
    let folder = tempfile::Builder::new().prefix("scrip-demo-").tempdir()?;
    config.data = folder.path().to_owned();
    config.key_file = folder.path().join("scrip.key");
    config.database = Database::Sqlite;
    config.mail = None;
    config.stripe = None;
    config.sign_up = true;
    config.demo = true;
    config.drain_seconds = 0;
    let begin = Moment(Clock::System.now().0).plus_seconds(-demo::HISTORY_SECONDS);
    let (mut app, writing): (App, _) = App::start(config, Clock::fixed(begin), Rng::System).await?;
    demo::fill(&app).await?;
    app.clock = Clock::System;
    ops::clock::accept_on_console(&app).await?;
    println!("Scrip's demo is at {}", app.config.public_url);
    println!("Everything in it is thrown away when it stops (Ctrl-C). Sign in with the password scrip-demo as");
    DEMO_ACCOUNTS.iter().for_each(|(email, who)| println!("    {email:<24}{who}"));
    println!("A program may do what each of them may, with an access token ({}/api/docs):", app.config.public_url);
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.slug()).collect();
    for (email, _) in DEMO_ACCOUNTS {
        let token =
            tokens::create_on_console(&app, &ConsoleToken::without_end(email, "Demo", &scopes.join(","))).await?;
        println!("    {email:<24}{}", token.reveal());
    }
    Ok(serve::until_stopped(app, writing, listener, serve::asked_to_stop()?).await.into())
}
