//! `scrip verify` finds each forgery, says since when, and reports nothing if there is none.

use crate::support::shop::Shop;
use crate::support::{Backend, NOON, Program, TestApp, World, signed_in, who};
use scrip::app::App;
use scrip::jobs::chain::Linker;
use scrip::keys::Keys;
use scrip::model::digest::Head;
use scrip::ops::error::OpError;
use scrip::rng::Rng;
use scrip::store;
use scrip::store::db::{Row, sql};
use scrip::store::verify::{Options, Report, check, counters};

both!(
    changed_rows_are_found,
    derived_data_is_compared_with_the_rows,
    deleted_and_added_rows_are_found,
    swapped_sealed_codes_are_found,
    a_missing_or_altered_trigger_is_found,
    a_counter_that_was_set_back_is_found,
    the_report_says_since_when,
    replaced_cancelled_and_expired_vouchers_verify_clean,
    a_busy_portal_verifies_clean_in_small_steps,
    a_forgery_in_a_busy_portal_is_found_in_small_steps,
    two_processes_make_one_chain,
    the_next_process_links_what_a_killed_one_left,
    a_saved_head_exposes_rewriting_even_with_the_key_file,
    a_chain_signed_with_another_key_is_rejected,
    old_rows_get_their_digests_step_by_step,
    only_root_administrators_and_auditors_can_read_the_head,
    digests_and_links_are_append_only,
    the_command_prints_a_head_and_exits_1_on_a_mismatch,
);

/// Vendor moves units and Acme creates three codes, of which one is redeemed and one deleted.
async fn traded(test: &TestApp) -> World {
    let world = World::new(test).await;
    link_all(&test.app).await;
    world.give(test, world.acme, 100).await;
    world.give(test, world.other, 7).await;
    let (_, redeemed) = world.code(test, "acme@test.example", 5).await;
    let (deleted, _) = world.code(test, "acme@test.example", 6).await;
    world.code(test, "acme@test.example", 7).await;
    let mut customer = signed_in(test, "customer@test.example").await;
    customer.submit("/redeem", "/redeem", &[("code", &redeemed)]).await.is(303);
    let acme = who(&test.app, "acme@test.example").await;
    scrip::ops::codes::changes::delete(&test.app, &acme, "delete", deleted).await.unwrap();
    link_all(&test.app).await;
    world
}

/// Links until nothing is left. On PostgreSQL, other transactions on the server may have to end first.
async fn link_all(app: &App) {
    let mut linker = Linker::new(app);
    loop {
        let more = linker.run_once(app).await.unwrap();
        app.clock.advance_seconds(6);
        let mut tx = app.db.read().await.unwrap();
        let linked = store::chain::last(&mut tx).await.unwrap().map_or(0, |link| link.through);
        if !more && store::digests::unlinked(&mut tx, linked).await.unwrap().0 == 0 {
            return;
        }
    }
}

async fn head(app: &App) -> Head {
    store::chain::last(&mut app.db.read().await.unwrap()).await.unwrap().unwrap().head()
}

async fn all<T: Row>(test: &TestApp, text: &str) -> Vec<T> {
    let mut tx = test.app.db.read().await.unwrap();
    sql(text.to_owned().leak()).all(&mut tx).await.unwrap()
}

/// Acts like an attacker with the database: removes the triggers, runs the statements, and restores the triggers.
async fn forge(test: &TestApp, statements: &[&str]) {
    let mut tx = test.app.db.write().await.unwrap();
    let triggers: Vec<(String, String)> = match test.backend {
        Backend::Sqlite => {
            let text = "select name, sql from sqlite_master where type = 'trigger'";
            sql(text).all(&mut tx).await.unwrap()
        }
        Backend::Postgres => Vec::new(),
    };
    let mut run = async |text: String| sql(text.leak()).run(&mut tx).await.map(|_| ()).unwrap();
    if test.backend == Backend::Postgres {
        run("set local session_replication_role = replica".into()).await;
    }
    for (name, _) in &triggers {
        run(format!("drop trigger {name}")).await;
    }
    for statement in statements {
        run((*statement).to_owned()).await;
    }
    for (_, text) in triggers {
        run(text).await;
    }
    tx.commit().await.unwrap();
}

