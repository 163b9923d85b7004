//! `scrip verify`: recomputes everything from the ledger, and the ledger from its signed chain.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

use super::CliResult;
use crate::config::Config;
use crate::keys::Keys;
use crate::model::amount::grouped;
use crate::model::digest::Head;
use crate::model::time::Moment;
use crate::store;
use crate::store::db::{Db, DbError};
use crate::store::verify::{self, Chain, Figures, Finding, Options, Progress};

const TELL_EVERY: Duration = Duration::from_secs(2);
/// Checking a larger SQLite file takes so long that the WAL would grow meanwhile.
const FILE_BYTES_MAX: u64 = 64 << 20;

#[derive(Args)]
pub struct Verify {
    /// Prints the head of the chain: keep it where nobody with access to the database can change it.
    #[arg(long, conflicts_with_all = ["since", "file"])]
    head: bool,
    /// Also checks that nothing before this head was rewritten.
    #[arg(long, value_name = "HEAD")]
    since: Option<Head>,
    /// Also checks every page of a large SQLite file: one long read, best run on a copy or in a quiet hour.
    #[arg(long)]
    file: bool,
}

pub async fn run(config: Config, verify: Verify) -> CliResult {
    let (app, _) = super::start(config).await?;
    let outcome = if verify.head {
        print_head(&app.db).await
    } else {
        let options = Options { since: verify.since, ..Options::default() };
        check_with(&app.db, &app.keys, options, verify.file).await.map_err(Into::into)
    };
    app.db.close().await;
    Ok(if outcome? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn print_head(db: &Db) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let mut tx = db.read().await?;
    let last = store::chain::last(&mut tx).await?;
    let link = last.ok_or("nothing is linked yet: a running portal links within seconds")?;
    println!("{}", link.head());
    Ok(true)
}

/// Checks a database that nobody else uses, and prints the findings; returns whether nothing is wrong.
pub async fn check(db: &Db, keys: &Keys) -> Result<bool, DbError> {
    check_with(db, keys, Options::default(), true).await
}

async fn check_with(db: &Db, keys: &Keys, options: Options, whole_file: bool) -> Result<bool, DbError> {
    let mut last_report = Instant::now();
    let mut tell = |progress| {
        if last_report.elapsed() > TELL_EVERY {
            last_report = Instant::now();
            eprintln!("{}", worded(progress));
        }
    };
    let report = verify::check(db, keys, options, &mut tell).await?;
    print_figures(&report.figures);
    print_chain(&report.chain);
    report.findings.iter().for_each(print_finding);
    let is_sound = check_file(db, whole_file).await?;
    Ok(report.is_clean() && is_sound)
}

fn worded(progress: Progress) -> String {
    match progress {
        Progress::Rows(read, of) => format!("… {} of {} digests and their rows", grouped(read), grouped(of)),
        Progress::Tables => "… balances and codes".into(),
        Progress::Rules => "… companies, devices, orders".into(),
        Progress::Chain => "… the chain".into(),
    }
}

fn print_figures(figures: &Figures) {
    println!("{:>14} companies", grouped(figures.companies));
    println!("{:>14} accounts", grouped(figures.accounts));
    println!("{:>14} transfers", grouped(figures.transfers));
    println!("{:>14} other rows of the history", grouped(figures.history));
    println!("{:>14} codes, {} of them unused", grouped(figures.codes), grouped(figures.unused_codes));
    println!("{:>14} devices", grouped(figures.devices));
    if figures.undigested > 0 {
        let rows = grouped(figures.undigested);
        println!("{rows:>14} rows older than digests have none yet: a running portal makes them");
    }
    println!("{:>14} digests", grouped(figures.digests));
}

fn print_chain(chain: &Chain) {
    if let Some(since) = chain.unlinked_since {
        println!(
            "{:>14} of them not linked yet, the first of {}: their rows are protected by their digests alone",
            grouped(chain.unlinked),
            Moment(since).exact()
        );
    }
    let Some(last) = &chain.last else {
        println!("{:>14} links: a running portal links within seconds", 0);
        return;
    };
    println!("{:>14} links, the last of {}, head {}", grouped(last.number), Moment(last.at).exact(), last.head());
}

fn print_finding(finding: &Finding) {
    if finding.broken == 0 {
        println!("{:>14} {}", "ok", finding.rule);
        return;
    }
    println!("{:>14} {}", format!("BROKEN {}", grouped(finding.broken)), finding.rule);
    if let Some(first) = &finding.first {
        let since = first.at.map_or(String::new(), |at| format!(", {}", at.exact()));
        println!("{:>14} {}{since}", "first:", first.what);
    }
}

async fn check_file(db: &Db, whole_file: bool) -> Result<bool, DbError> {
    let Db::Sqlite(sqlite) = db else { return Ok(true) };
    let bytes = std::fs::metadata(&sqlite.file).map_or(0, |metadata| metadata.len());
    if bytes > FILE_BYTES_MAX && !whole_file {
        println!("{:>14} the file's pages: `scrip verify --file` looks at them", "not looked at");
        return Ok(true);
    }
    let wrong = sqlite.check_file().await?;
    println!("{:>14} the file is sound", if wrong.is_empty() { "ok" } else { "BROKEN" });
    wrong.iter().for_each(|line| println!("{line:>14}"));
    Ok(wrong.is_empty())
}
