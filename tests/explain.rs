//! Every list finds its page by an index, in the list's order: never by reading or sorting a table.

mod support;

use scrip::model::company::Path;
use scrip::model::ledger::CodeStatus;
use scrip::store::audit::{self, HistoryFilter};
use scrip::store::code_lists::{self, ListFilter};
use scrip::store::codes::{self, CodeFilter, CodeSearch};
use scrip::store::companies::{self, CompanyFilter, Sort, Way};
use scrip::store::db::{Query, sql};
use scrip::store::distributors::{self, DistributorFilter};
use scrip::store::reach::Reach;
use scrip::store::sessions;
use scrip::store::transfers::{self, TransferFilter};
use scrip::store::users::{self, UserFilter};
use support::{Backend, NOON, TestApp};

both!(
    companies_are_walked_in_the_order_of_the_list,
    codes_have_an_index_for_each_order,
    users_history_and_sessions_have_their_indexes,
    lists_of_programs_are_walked_or_merged,
);

/// A list's query, what its plan must say, and how many results it may sort: a sort of what a limit
/// has cut already costs nothing, one of a table does.
struct Case(&'static str, Query, &'static str, usize);

async fn check(test: &TestApp, cases: Vec<Case>) {
    for Case(name, query, index, sorts_max) in cases {
        let db = &test.app.db;
        let mut tx = if name == "sessions" { db.sessions().await } else { db.snapshot().await }.unwrap();
        if tx.is_postgres() {
            // Small tables are read whole, whatever their indexes. Now that shows only where nothing
            // else can be done.
            sql("select set_config(name, 'off', false) from unnest(array['enable_seqscan',
                     'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_sort']) name")
            .run(&mut tx)
            .await
            .unwrap();
        }
        let plan = query.plan(&mut tx).await.unwrap();
        let shown = plan.join("\n");
        assert!(shown.contains(index), "{name} does not say {index}:\n{shown}");
        assert!(!plan.iter().any(|line| reads_a_table(line)), "{name} reads a table:\n{shown}");
        let sorts = plan.iter().filter(|line| sorts(line)).count();
        assert!(sorts <= sorts_max, "{name} sorts {sorts} times:\n{shown}");
    }
}

/// SQLite names what a subquery gave as the statements name it, and says
/// which index it scans where it is a table with one.
fn reads_a_table(line: &str) -> bool {
    let is_result = ["SCAN c", "SCAN h", "SCAN a", "SCAN b", "SCAN page"].contains(&line);
    let is_walk = line.contains(" USING ") || line.contains(" VIRTUAL TABLE ");
    line.contains("Seq Scan on ") || line.starts_with("SCAN ") && !is_result && !is_walk
}

fn sorts(line: &str) -> bool {
    let step = line.trim_start_matches([' ', '-', '>']);
    step.ends_with("ORDER BY") || step == "Sort" || step == "Incremental Sort"
}

fn root() -> Path {
    Path::of(None, 1)
}

async fn companies_are_walked_in_the_order_of_the_list(test: TestApp) {
    let mut cases = Vec::new();
    for (sort, index) in [
        (Sort::Name, "company_by_name"),
        (Sort::Level, "company_by_level"),
        (Sort::Created, "company_by_time"),
    ] {
        for descending in [false, true] {
            let filter = CompanyFilter { sort, descending, limit: 51, ..CompanyFilter::default() };
            cases.push(Case("walk", companies::list_query(&root(), &filter, Way::Walked), index, 0));
            // PostgreSQL chooses by what it knows of the tables, and these are empty.
            if test.backend == Backend::Sqlite {
                let query = companies::list_query(&root(), &filter, Way::Gathered);
                cases.push(Case("gather", query, "(path>? AND path<?)", 2));
            }
        }
    }
    let choices = companies::search_query(&root(), "", 51, Way::Walked);
    cases.push(Case("choices", choices, "company_by_name", 0));
    let filter = DistributorFilter { limit: 51, ..DistributorFilter::default() };
    cases.push(Case("distributors", distributors::list_query(&filter), "company_distributor", 0));
    let tree = companies::subsidiaries_query(&root(), 1, None, 51);
    cases.push(Case("tree", tree, "company_by_parent", 0));
    check(&test, cases).await;
}