#[track_caller]
fn has(broken: &[String], rule: &str, what: &str) {
    assert!(broken.iter().any(|line| line.contains(rule)), "{what}: {broken:#?}");
}

const AS_DIGESTED: &str = "each row is as its digest has it";

async fn changed_rows_are_found(test: TestApp) {
    traded(&test).await;
    test.verify().await;
    for (change, undo) in [
        ("amount = amount + 1", "amount = amount - 1"),
        ("from_company_id = from_company_id + 1", "from_company_id = from_company_id - 1"),
        ("to_company_id = to_company_id + 1", "to_company_id = to_company_id - 1"),
        ("actor_id = actor_id + 1", "actor_id = actor_id - 1"),
        ("at = at - 1000000", "at = at + 1000000"),
        ("from_balance = from_balance + 1", "from_balance = from_balance - 1"),
        ("to_balance = to_balance + 1", "to_balance = to_balance - 1"),
        ("memo = 'forged'", "memo = ''"),
    ] {
        let of = |set: &str| format!("update transfer set {set} where cause = 'move' and amount in (100, 101)");
        forge(&test, &[&of(change)]).await;
        has(&test.broken().await, AS_DIGESTED, change);
        forge(&test, &[&of(undo)]).await;
    }
    for (change, undo) in [("at = at - 1", "at = at + 1"), ("details = details || 'x'", "details = 'Acme'")] {
        let row = "where id = (select max(id) from history)";
        let kept: Vec<(String,)> = all(&test, &format!("select details from history {row}")).await;
        let undo = undo.replace("Acme", &kept[0].0);
        forge(&test, &[&format!("update history set {change} {row}")]).await;
        has(&test.broken().await, AS_DIGESTED, change);
        forge(&test, &[&format!("update history set {undo} {row}")]).await;
    }
    test.verify().await;
}

async fn derived_data_is_compared_with_the_rows(test: TestApp) {
    traded(&test).await;
    for (change, undo, rule) in [
        (
            "account set balance = balance + 1 where kind = 0",
            "account set balance = balance - 1 where kind = 0",
            "each balance equals its transfers",
        ),
        (
            "account set received_total = received_total + 1 where kind = 0",
            "account set received_total = received_total - 1 where kind = 0",
            "what each balance received",
        ),
        (
            "code set status = 3 where status = 1",
            "code set status = 1 where ended_by is not null and status = 3 and amount = 5",
            "each code's state agrees",
        ),
        ("code set amount = 8 where amount = 7", "code set amount = 7 where amount = 8", "each code's state agrees"),
        ("code set amount = 8 where amount = 7", "code set amount = 7 where amount = 8", "each sealed code opens"),
        (
            "code set ended_at = ended_at + 1 where status = 1",
            "code set ended_at = ended_at - 1 where status = 1",
            "each code's state agrees",
        ),
        ("code set suffix_tag = suffix_tag + 1", "code set suffix_tag = suffix_tag - 1", "each sealed code opens"),
        ("code_month set codes = codes + 1", "code_month set codes = codes - 1", "the months' counts of codes"),
        (
            "company set devices = 1 where level = 0",
            "company set devices = 0 where level = 0",
            "each company's count of devices",
        ),
        (
            "operation set last_transfer = last_transfer + 1",
            "operation set last_transfer = last_transfer - 1",
            "each operation of a person",
        ),
        (
            "operation set key = key || 'x' where first_transfer = (select min(first_transfer) from operation)",
            "operation set key = substr(key, 1, length(key) - 1)
             where first_transfer = (select min(first_transfer) from operation)",
            "each operation of a person",
        ),
        ("company set level = 7 where level = 2", "company set level = 2 where level = 7", "each company's path"),
    ] {
        forge(&test, &[&format!("update {change}")]).await;
        has(&test.broken().await, rule, change);
        forge(&test, &[&format!("update {undo}")]).await;
    }
    test.verify().await;
}

