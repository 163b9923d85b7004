//! `scrip bench`: figures of this machine and this build.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::CliResult;
use crate::config::Config;

#[derive(Args)]
pub struct Bench {
    what: What,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Redeem,
}

pub async fn run(_config: Config, bench: Bench) -> CliResult {
    match bench.what {
        What::Redeem => Ok(ExitCode::SUCCESS),
    }
}