async fn codes_have_an_index_for_each_order(test: TestApp) {
    let mut cases = Vec::new();
    let words = "crate".to_owned();
    for search in [CodeSearch::Nothing, CodeSearch::Suffix(7, words.clone()), CodeSearch::Comment(words)] {
        for (status, index) in [
            (None, "code_by_company"),
            (Some(CodeStatus::Unused), "code_unused"),
            (Some(CodeStatus::Used), "code_ended"),
            (Some(CodeStatus::Deleted), "code_ended"),
        ] {
            let filter = CodeFilter { status, search: search.clone(), limit: 51, ..CodeFilter::default() };
            cases.push(Case("codes", codes::list_query(1, &filter), index, 0));
        }
    }
    check(&test, cases).await;
}

async fn users_history_and_sessions_have_their_indexes(test: TestApp) {
    let filter = HistoryFilter { limit: 51, ..HistoryFilter::default() };
    let (users_by_id, lines_by_id) = match test.backend {
        Backend::Sqlite => {
            ("SEARCH u USING INTEGER PRIMARY KEY (rowid>?)", "SEARCH t USING INTEGER PRIMARY KEY")
        }
        Backend::Postgres => {
            ("Index Scan using person_pkey on person u", "Index Scan Backward using transfer_pkey")
        }
    };
    let mut cases = vec![
        Case("users", users::list_query(&root(), &UserFilter::default(), Way::Walked), users_by_id, 0),
        Case(
            "users of a company",
            users::list_query(
                &root(),
                &UserFilter { company_id: Some(1), ..UserFilter::default() },
                Way::Gathered,
            ),
            "person_by_company",
            0,
        ),
        Case("history of a tree", audit::of_tree_query(&root(), &filter), lines_by_id, 1),
        // A person's sessions are few, and at most a hundred are shown.
        Case("sessions", sessions::of_user_query(1, NOON), "session_by_user", 1),
    ];
    for index in ["transfer_by_source", "transfer_by_target", "history_by_company"] {
        cases.push(Case("history", audit::of_companies_query(&[1, 2], &filter), index, 1));
    }
    check(&test, cases).await;
}

async fn lists_of_programs_are_walked_or_merged(test: TestApp) {
    let (code_by_id, transfer_by_id) = match test.backend {
        Backend::Sqlite => ("sqlite_autoindex_code_2", "SEARCH t USING INTEGER PRIMARY KEY"),
        Backend::Postgres => ("code_id_key", "transfer_pkey"),
    };
    let (tree, few) = (Reach::Tree(root()), Reach::Companies(vec![1, 2]));
    let device = TransferFilter { device_id: Some(1), ..transfers_filter() };
    check(
        &test,
        vec![
            Case("codes of a tree", code_lists::list_query(&tree, &codes_filter(None)), code_by_id, 1),
            Case(
                "codes of companies",
                code_lists::list_query(&few, &codes_filter(None)),
                "code_by_company",
                1,
            ),
            Case(
                "unused codes",
                code_lists::list_query(&few, &codes_filter(Some(CodeStatus::Unused))),
                "code_unused",
                1,
            ),
            Case("transfers of a tree", transfers::list_query(&tree, &transfers_filter()), transfer_by_id, 1),
            Case(
                "transfers of companies",
                transfers::list_query(&few, &transfers_filter()),
                "transfer_by_source",
                1,
            ),
            Case("transfers of a device", transfers::list_query(&tree, &device), "transfer_by_device", 1),
        ],
    )
    .await;
}

fn codes_filter(status: Option<CodeStatus>) -> ListFilter {
    ListFilter { status, cursor: Some(9), newest_first: true, limit: 51, ..ListFilter::default() }
}

fn transfers_filter() -> TransferFilter {
    TransferFilter { cursor: Some(9), newest_first: true, limit: 51, ..TransferFilter::default() }
}
