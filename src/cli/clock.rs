//! `scrip clock`: shows whether the machine's clock is trusted, and accepts it.

use std::process::ExitCode;

use clap::Subcommand;

use super::CliResult;
use super::user::said;
use crate::config::Config;
use crate::ops;

#[derive(Subcommand)]
pub enum Action {
    /// Confirms that the machine's clock is right: renewals and expiry resume. What they do cannot be undone.
    Accept,
}

pub async fn run(config: Config, action: Option<Action>) -> CliResult {
    let (app, _) = super::start(config).await?;
    match action {
        Some(Action::Accept) => {
            let now = ops::clock::accept_on_console(&app).await.map_err(said)?;
            println!("Accepted {}. A portal that waited goes on within seconds.", now.exact());
        }
        None => {
            let standing = ops::clock::look(&app).await.map_err(said)?;
            let leaps = app.config.clock_leaps;
            println!("This machine's clock    {}", standing.now.exact());
            println!("Last accepted           {}", standing.accepted.exact());
            println!(
                "Kept right by           {}",
                if app.clock.is_synchronised() { "a time service" } else { "nothing the kernel knows of" }
            );
            println!("Renewals and expiry wait while the clock of a portal is ahead of the accepted time: by more");
            println!("than {} minutes while it runs; at its start", leaps.running_seconds / 60);
            println!(
                "by more than {} days where a time service keeps the clock right.",
                leaps.stopped_seconds / 86_400
            );
            if let Some(sentence) = standing.verdict.sentence() {
                println!("{sentence} If it is right: scrip clock accept");
            }
        }
    }
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}
