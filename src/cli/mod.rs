//! The command line. To add a command: a variant of [`Command`] and a file here.

mod backup;
mod bench;
mod clock;
mod demo;
mod descriptors;
mod licence;
mod migrate;
pub mod serve;
mod token;
mod user;
mod verify;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, Given};
use crate::rng::Rng;
use crate::telemetry;

/// A self-hosted portal for prepaid resources: who owns what, voucher codes, devices, and proof that nothing was lost.
#[derive(Parser)]
#[command(name = "scrip", version, about, propagate_version = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    given: Given,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the portal and runs the background jobs (this is the default).
    Serve,
    /// Serves a demo with sample data in a throw-away database, on loopback only.
    Demo,
    /// Migrates the database to the schema of this version.
    Migrate,
    /// Manages users from the console.
    User {
        #[command(subcommand)]
        action: user::Action,
    },
    /// Creates access tokens from the console.
    Token {
        #[command(subcommand)]
        action: token::Action,
    },
    /// Checks licence keys offline.
    Licence {
        #[command(subcommand)]
        action: licence::Action,
    },
    /// Shows whether Scrip trusts the machine's clock; `scrip clock accept` confirms that it is right.
    Clock {
        #[command(subcommand)]
        action: Option<clock::Action>,
    },
    /// Verifies every balance against the ledger, and the ledger against its signed chain; exits 1 on any difference.
    Verify(verify::Verify),
    /// Backs up the SQLite database, also while the portal runs.
    Backup(backup::Backup),
    /// Restores a backup into an empty data folder.
    Restore(backup::Restore),
    /// Runs benchmarks on this machine.
    Bench(bench::Bench),
}

/// Per thread. Without optimisation, a request needs more than the usual two megabytes.
const STACK_BYTES: usize = 8 << 20;
/// The time that the runtime has to end its threads.
const SHUTDOWN_MAX: Duration = Duration::from_millis(500);

/// A command's exit code, or its error message.
type CliResult = Result<ExitCode, Box<dyn std::error::Error + Send + Sync>>;

#[must_use]
pub fn main() -> ExitCode {
    // Covers everything written anywhere: database, WAL, keys, backups.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let line = CommandLine::parse();
    let outcome = Config::load(&line.given).map_err(Into::into).and_then(|config| {
        telemetry::start(&config)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build()?;
        let outcome = runtime.block_on(run(line.command.unwrap_or(Command::Serve), config));
        // Whatever still runs was cut off, and must not keep the process alive.
        runtime.shutdown_timeout(SHUTDOWN_MAX);
        outcome
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("scrip: {error}");
        ExitCode::FAILURE
    })
}

async fn run(command: Command, config: Config) -> CliResult {
    match command {
        Command::Serve => serve::run(config).await,
        Command::Demo => demo::run(config).await,
        Command::Migrate => migrate::run(config).await,
        Command::User { action } => user::run(config, action).await,
        Command::Token { action } => token::run(config, action).await,
        Command::Licence { action } => licence::run(&config, action),
        Command::Clock { action } => clock::run(config, action).await,
        Command::Verify(verify) => verify::run(config, verify).await,
        Command::Backup(backup) => backup::back_up(config, backup).await,
        Command::Restore(restore) => backup::restore(config, restore).await,
        Command::Bench(bench) => bench::run(config, bench).await,
    }
}

/// The application with the machine's own clock and randomness.
async fn start(config: Config) -> Result<(App, tokio::task::JoinHandle<()>), crate::app::StartError> {
    App::start(config, Clock::System, Rng::System).await
}
