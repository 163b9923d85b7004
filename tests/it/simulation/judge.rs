//! Checks that every answer was true and that the ledger is consistent.

use scrip::app::App;
use scrip::jobs;
use scrip::ops::history::happened;
use scrip::store::db::sql;
use scrip::store::verify::{self, Options};

use super::clients::{Act, Answer, Answered, Stage, meaning};

/// Longer than any retry delay and any lease of a job.
const WAIT_SECONDS: i64 = 4 * 3_600;

/// Checks each answer once everything is quiet, then repeats the writes whose outcome is unknown.
///
/// # Errors
/// Describes what was false.
pub async fn judge(app: &App, stage: &Stage, answers: &[Answer]) -> Result<(), String> {
    for answer in answers {
        let has_happened = has_happened(app, answer).await?;
        let is_true = match answer.answered() {
            Answered::Done => has_happened,
            Answered::Refused | Answered::NotDone => !has_happened,
            Answered::Unknown => true,
        };
        if !is_true {
            return Err(format!("{}, and it has happened: {has_happened}", described(answer)));
        }
    }
    for answer in answers.iter().filter(|a| a.answered() == Answered::Unknown) {
        let had_happened = has_happened(app, answer).await?;
        let again = meaning(&answer.act.send(app, &answer.actor, &answer.key).await);
        let is_settled = match again {
            Answered::Done => true,
            Answered::Refused => !had_happened,
            Answered::NotDone | Answered::Unknown => false,
        };
        if !is_settled {
            return Err(format!("{} had happened: {had_happened}, and was then {again:?}", described(answer)));
        }
    }
    finish_jobs(app).await;
    the_ledger_agrees(app).await?;
    each_code_was_made_once(app, stage, answers).await?;
    no_balance_is_negative(app, stage).await
}

/// Runs the remaining jobs, including failed ones that wait for their next attempt.
async fn finish_jobs(app: &App) {
    for _ in 0..3 {
        while jobs::run_next(app).await {}
        app.clock.advance_seconds(WAIT_SECONDS);
    }
}

/// Checks that interrupted steps of a batch, and steps whose outcome was unknown, were done once.
async fn each_code_was_made_once(app: &App, stage: &Stage, answers: &[Answer]) -> Result<(), String> {
    let mut expected = stage.codes.len() as i64;
    for answer in answers {
        if let Act::CreateCodes { count, .. } = answer.act
            && has_happened(app, answer).await?
        {
            expected += count;
        }
    }
    let mut tx = app.db.read().await.map_err(|e| e.to_string())?;
    let (codes, of_batches, running): (i64, i64, i64) =
        sql("select (select count(*) from code), (select coalesce(cast(sum(made) as bigint), 0) from code_batch),
             (select count(*) from code_batch where state = 'running')")
        .one(&mut tx)
        .await
        .map_err(|e| e.to_string())?;
    if (codes, running) == (expected + of_batches, 0) {
        return Ok(());
    }
    Err(format!("{codes} codes, of which {expected} alone and {of_batches} of batches; {running} batches run"))
}

/// Describes an answer for a failure message.
fn described(answer: &Answer) -> String {
    format!("{}, {:?}, was answered {:?}", answer.key, answer.act, answer.said)
}

async fn has_happened(app: &App, answer: &Answer) -> Result<bool, String> {
    let found = happened(app, &answer.actor, &answer.key).await.map_err(|e| format!("{e:?}"))?;
    Ok(found.is_some())
}

async fn the_ledger_agrees(app: &App) -> Result<(), String> {
    let report = verify::check(&app.db, &app.keys, Options::default(), &mut |_| {}).await;
    let report = report.map_err(|error| error.to_string())?;
    let broken: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| finding.broken > 0)
        .map(|finding| format!("{}: {:?}", finding.rule, finding.first))
        .collect();
    if broken.is_empty() { Ok(()) } else { Err(broken.join("; ")) }
}

/// Checks that no balance is negative.
async fn no_balance_is_negative(app: &App, stage: &Stage) -> Result<(), String> {
    let mut tx = app.db.read().await.map_err(|e| e.to_string())?;
    for company in &stage.companies {
        let credit = scrip::model::resources::ResourceType::CREDIT;
        let balance = scrip::store::pools::balance(&mut tx, *company, credit).await;
        if balance.map_err(|e| e.to_string())? < 0 {
            return Err(format!("company {company} has less than nothing"));
        }
    }
    Ok(())
}
