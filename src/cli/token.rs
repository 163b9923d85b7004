//! `scrip token`: access tokens for machines that are set up without a browser.

use std::process::ExitCode;

use clap::Subcommand;

use super::CliResult;
use super::user::said;
use crate::config::Config;
use crate::ops::tokens;

#[derive(Subcommand)]
pub enum Action {
    /// Makes an access token and prints it, once. It needs no two-factor authentication.
    Create {
        /// The e-mail address of the user that the token acts for.
        #[arg(long)]
        user: String,
        /// What the list of access tokens calls it.
        #[arg(long)]
        name: String,
        /// Scopes with commas between, such as credits:read,credit_transfer_codes:write.
        #[arg(long)]
        scope: String,
    },
}

pub async fn run(config: Config, action: Action) -> CliResult {
    let (app, _) = super::start(config).await?;
    let Action::Create { user, name, scope } = action;
    let token = tokens::create_on_console(&app, &user, &name, &scope).await.map_err(said)?;
    println!("{}", token.reveal());
    eprintln!("This is the only time that the token is shown.");
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}
