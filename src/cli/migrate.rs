//! `scrip migrate`: brings the schema up to date.

use std::process::ExitCode;

use super::CliResult;
use crate::config::Config;

pub async fn run(config: Config) -> CliResult {
    let (app, _) = super::start(config).await?;
    app.db.close().await;
    println!("The schema is up to date.");
    Ok(ExitCode::SUCCESS)
}