async fn deleted_and_added_rows_are_found(test: TestApp) {
    traded(&test).await;
    for (row, rule) in [
        ("transfer where id = (select min(id) from transfer where cause = 'redeem')", AS_DIGESTED),
        ("history where id = (select max(id) from history)", AS_DIGESTED),
        ("digest where id = 1", "each row has one digest"),
        ("digest where id = 1", "each link of the chain"),
        ("chain where number = 1", "each link of the chain"),
        ("code where status = 0", "each code's state agrees"),
        ("account where kind = 1", "each balance equals its transfers"),
        ("operation where first_transfer is not null", "each operation of a person"),
    ] {
        let table = row.split(' ').next().unwrap();
        forge(&test, &[&format!("create table kept as select * from {row}"), &format!("delete from {row}")]).await;
        has(&test.broken().await, rule, row);
        forge(&test, &[&format!("insert into {table} select * from kept"), "drop table kept"]).await;
    }
    test.verify().await;
    // An added row that copies an existing one without changing any balance.
    let added = "insert into transfer (id, actor_id, actor_company_id, address, operation, seq, fingerprint, at, cause,
             resource_type, amount, from_company_id, from_kind, to_company_id, to_kind, from_balance, to_balance,
             from_name, to_name, memo)
         select 900, actor_id, actor_company_id, address, 'forged', seq, fingerprint, at, cause, resource_type, amount,
             from_company_id, from_kind, to_company_id, to_kind, from_balance, to_balance, from_name, to_name, memo
         from transfer where cause = 'move' and amount = 7";
    forge(&test, &[added]).await;
    has(&test.broken().await, "each row has one digest", "added");
    forge(&test, &["delete from transfer where id = 900"]).await;
    test.verify().await;
}

async fn swapped_sealed_codes_are_found(test: TestApp) {
    let world = World::new(&test).await;
    let (one, _) = world.code(&test, "operator@test.example", 5).await;
    let (other, _) = world.code(&test, "operator@test.example", 5).await;
    test.verify().await;
    let swap = format!(
        "update code set sealed = (select k.sealed from kept k where k.id = {one} + {other} - code.id) where id in ({one}, {other})"
    );
    forge(&test, &["create table kept as select id, sealed from code", &swap]).await;
    let report = report(&test, Options::default()).await;
    let broken: Vec<_> = report.findings.iter().filter(|f| f.broken > 0).collect();
    assert_eq!((broken.len(), broken[0].broken), (1, 2), "{broken:?}");
    assert!(broken[0].rule.contains("sealed"), "{broken:?}");
}

