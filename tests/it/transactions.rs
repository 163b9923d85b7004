//! Deferred statements happen together with the rest of their transaction, or not at all.

use crate::support::{TestApp, World, who};
use scrip::model::ledger::CodeStatus;
use scrip::ops;
use scrip::store::codes::{CodeFilter, CodeSort};
use scrip::store::db::{Result, WriteTx, all_of, sql};

both!(
    deferred_statements_run_with_the_commit,
    an_error_in_a_deferred_statement_rolls_back_the_transaction,
    a_rollback_discards_deferred_statements,
    parallel_queries_return_their_own_rows,
    ended_codes_page_from_the_last_one,
);

async fn set(tx: &mut WriteTx, name: &str, value: Option<&str>) -> Result<()> {
    let value = value.map(str::to_owned);
    sql("insert into setting (name, value) values ($1, $2)").bind(name).bind(value).later(tx).await
}

async fn kept(test: &TestApp) -> Vec<(String, String)> {
    let mut tx = test.app.db.read().await.unwrap();
    sql("select name, value from setting where name like 'waits%' order by name").all(&mut tx).await.unwrap()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

async fn deferred_statements_run_with_the_commit(test: TestApp) {
    let mut tx = test.app.db.write().await.unwrap();
    set(&mut tx, "waits 1", Some("first")).await.unwrap();
    set(&mut tx, "waits 2", Some("$1; --")).await.unwrap();
    // A direct statement counts its own rows, and sees the deferred ones before it.
    let changed = sql("update setting set value = $2 where name = $1").bind("waits 1").bind("changed");
    assert_eq!(changed.run(&mut tx).await.unwrap(), 1);
    set(&mut tx, "waits 3", Some("last")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(kept(&test).await, [pair("waits 1", "changed"), pair("waits 2", "$1; --"), pair("waits 3", "last")]);
}

async fn an_error_in_a_deferred_statement_rolls_back_the_transaction(test: TestApp) {
    let outcome = async {
        let mut tx = test.app.db.write().await?;
        set(&mut tx, "waits 1", Some("before")).await?;
        set(&mut tx, "waits 2", None).await?;
        set(&mut tx, "waits 3", Some("after")).await?;
        tx.commit().await
    };
    assert!(outcome.await.is_err(), "a value is missing");
    assert_eq!(kept(&test).await, []);
    let mut tx = test.app.db.write().await.unwrap();
    set(&mut tx, "waits 4", Some("then")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(kept(&test).await, [pair("waits 4", "then")]);
}

async fn a_rollback_discards_deferred_statements(test: TestApp) {
    for has_begun in [false, true] {
        let mut tx = test.app.db.write().await.unwrap();
        if has_begun {
            let _: Vec<(String,)> = sql("select name from setting").all(&mut tx).await.unwrap();
        }
        set(&mut tx, "waits", Some("in vain")).await.unwrap();
        tx.rollback().await;
        test.app.db.write().await.unwrap().commit().await.unwrap();
        assert_eq!(kept(&test).await, [], "begun: {has_begun}");
    }
}

async fn parallel_queries_return_their_own_rows(test: TestApp) {
    World::new(&test).await;
    let name = |level: i64| Some(sql("select name from company where level = $1 order by name").bind(level));
    let mut tx = test.app.db.write().await.unwrap();
    set(&mut tx, "waits", Some("along")).await.unwrap();
    let [top, nothing, none, third] = all_of(&mut tx, [name(0), name(9), None, name(2)]).await.unwrap();
    assert_eq!(top.read::<(String,)>().unwrap(), [("Vendor".to_owned(),)]);
    assert!(nothing.read::<(String,)>().unwrap().is_empty());
    assert!(none.read::<(String,)>().unwrap().is_empty());
    assert_eq!(third.read::<(String,)>().unwrap(), [("Acme".to_owned(),)]);
}

async fn ended_codes_page_from_the_last_one(test: TestApp) {
    let world = World::new(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.code(&test, "operator@test.example", 1).await.0);
    }
    // Deletes the third, a minute later the first, and the fourth at the same moment as that.
    for (nth, seconds) in [(2, 0), (0, 60), (3, 0)] {
        test.app.clock.advance_seconds(seconds);
        ops::codes::changes::delete(&test.app, &operator, &format!("delete-{nth}"), ids[nth]).await.unwrap();
    }
    let of = |status, sort| CodeFilter { status: Some(status), sort, limit: 2, ..CodeFilter::default() };
    let list = async |filter: &CodeFilter| -> Vec<i64> {
        let vendor = Some(world.vendor);
        let (page, _) = ops::codes::list(&test.app, &operator, vendor, "", filter.clone(), false).await.unwrap();
        page.iter().map(|code| code.shown.row.id).collect()
    };
    let mut filter = of(CodeStatus::Deleted, CodeSort::LastEndedFirst);
    let mut seen = Vec::new();
    loop {
        let page = list(&filter).await;
        let Some(last) = page.last() else { break };
        filter.cursor = Some(*last);
        seen.extend(page);
    }
    assert_eq!(seen, [ids[3], ids[0], ids[2]]);
    assert_eq!(list(&of(CodeStatus::Unused, CodeSort::NewestFirst)).await, [ids[4], ids[1]]);
}
