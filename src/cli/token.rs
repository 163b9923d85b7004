//! `scrip token`: access tokens for machines that are set up without a browser.

use std::process::ExitCode;

use clap::Subcommand;

use super::CliResult;
use super::user::said;
use crate::config::Config;
use crate::ops::tokens::{self, ConsoleToken, TOKEN_DAYS};

#[derive(Subcommand)]
pub enum Action {
    /// Creates an access token and prints it once. Needs no two-factor authentication.
    Create {
        /// The e-mail address of the user that the token acts for.
        #[arg(long)]
        user: String,
        /// The token's name in the list of access tokens.
        #[arg(long)]
        name: String,
        /// Scopes, separated by commas, such as credits:read,credit_transfer_codes:write.
        #[arg(long)]
        scope: String,
        /// How many days it is valid.
        #[arg(long, default_value_t = TOKEN_DAYS, conflicts_with = "no_expiry",
            value_parser = clap::value_parser!(i64).range(1..=36_500))]
        days: i64,
        /// The token never expires.
        #[arg(long)]
        no_expiry: bool,
        /// Addresses and networks it may be used from, separated by commas, such as 192.0.2.7,2001:db8::/32.
        #[arg(long, default_value = "")]
        networks: String,
    },
}

pub async fn run(config: Config, action: Action) -> CliResult {
    let (app, _) = super::start(config).await?;
    let Action::Create { user, name, scope, days, no_expiry, networks } = action;
    let wanted = ConsoleToken {
        email: &user,
        name: &name,
        scopes: &scope,
        days: (!no_expiry).then_some(days),
        networks: &networks,
    };
    let token = tokens::create_on_console(&app, &wanted).await.map_err(said)?;
    println!("{}", token.reveal());
    eprintln!("This is the only time that the token is shown.");
    match wanted.days {
        Some(days) => eprintln!("It works for {days} days."),
        None => eprintln!("It works until it is revoked."),
    }
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}