async fn a_missing_or_altered_trigger_is_found(test: TestApp) {
    traded(&test).await;
    let statements: &[&str] = match test.backend {
        Backend::Sqlite => &[
            "drop trigger transfer_no_update",
            "drop trigger chain_no_delete",
            "create trigger digest_extra after insert on digest begin select 1; end",
            "drop trigger history_no_delete",
            "create trigger history_no_delete before delete on history when old.id < 0 begin select raise(abort, 'no'); end",
        ],
        Backend::Postgres => &[
            "drop trigger transfer_no_change on transfer",
            "alter table chain disable trigger chain_no_change",
            "create trigger digest_extra before insert on digest for each row execute function refuse_change()",
            "drop trigger history_no_truncate on history",
            "create trigger history_no_truncate after truncate on history for each statement execute function refuse_change()",
        ],
    };
    let mut tx = test.app.db.write().await.unwrap();
    for statement in statements {
        sql(statement).run(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let found = report(&test, Options::default()).await;
    let broken: Vec<_> = found.findings.iter().filter(|f| f.broken > 0).collect();
    assert_eq!((broken.len(), broken[0].broken), (1, 4), "{broken:?}");
    assert!(broken[0].rule.contains("triggers"), "{broken:?}");
    if test.backend == Backend::Postgres {
        let body = "create or replace function refuse_change() returns trigger language plpgsql as $$ begin return new; end $$";
        forge(&test, &[body]).await;
        let found = report(&test, Options::default()).await;
        assert!(found.findings.iter().any(|f| f.rule.contains("triggers") && f.broken > 8));
    }
}

async fn a_counter_that_was_set_back_is_found(test: TestApp) {
    let world = traded(&test).await;
    let known: Vec<&str> = counters::names().collect();
    let (counted, back, there) = match test.backend {
        Backend::Sqlite => (
            "select name from counter",
            "update counter set next = next - 5 where name = 'entry'",
            "update counter set next = next + 5 where name = 'entry'",
        ),
        Backend::Postgres => (
            "select replace(sequencename, '_id', '')::text from pg_sequences where schemaname = current_schema() and sequencename <> 'digest_id'",
            "select setval('entry_id', 5)",
            "select setval('entry_id', 5000)",
        ),
    };
    let there_are: Vec<(String,)> = all(&test, counted).await;
    assert!(there_are.iter().all(|name| known.contains(&name.0.as_str())), "{there_are:?}");
    forge(&test, &[back]).await;
    has(&test.broken().await, "no counter of ids is behind", back);
    forge(&test, &[there]).await;
    test.verify().await;
    assert_eq!(world.credit(&test, world.other).await, 12);
}

async fn report(test: &TestApp, options: Options) -> Report {
    check(&test.app.db, &test.app.keys, options, &mut |_| {}).await.unwrap()
}

/// Also checks that columns added by later migrations are in the digests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_column_of_a_row_can_be_changed() {
    let test = TestApp::start(Backend::Sqlite).await.unwrap();
    traded(&test).await;
    let beside = rusqlite::Connection::open(test.folder().join("scrip.db")).unwrap();
    let run = |text: String| beside.execute_batch(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
    run("pragma foreign_keys = off; pragma ignore_check_constraints = on;".into());
    for (table, row) in [("transfer", "cause = 'redeem'"), ("history", "id = (select max(id) from history)")] {
        run(format!("create table kept as select * from {table} where {row}"));
        run(format!("drop trigger {table}_no_update"));
        let id: i64 = beside.query_row("select id from kept", [], |row| row.get(0)).unwrap();
        let columns: Vec<(String, String)> =
            all(&test, &format!("select name, type from pragma_table_info('{table}') where name <> 'id'")).await;
        for (column, kind) in columns {
            let forged = match kind.as_str() {
                "INTEGER" => format!("coalesce({column}, 0) + 1"),
                "TEXT" => format!("coalesce({column}, '') || 'x'"),
                _ => "randomblob(16)".to_owned(),
            };
            run(format!("update {table} set {column} = {forged} where id = {id}"));
            has(&test.broken().await, AS_DIGESTED, &column);
            run(format!("update {table} set {column} = (select {column} from kept) where id = {id}"));
        }
        run("drop table kept".into());
    }
    // Everything is restored except the triggers.
    assert_eq!(test.broken().await.len(), 1);
}

async fn the_report_says_since_when(test: TestApp) {
    let world = World::new(&test).await;
    for amount in 1..=5 {
        test.app.clock.advance_seconds(60);
        world.give(&test, world.acme, amount).await;
    }
    let third: Vec<(i64, i64)> = all(&test, "select id, at from transfer where cause = 'move' and amount = 3").await;
    let (id, at) = third[0];
    forge(&test, &[&format!("update transfer set to_balance = 60 where id = {id}")]).await;
    let report = report(&test, Options::default()).await;
    let first = |rule: &str| report.findings.iter().find(|f| f.rule.contains(rule)).unwrap().first.clone().unwrap();
    assert_eq!(first(AS_DIGESTED).at.unwrap().0, at);
    assert!(first(AS_DIGESTED).what.contains(&format!("#{id} ")), "{:?}", first(AS_DIGESTED));
    let step = first("follow from one another");
    assert!(step.what.ends_with(&format!("since transfer #{id}")) && step.at.unwrap().0 == at, "{step:?}");
    assert!(step.what.contains(&format!("company #{}", world.acme)), "{step:?}");
}

async fn replaced_cancelled_and_expired_vouchers_verify_clean(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "10").await;
    let codes = shop.codes(&test, order, 1).await;
    let buyer = who(&test.app, "distributor@test.example").await;
    scrip::ops::vouchers::replace(&test.app, &buyer, "replace", codes[0].0).await.unwrap();
    scrip::ops::vouchers::cancel(&test.app, &buyer, "cancel", order, &[codes[1].0]).await.unwrap();
    let mut customer = signed_in(&test, "customer@test.example").await;
    customer.submit("/redeem", "/redeem", &[("code", codes[2].1.as_str())]).await.is(303);
    test.verify().await;
    test.app.clock.advance_seconds(4 * 366 * 86_400);
    scrip::jobs::expiry::run(&test.app).await;
    let ended: Vec<(i64, i64)> = all(&test, "select status, count(*) from code group by status order by status").await;
    assert_eq!(ended, [(1, 1), (2, 8), (4, 1), (5, 1)]);
    test.verify().await;
    link_all(&test.app).await;
    test.verify().await;
}

/// Small steps, so that many writes happen between them.
const SMALL: Options = Options { rows_a_step: 3, since: None };

/// Moves units and creates codes, from two processes, until stopped.
async fn keep_writing(test: &TestApp, apps: &[App], world: &World, stop: &std::sync::atomic::AtomicBool) -> usize {
    let operator = who(&test.app, "operator@test.example").await;
    let credit = scrip::model::resources::ResourceType::CREDIT;
    let mut written = 0;
    while !stop.load(std::sync::atomic::Ordering::SeqCst) || written < 20 {
        let moves = (0..4).map(|n| {
            let (app, key) = (&apps[n % apps.len()], format!("w{written}-{n}"));
            let (operator, to) = (operator.clone(), if n < 2 { world.acme } else { world.other });
            async move { scrip::ops::resources::move_units(app, &operator, &key, credit, world.vendor, to, 1).await }
        });
        for outcome in futures_util::future::join_all(moves).await {
            written += usize::from(outcome.is_ok());
        }
        world.code(test, "operator@test.example", 1).await;
    }
    written
}

async fn a_busy_portal_verifies_clean_in_small_steps(test: TestApp) {
    let world = traded(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    let credit = scrip::model::resources::ResourceType::CREDIT;
    scrip::ops::resources::issue(&test.app, &operator, "more", credit, 1_000_000, "").await.unwrap();
    let apps = [test.app.clone(), test.another().await];
    let stop = std::sync::atomic::AtomicBool::new(false);
    let verify = async {
        let mut linker = Linker::new(&test.app);
        let mut reports = Vec::new();
        for _ in 0..3 {
            linker.run_once(&test.app).await.unwrap();
            reports.push(report(&test, SMALL).await);
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        reports
    };
    let (written, reports) = tokio::join!(keep_writing(&test, &apps, &world, &stop), verify);
    assert!(written >= 20);
    for report in &reports {
        let broken: Vec<_> = report.findings.iter().filter(|f| f.broken > 0).collect();
        assert!(broken.is_empty(), "{broken:#?}");
    }
    assert!(reports[2].figures.transfers > reports[0].figures.transfers);
    test.verify().await;
}

/// A long read would keep SQLite from restarting its WAL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_holds_the_wal_between_steps() {
    let test = TestApp::start(Backend::Sqlite).await.unwrap();
    let world = traded(&test).await;
    for amount in 1..=10 {
        world.give(&test, world.other, amount).await;
    }
    let file = test.folder().join("scrip.db");
    let mut busy = Vec::new();
    let mut on_progress = |_| {
        let beside = rusqlite::Connection::open(&file).unwrap();
        busy.push(beside.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get::<_, i64>(0)).unwrap());
    };
    let report = check(&test.app.db, &test.app.keys, SMALL, &mut on_progress).await.unwrap();
    assert!(report.is_clean() && busy.len() > 8, "{busy:?}");
    assert!(busy.iter().all(|busy| *busy == 0), "{busy:?}");
}

async fn a_forgery_in_a_busy_portal_is_found_in_small_steps(test: TestApp) {
    let world = traded(&test).await;
    let apps = [test.app.clone(), test.another().await];
    forge(&test, &["update account set balance = balance + 1 where kind = 0"]).await;
    let stop = std::sync::atomic::AtomicBool::new(true);
    let (_, report) = tokio::join!(keep_writing(&test, &apps, &world, &stop), report(&test, SMALL));
    let balances = report.findings.iter().find(|f| f.rule == "each balance equals its transfers").unwrap();
    assert_eq!(balances.broken, 3, "{balances:?}");
}

async fn two_processes_make_one_chain(test: TestApp) {
    let world = World::new(&test).await;
    link_all(&test.app).await;
    let apps = [test.app.clone(), test.another().await];
    let mut linkers = [Linker::new(&apps[0]), Linker::new(&apps[1])];
    for round in 1..=15 {
        world.give(&test, world.acme, round).await;
        // Let the lease run out, so that both may link.
        test.app.clock.advance_seconds(6);
        let [one, other] = &mut linkers;
        let (one, other) = tokio::join!(one.run_once(&apps[0]), other.run_once(&apps[1]));
        for outcome in [one, other] {
            assert!(matches!(outcome, Ok(_) | Err(OpError::Collision | OpError::Unavailable)), "{outcome:?}");
        }
    }
    link_all(&test.app).await;
    let links: Vec<(i64, i64)> = all(&test, "select count(*), max(number) from chain").await;
    assert!(links[0].0 == links[0].1 && links[0].0 > 1, "{links:?}");
    let digests: Vec<(i64, i64)> =
        all(&test, "select (select count(*) from digest), cast(sum(digests) as bigint) from chain").await;
    assert_eq!(digests[0].0, digests[0].1);
    test.verify().await;
}

async fn the_next_process_links_what_a_killed_one_left(test: TestApp) {
    let world = traded(&test).await;
    let before = head(&test.app).await;
    world.give(&test, world.acme, 1).await;
    // One process was killed before its commit, another after it took the lease.
    let mut tx = test.app.db.write().await.unwrap();
    assert!(store::chain::take_lease(&mut tx, "killed", test.app.clock.now()).await.unwrap());
    store::chain::link(&mut tx, &test.app.keys, i64::MAX, test.app.clock.now()).await.unwrap().unwrap();
    drop(tx);
    let mut tx = test.app.db.write().await.unwrap();
    assert!(store::chain::take_lease(&mut tx, "killed", test.app.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    assert!(!Linker::new(&test.app).run_once(&test.app).await.unwrap());
    assert_eq!(head(&test.app).await, before);
    let found = report(&test, Options::default()).await;
    assert!(found.is_clean() && found.chain.unlinked == 1, "{:?}", found.chain);
    test.app.clock.advance_seconds(6);
    link_all(&test.app).await;
    assert_eq!(head(&test.app).await.number, before.number + 1);
    test.verify().await;
}

async fn a_saved_head_exposes_rewriting_even_with_the_key_file(test: TestApp) {
    let world = traded(&test).await;
    let kept = head(&test.app).await;
    world.give(&test, world.acme, 1).await;
    link_all(&test.app).await;
    let since = Options { since: Some(kept), ..Options::default() };
    assert!(report(&test, since).await.is_clean());
    // The head of another portal, and one beyond the end of the chain.
    for head in [Head { hash: [1; 32], ..kept }, Head { number: 900, ..kept }] {
        assert!(!report(&test, Options { since: Some(head), ..since }).await.is_clean(), "{head}");
    }
    // Rewrite one memo, and recreate all digests and links with the right keys.
    forge(&test, &[
        "update transfer set memo = 'forged' where cause = 'move' and amount = 7",
        "delete from digest",
        "delete from chain",
        "update setting set value = '0' where name = 'digests_older_done'",
        "update setting set value = (select cast(max(id) as text) from history) where name = 'digests_older_through'",
        "update setting set value = (select cast(max(id) as text) from transfer) where name = 'digests_older_through'
         and (select max(id) from transfer) > (select max(id) from history)",
    ]).await;
    link_all(&test.app).await;
    assert!(report(&test, Options::default()).await.is_clean());
    let found = report(&test, since).await;
    let broken: Vec<_> = found.findings.iter().filter(|f| f.broken > 0).map(|f| f.rule).collect();
    assert_eq!(broken, ["nothing before the given head was rewritten"]);
}

async fn a_chain_signed_with_another_key_is_rejected(test: TestApp) {
    traded(&test).await;
    let kept = head(&test.app).await;
    let keys = std::sync::Arc::new(Keys::generate(&Rng::System).0);
    forge(&test, &["delete from chain"]).await;
    link_all(&App { keys, ..test.app.clone() }).await;
    has(&test.broken().await, "each link of the chain is signed", "signed by another");
    assert!(!report(&test, Options { since: Some(kept), ..Options::default() }).await.is_clean());
    // A duplicate digest is found too.
    let add = "insert into digest (id, at, is_older, entries, hash) select 9000, at, 0, entries, hash from digest where id = 1";
    forge(&test, &["delete from chain", add]).await;
    link_all(&test.app).await;
    has(&test.broken().await, "each row has one digest", "covered twice");
}

async fn old_rows_get_their_digests_step_by_step(test: TestApp) {
    let world = World::new(&test).await;
    for amount in 1..=30 {
        world.give(&test, world.acme, amount).await;
    }
    // The state of a database right after the migration.
    forge(&test, &["delete from digest", "update setting set value = '31' where name = 'digests_older_through'"]).await;
    let older = report(&test, SMALL).await;
    assert!(older.is_clean(), "{:#?}", older.findings);
    assert_eq!(older.figures.undigested, 31);
    for _ in 0..3 {
        let mut tx = test.app.db.write().await.unwrap();
        assert!(store::digests::add_older(&mut tx, &test.app.keys, NOON, 7).await.unwrap());
        tx.commit().await.unwrap();
        world.give(&test, world.other, 1).await;
        assert!(report(&test, SMALL).await.is_clean());
    }
    link_all(&test.app).await;
    let found = report(&test, SMALL).await;
    assert!(found.is_clean() && found.figures.undigested == 0, "{:#?}", found.findings);
    // Rows that already have a digest must not get a second one, even if the job's position is set back.
    forge(&test, &["update setting set value = '20' where name = 'digests_older_done'"]).await;
    link_all(&test.app).await;
    has(&test.broken().await, "each row has one digest", "digested twice");
}

async fn only_root_administrators_and_auditors_can_read_the_head(test: TestApp) {
    World::new(&test).await;
    let auditor = Program::of(&test, "auditor@test.example", "credits:read").await;
    auditor.get("/api/ledger/head").await.is(404);
    link_all(&test.app).await;
    let head = head(&test.app).await.to_string();
    assert_eq!(auditor.get("/api/ledger/head").await.is(200).data()["head"], head.as_str());
    let operator = Program::of(&test, "operator@test.example", "credits:read").await;
    assert_eq!(operator.get("/api/ledger/head").await.is(200).data()["number"], 1);
    Program::of(&test, "operator@test.example", "companies:read").await.get("/api/ledger/head").await.is(403);
    Program::of(&test, "distributor@test.example", "credits:read").await.get("/api/ledger/head").await.is(403);
}

async fn digests_and_links_are_append_only(test: TestApp) {
    traded(&test).await;
    let mut statements = vec![
        "update digest set hash = hash",
        "delete from digest where id = 1",
        "update chain set signature = signature",
        "delete from chain",
    ];
    statements.extend(match test.backend {
        Backend::Sqlite => {
            ["replace into digest select * from digest limit 1", "replace into chain select * from chain limit 1"]
        }
        Backend::Postgres => ["truncate digest", "truncate chain"],
    });
    for statement in statements {
        let mut tx = test.app.db.write().await.unwrap();
        let refused = sql(statement).run(&mut tx).await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{statement}: {refused}");
    }
    test.verify().await;
}

/// Runs `scrip verify` on the test's data; returns whether it exited with 0, and its output.
fn command(test: &TestApp, arguments: &[&str]) -> (bool, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_scrip"));
    command.arg("--data").arg(test.folder()).args(["--log", "error"]);
    if let Some(url) = &test.database_url {
        command.args(["--database-url", url]);
    }
    let output = command.arg("verify").args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

async fn the_command_prints_a_head_and_exits_1_on_a_mismatch(test: TestApp) {
    let world = World::new(&test).await;
    assert!(!command(&test, &["--head"]).0);
    link_all(&test.app).await;
    let kept = head(&test.app).await.to_string();
    assert_eq!(command(&test, &["--head"]), (true, format!("{kept}\n")));
    world.give(&test, world.acme, 1).await;
    let (is_clean, output) = command(&test, &["--since", &kept]);
    assert!(is_clean && output.contains("ok nothing before the given head was rewritten"), "{output}");
    assert!(output.contains("1 of them not linked yet"), "{output}");
    let (is_clean, output) = command(&test, &["--since", &kept.replace(':', ":00")[..kept.len()]]);
    assert!(!is_clean && output.contains("BROKEN 1 nothing before the given head"), "{output}");
    assert!(!command(&test, &["--since", "nonsense"]).0);
}
