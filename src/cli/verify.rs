//! `scrip verify`: recomputes every balance from the ledger and checks each rule.

use std::process::ExitCode;

use super::CliResult;
use crate::config::Config;
use crate::model::amount::grouped;
use crate::store::db::{Db, DbError};
use crate::store::verify;

pub async fn run(config: Config) -> CliResult {
    let (app, _) = super::start(config).await?;
    let is_clean = check(&app.db).await?;
    app.db.close().await;
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks a database and prints what it finds; tells whether nothing is wrong.
pub async fn check(db: &Db) -> Result<bool, DbError> {
    let mut tx = db.snapshot().await?;
    let (figures, findings) = verify::check(&mut tx).await?;
    drop(tx);
    println!("{:>14} companies", grouped(figures.companies));
    println!("{:>14} accounts", grouped(figures.accounts));
    println!("{:>14} transfers", grouped(figures.transfers));
    println!("{:>14} codes, {} of them unused", grouped(figures.codes), grouped(figures.unused_codes));
    println!("{:>14} devices", grouped(figures.devices));
    let mut is_clean = true;
    for finding in findings {
        is_clean &= finding.broken == 0;
        let verdict =
            if finding.broken == 0 { "ok".to_owned() } else { format!("BROKEN {}", grouped(finding.broken)) };
        println!("{verdict:>14} {}", finding.rule);
    }
    if let Db::Sqlite(sqlite) = db {
        let wrong = sqlite.check_file().await?;
        is_clean &= wrong.is_empty();
        println!("{:>14} the file is sound", if wrong.is_empty() { "ok" } else { "BROKEN" });
        wrong.iter().for_each(|line| println!("{line:>14}"));
    }
    Ok(is_clean)
}
