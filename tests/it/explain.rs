//! Every list finds its page by an index in the list's order, never by scanning or sorting a table.

use crate::support::{Backend, NOON, TestApp};
use scrip::model::company::Path;
use scrip::model::device::DeviceState;
use scrip::model::ledger::CodeStatus;
use scrip::model::month::{Month, Period};
use scrip::model::order::OrderState;
use scrip::model::resources::ResourceType;
use scrip::store::codes::{self, CodeFilter, CodeSort, Facts};
use scrip::store::companies::{self, CompanyFilter, Sort, Way};
use scrip::store::company_scope::CompanyScope;
use scrip::store::db::{Query, sql};
use scrip::store::devices::{self, DeviceFilter, DeviceSort, Fact, Test};
use scrip::store::distributors::{self, DistributorFilter};
use scrip::store::history::{self, HistoryFilter};
use scrip::store::orders::{self, OrderFilter};
use scrip::store::tags::{self, TagFilter, TagSort};
use scrip::store::transfers::{self, TransferFilter};
use scrip::store::users::{self, UserFilter, UserSort};
use scrip::store::vouchers::{self, VoucherFilter};
use scrip::store::{coverage, pools};
use scrip::store::{reports, sessions};

both!(
    companies_are_walked_in_list_order,
    codes_have_an_index_for_each_sort_order,
    users_history_and_sessions_use_their_indexes,
    api_lists_are_walked_or_merged,
    deep_pages_are_found_in_indexes_alone,
    counts_and_searches_read_indexes_alone,
    devices_have_an_index_for_each_sort_order,
    filters_of_devices_use_their_indexes,
    tags_are_walked_or_merged,
    orders_and_vouchers_are_walked_or_merged,
    pools_and_forecasts_are_found_by_company,
    reports_read_counts_in_index_order,
);

/// A list's query, what its plan must contain, and how many sorts it may have: sorting the rows of one page is cheap,
/// sorting a table is not.
struct Case(&'static str, Query, &'static str, usize);

async fn check(test: &TestApp, cases: Vec<Case>) {
    for Case(name, query, index, sorts_max) in cases {
        let db = &test.app.db;
        let mut tx = if name == "sessions" { db.sessions().await } else { db.write().await }.unwrap();
        if tx.is_postgres() {
            // PostgreSQL scans small tables whole, whatever their indexes. With these settings it does so only if there is
            // no other way.
            sql("select set_config(name, 'off', false) from unnest(array['enable_seqscan',
                     'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_sort']) name")
            .run(&mut tx)
            .await
            .unwrap();
        }
        let plan = query.plan(&mut tx).await.unwrap();
        let shown = plan.join("\n");
        assert!(shown.contains(index), "{name} does not say {index}:\n{shown}");
        assert!(!plan.iter().any(|line| reads_a_table(line, &plan)), "{name} reads a table:\n{shown}");
        let sorts = plan.iter().filter(|line| sorts(line)).count();
        assert!(sorts <= sorts_max, "{name} sorts {sorts} times:\n{shown}");
    }
}

/// SQLite reports a scan of a subquery's result under its alias, and names the index when it scans a table through
/// one. Neither counts as reading a table.
fn reads_a_table(line: &str, plan: &[String]) -> bool {
    let is_walk = line.contains(" USING ") || line.contains(" VIRTUAL TABLE ");
    let is_result =
        |name: &str| plan.iter().any(|l| ["CO-ROUTINE", "MATERIALIZE"].iter().any(|w| *l == format!("{w} {name}")));
    line.contains("Seq Scan on ") || line.strip_prefix("SCAN ").is_some_and(|name| !is_walk && !is_result(name))
}

fn sorts(line: &str) -> bool {
    let step = line.trim_start_matches([' ', '-', '>']);
    step.ends_with("ORDER BY") || step == "Sort" || step == "Incremental Sort"
}

/// One sort of the companies above a row's company, to find the topmost that requires two-factor authentication.
const ABOVE: usize = 1;

fn root() -> Path {
    Path::of(None, 1)
}

async fn companies_are_walked_in_list_order(test: TestApp) {
    let mut cases = Vec::new();
    for (sort, index) in
        [(Sort::Name, "company_by_name"), (Sort::Level, "company_by_level"), (Sort::Created, "company_by_time")]
    {
        for descending in [false, true] {
            let filter = CompanyFilter { sort, descending, limit: 51, ..CompanyFilter::default() };
            cases.push(Case("walk", companies::list_query(&root(), &filter, Way::Walked), index, ABOVE));
            // PostgreSQL chooses by its statistics, and these tables are empty.
            if test.backend == Backend::Sqlite {
                let query = companies::list_query(&root(), &filter, Way::Gathered);
                cases.push(Case("gather", query, "(path>? AND path<?)", 2 + ABOVE));
            }
        }
    }
    let choices = companies::search_query(&root(), "", 51, Way::Walked);
    cases.push(Case("choices", choices, "company_by_name", 0));
    let filter = DistributorFilter { limit: 51, ..DistributorFilter::default() };
    cases.push(Case("distributors", distributors::list_query(&filter), "company_distributor", 0));
    let tree = companies::subsidiaries_query(&root(), 1, None, 51);
    cases.push(Case("tree", tree, "company_by_parent", ABOVE));
    check(&test, cases).await;
}

async fn codes_have_an_index_for_each_sort_order(test: TestApp) {
    let mut cases = Vec::new();
    let own = CompanyScope::Companies(vec![1]);
    for (suffix_tag, comment) in [(None, None), (Some(7), Some("crate")), (None, Some("crate"))] {
        let facts = Facts { suffix_tag, comment: comment.map(str::to_owned), ..Facts::default() };
        for (status, index) in [
            (None, "code_by_company"),
            (Some(CodeStatus::Unused), "code_"),
            (Some(CodeStatus::Used), "code_ended"),
            (Some(CodeStatus::Deleted), "code_ended"),
        ] {
            let has_ended = index == "code_ended";
            let sort = if has_ended { CodeSort::LastEndedFirst } else { CodeSort::NewestFirst };
            let filter = CodeFilter { status, sort, facts: facts.clone(), limit: 51, ..CodeFilter::default() };
            // The rows of a page are sorted once more.
            cases.push(Case("codes", codes::list_query(&own, &filter), index, 1));
        }
    }
    check(&test, cases).await;
}

async fn users_history_and_sessions_use_their_indexes(test: TestApp) {
    let filter = HistoryFilter { limit: 51, ..HistoryFilter::default() };
    let (users_by_id, users_by_email, lines_by_id) = match test.backend {
        Backend::Sqlite => (
            "SEARCH u USING INTEGER PRIMARY KEY (rowid>?)",
            "sqlite_autoindex_person_1",
            "SEARCH t USING INTEGER PRIMARY KEY",
        ),
        Backend::Postgres => (
            "Index Scan using person_pkey on person u",
            "person_email_search_key",
            "Index Scan Backward using transfer_pkey",
        ),
    };
    let from_start = UserFilter { after: Some(0), ..UserFilter::default() };
    let by_email = UserFilter { sort: UserSort::Email, ..UserFilter::default() };
    let invited = UserFilter { is_invited: true, ..UserFilter::default() };
    let mut cases = vec![
        Case("users", users::list_query(&root(), &from_start, Way::Walked), users_by_id, 0),
        Case("users by address", users::list_query(&root(), &by_email, Way::Walked), users_by_email, 1),
        Case("invitations", users::list_query(&root(), &invited, Way::Walked), "person_invited_walk", 0),
        Case(
            "users of a company",
            users::list_query(&root(), &UserFilter { company_id: Some(1), ..UserFilter::default() }, Way::Gathered),
            "person_by_company",
            0,
        ),
        Case("history of a tree", history::of_tree_query(&root(), &filter), lines_by_id, 1),
        // A person has few sessions, and at most a hundred are shown.
        Case("sessions", sessions::of_user_query(1, NOON), "session_by_user", 1),
    ];
    for index in ["transfer_by_source", "transfer_by_target", "history_by_company"] {
        cases.push(Case("history", history::of_companies_query(&[1, 2], &filter), index, 1));
    }
    check(&test, cases).await;
}

async fn api_lists_are_walked_or_merged(test: TestApp) {
    let (code_by_id, transfer_by_id, operation_by_key) = match test.backend {
        Backend::Sqlite => (
            "sqlite_autoindex_code_2",
            "SEARCH t USING INTEGER PRIMARY KEY",
            "SEARCH o USING PRIMARY KEY (key>? AND key<?)",
        ),
        // PostgreSQL chooses among the indexes of codes by its statistics, and this table is empty.
        Backend::Postgres => ("code_", "transfer_pkey", "operation_pkey"),
    };
    let (tree, few) = (CompanyScope::Tree(root()), CompanyScope::Companies(vec![1, 2]));
    let facts = Facts { batch: Some((1, "batch:1:".into())), ..Facts::default() };
    let batch = CodeFilter { facts, ..codes_filter(None) };
    let device = TransferFilter { device_id: Some(1), ..transfers_filter() };
    let found = TransferFilter { text: Some(("fair".into(), root())), ..transfers_filter() };
    let pool = TransferFilter { resource_type: Some(ResourceType::CREDIT), ..transfers_filter() };
    check(
        &test,
        vec![
            Case("codes of a tree", codes::list_query(&tree, &codes_filter(None)), code_by_id, 1),
            Case("codes of companies", codes::list_query(&few, &codes_filter(None)), "code_by_company", 2),
            Case("unused codes", codes::list_query(&few, &codes_filter(Some(CodeStatus::Unused))), "code_unused", 2),
            Case("codes of a batch", codes::list_query(&few, &batch), operation_by_key, 2),
            Case("transfers of a tree", transfers::list_query(&tree, &transfers_filter()), transfer_by_id, 1),
            Case("transfers of companies", transfers::list_query(&few, &transfers_filter()), "transfer_by_source", 2),
            Case("transfers by a text", transfers::list_query(&tree, &found), transfer_by_id, 1),
            Case("transfers of a pool", transfers::list_query(&few, &pool), "transfer_by_source", 2),
            Case("transfers of a device", transfers::list_query(&tree, &device), "transfer_by_device", 1),
        ],
    )
    .await;
}

/// For a deep page, SQLite must not read a table row for each skipped entry. PostgreSQL plans this by itself.
async fn deep_pages_are_found_in_indexes_alone(test: TestApp) {
    let one = CompanyScope::Companies(vec![1]);
    let scopes = [CompanyScope::All, CompanyScope::Tree(root()), one, CompanyScope::Companies(vec![1, 2])];
    let index = |name: &'static str| if test.backend == Backend::Sqlite { name } else { "" };
    let mut cases = Vec::new();
    for scope in &scopes {
        let is_one = matches!(scope, CompanyScope::Companies(ids) if ids.len() == 1);
        for (facts, status) in [
            (Facts::default(), None),
            (Facts { comment: Some("fair".into()), suffix_tag: Some(7), ..Facts::default() }, None),
            (Facts { created_from: Some(NOON), ..Facts::default() }, Some(CodeStatus::Unused)),
        ] {
            let filter = CodeFilter { facts, status, limit: 51, offset: 1_900_000, ..CodeFilter::default() };
            let index = index(if is_one { "COVERING INDEX code_by_company" } else { "COVERING INDEX code_walk" });
            cases.push(Case("codes", codes::list_query(scope, &filter), index, 1));
        }
        for (status, name) in
            [(CodeStatus::Unused, "COVERING INDEX code_unused"), (CodeStatus::Used, "COVERING INDEX code_ended")]
        {
            let filter = CodeFilter { status: Some(status), limit: 51, offset: 1_900_000, ..CodeFilter::default() };
            cases.push(Case("codes in a state", codes::list_query(scope, &filter), index(name), 2));
        }
        let filter = TransferFilter { limit: 51, offset: 1_900_000, ..TransferFilter::default() };
        let by_id = index("SEARCH t USING INTEGER PRIMARY KEY");
        cases.push(Case("transfers", transfers::list_query(scope, &filter), by_id, 1));
        let filter = DeviceFilter { limit: 51, offset: 1_900_000, ..DeviceFilter::default() };
        let by_label = index(if is_one { "INDEX device_by_label" } else { "COVERING INDEX device_label" });
        cases.push(Case("devices", devices::list_query(scope, &filter), by_label, 1));
        let page = pools::PoolFilter { text: "", cursor: None, limit: 51, offset: 1_900_000 };
        cases.push(Case("pools", pools::list_query(scope, &page), index("USING PRIMARY KEY"), 2));
    }
    check(&test, cases).await;
}

async fn counts_and_searches_read_indexes_alone(test: TestApp) {
    let index = |name: &'static str| if test.backend == Backend::Sqlite { name } else { "" };
    let mut cases = Vec::new();
    let few = CompanyScope::Companies(vec![1, 2]);
    for (scope, walk) in
        [(CompanyScope::All, "code_walk"), (CompanyScope::Tree(root()), "code_by_company"), (few, "code_by_company")]
    {
        for text in [None, Some("fair".to_owned())] {
            // PostgreSQL has no index that holds whole comments.
            if text.is_some() && test.backend == Backend::Postgres {
                continue;
            }
            let facts = Facts { comment: text, ..Facts::default() };
            let filter = CodeFilter { facts, ..CodeFilter::default() };
            cases.push(Case("count of codes", codes::count_query(&scope, &filter), index(walk), 0));
        }
        for is_used in [true, false] {
            // PostgreSQL scans a whole table to count its states.
            if test.backend == Backend::Postgres && matches!(scope, CompanyScope::All) {
                continue;
            }
            let filter = CodeFilter { is_used: Some(is_used), ..CodeFilter::default() };
            let query = codes::count_query(&scope, &filter);
            cases.push(Case("count of used codes", query, index("COVERING INDEX code_ended"), 0));
        }
        let filter = DeviceFilter { state: WAITING, ..DeviceFilter::default() };
        cases.push(Case("count of devices", devices::count_query(&scope, &filter), index("device_"), 0));
    }
    check(&test, cases).await;
}

async fn orders_and_vouchers_are_walked_or_merged(test: TestApp) {
    let (tree, few) = (CompanyScope::Tree(root()), CompanyScope::Companies(vec![1, 2]));
    let order_by_id = match test.backend {
        Backend::Sqlite => "SEARCH k USING INTEGER PRIMARY KEY",
        Backend::Postgres => "purchase_order_pkey",
    };
    let mut cases = Vec::new();
    for (scope, state, index) in [
        (&tree, None, order_by_id),
        (&few, None, "order_by_company"),
        (&tree, Some(OrderState::Paid), "order_by_state"),
        (&few, Some(OrderState::Paid), "order_by_company_state"),
    ] {
        // PostgreSQL chooses by its statistics, and these tables are empty.
        let index = if test.backend == Backend::Sqlite || state.is_none() { index } else { "order_by_" };
        let filter = OrderFilter { state, cursor: Some(900), limit: 51 };
        cases.push(Case("orders", orders::list_query(scope, &filter), index, 2));
    }
    for (scope, status, index) in [
        (&tree, None, "code_voucher_by_id"),
        (&few, None, if test.backend == Backend::Sqlite { "code_voucher_by_company" } else { "code_voucher" }),
        (&tree, Some(CodeStatus::Used), "code_voucher_by_status"),
        (&few, Some(CodeStatus::Used), "code_voucher"),
    ] {
        let filter = VoucherFilter { status, cursor: Some(900), limit: 51 };
        cases.push(Case("vouchers", vouchers::list_query(scope, &filter), index, 2));
    }
    for (status, after) in [(None, 0), (Some(CodeStatus::Unused), 7)] {
        let query = vouchers::line_query((1, 1), status, after, 501);
        // For PostgreSQL, all indexes of an empty table cost the same.
        let index = match (test.backend, status) {
            (Backend::Postgres, _) => "",
            (Backend::Sqlite, None) => "code_of_order",
            (Backend::Sqlite, Some(_)) => "code_of_line",
        };
        cases.push(Case("codes of a line", query, index, 0));
    }
    check(&test, cases).await;
}

async fn devices_have_an_index_for_each_sort_order(test: TestApp) {
    let (tree, few) = (CompanyScope::Tree(root()), CompanyScope::Companies(vec![1, 2]));
    let by_id = match test.backend {
        Backend::Sqlite => "SEARCH k USING INTEGER PRIMARY KEY",
        Backend::Postgres => "device_pkey",
    };
    let mut cases = Vec::new();
    for descending in [false, true] {
        for text in ["", "gate"] {
            let of = |state, sort| DeviceFilter {
                state,
                sort,
                descending,
                text: text.into(),
                after: Some(("9".into(), 9)),
                limit: 51,
                ..DeviceFilter::default()
            };
            for (name, scope, state, sort, index) in [
                ("devices of companies", &few, None, DeviceSort::Label, "device_by_label"),
                ("devices of companies by id", &few, None, DeviceSort::Id, "device_by_company"),
                ("waiting devices of companies", &few, WAITING, DeviceSort::Label, "device_by_state"),
                ("waiting devices of companies by id", &few, WAITING, DeviceSort::Id, "device_by_state_and_id"),
                ("devices of a tree", &tree, None, DeviceSort::Label, "device_label"),
                ("devices of a tree by id", &tree, None, DeviceSort::Id, by_id),
                ("waiting devices of a tree", &tree, WAITING, DeviceSort::Label, "device_state"),
                ("waiting devices of a tree by id", &tree, WAITING, DeviceSort::Id, "device_state_and_id"),
            ] {
                // PostgreSQL chooses by its statistics, and these tables are empty.
                let is_choice = test.backend == Backend::Postgres && matches!(scope, CompanyScope::Companies(_));
                let index = if is_choice { "using device_" } else { index };
                // One sort for the merge, one for the page.
                let sorts = if matches!(scope, CompanyScope::Companies(_)) { 2 } else { 1 };
                cases.push(Case(name, devices::list_query(scope, &of(state, sort)), index, sorts));
            }
        }
    }
    check(&test, cases).await;
}

fn tests_of(fact: Fact, is_not: bool) -> DeviceFilter {
    DeviceFilter { tests: vec![Test { fact, is_not }], limit: 51, ..DeviceFilter::default() }
}

/// Few devices are gathered by their own index, in any order; for many, the list is walked and each row looked up.
async fn filters_of_devices_use_their_indexes(test: TestApp) {
    let one = CompanyScope::Companies(vec![1]);
    let few = CompanyScope::Companies(vec![1, 2]);
    let is_sqlite = test.backend == Backend::Sqlite;
    let index = |name: &'static str| if is_sqlite { name } else { "" };
    let tagged = |are_rare| Fact::Tagged { tags: vec![7], are_rare };
    let mut cases = Vec::new();
    for scope in [&CompanyScope::All, &CompanyScope::Tree(root()), &one, &few] {
        for sort in [DeviceSort::Id, DeviceSort::Label] {
            for (name, fact, found_by) in [
                ("a serial number", Fact::Serial("a".into()), "device_by_serial"),
                ("a MAC address", Fact::Mac("001E420ABCFF".into()), "device_by_mac"),
                ("an IMEI", Fact::Imei("352780098765439".into()), "device_by_imei"),
                ("a rare tag", tagged(true), "SEARCH t USING PRIMARY KEY (tag_id=?)"),
            ] {
                let filter = DeviceFilter { sort, ..tests_of(fact, false) };
                // The few that were found are sorted, for the merge and for the page.
                cases.push(Case(name, devices::list_query(scope, &filter), index(found_by), 3));
            }
            for (name, is_not) in [("a common tag", false), ("without a tag", true)] {
                let filter = DeviceFilter { sort, ..tests_of(tagged(false), is_not) };
                let looked_up = index("SEARCH t USING COVERING INDEX device_tag_by_device (device_id=? AND tag_id=?)");
                cases.push(Case(name, devices::list_query(scope, &filter), looked_up, 2));
            }
        }
        for (name, fact, found_by) in [
            ("count of a tag", tagged(false), "SEARCH t USING PRIMARY KEY (tag_id=?)"),
            ("count of an IMEI", Fact::Imei("352780098765439".into()), "device_by_imei"),
        ] {
            cases.push(Case(name, devices::count_query(scope, &tests_of(fact, false)), index(found_by), 0));
        }
        let never_paid = DeviceFilter { sort: DeviceSort::Id, ..tests_of(Fact::NeverPaid, false) };
        let never_paid = devices::list_query(scope, &never_paid);
        cases.push(Case("never paid", never_paid, index("device_never_paid"), 2));
        cases.push(Case("count of never paid", devices::never_paid_query(scope), index("device_never_paid"), 0));
        cases.push(Case("models", devices::by_model_query(scope), index("device_by_model"), 2));
    }
    for scope in [&one, &few] {
        let model = DeviceFilter { sort: DeviceSort::Id, ..tests_of(Fact::Model("RUT955".into()), false) };
        let model = devices::list_query(scope, &model);
        cases.push(Case("a model", model, index("device_by_model (company_id=? AND model=?"), 2));
    }
    let of_devices = tags::of_devices_query(&root(), &[1, 2]);
    cases.push(Case("tags of a page", of_devices, index("device_tag_by_device (device_id=?)"), 1));
    check(&test, cases).await;
}

async fn tags_are_walked_or_merged(test: TestApp) {
    let index = |name: &'static str| if test.backend == Backend::Sqlite { name } else { "" };
    let by_id = TagFilter { after: Some(9), limit: 51, ..TagFilter::default() };
    let by_name =
        TagFilter { sort: TagSort::Name, after_name: Some(("roof".into(), 1)), limit: 51, ..TagFilter::default() };
    let mut cases = Vec::new();
    for scope in [CompanyScope::All, CompanyScope::Tree(root())] {
        cases.push(Case("tags", tags::list_query(&scope, &by_id), index("SEARCH k USING INTEGER PRIMARY KEY"), 1));
        cases.push(Case("tags by name", tags::list_query(&scope, &by_name), index("tag_by_name"), 1));
    }
    let few = CompanyScope::Companies(vec![1, 2]);
    cases.push(Case("tags of companies", tags::list_query(&few, &by_name), index("tag_by_company"), 2));
    check(&test, cases).await;
}

const WAITING: Option<DeviceState> = Some(DeviceState::Waiting);

async fn pools_and_forecasts_are_found_by_company(test: TestApp) {
    let (tree, few) = (CompanyScope::Tree(root()), CompanyScope::Companies(vec![1, 2]));
    let page = pools::PoolFilter { text: "", cursor: Some(101), limit: 51, offset: 0 };
    let [days, balances] = coverage::queries(1);
    let (pools_walked, pools_found, renewals) = match test.backend {
        Backend::Sqlite => (
            "SEARCH a USING PRIMARY KEY ((company_id",
            "SEARCH a USING PRIMARY KEY (company_id=?)",
            "SEARCH r USING PRIMARY KEY (company_id=?)",
        ),
        Backend::Postgres => {
            ("using account_pkey on account a", "using account_pkey on account a", "using renewal_day_pkey")
        }
    };
    check(
        &test,
        vec![
            Case("pools of a tree", pools::list_query(&tree, &page), pools_walked, 1),
            Case("pools of companies", pools::list_query(&few, &page), pools_found, 2),
            Case("renewals by day", days, renewals, 0),
            // There are only as many rows as companies that draw on this one.
            Case("balances that are drawn on", balances, "company_by_parent", 1),
        ],
    )
    .await;
}

async fn reports_read_counts_in_index_order(test: TestApp) {
    let period = Period::year_to(Month::of(NOON));
    let after = (24_310, 2, "EUR".to_owned());
    let (sales, codes, balances) = match test.backend {
        Backend::Sqlite => (
            "SEARCH s USING PRIMARY KEY (month",
            "SEARCH m USING PRIMARY KEY (company_id=? AND month>? AND month<?)",
            "SEARCH a USING PRIMARY KEY ((company_id",
        ),
        Backend::Postgres => ("sales_month_pkey", "code_month_pkey", "using account_pkey on account a"),
    };
    let month_index = if test.backend == Backend::Sqlite { "PRIMARY KEY (month" } else { sales };
    check(
        &test,
        vec![
            Case("sales", reports::sales_query(period, None, 51), sales, 0),
            Case("sales after a page", reports::sales_query(period, Some(&after), 51), sales, 0),
            // At most one row per distributor and month.
            Case("sales by month", reports::sales_by_month_query(period), month_index, 1),
            Case("codes by month", reports::codes_by_month_query(&root(), period), codes, 1),
            Case("unused codes", reports::outstanding_query((1, 1), 51), balances, 0),
        ],
    )
    .await;
}

fn codes_filter(status: Option<CodeStatus>) -> CodeFilter {
    CodeFilter { status, cursor: Some(9), sort: CodeSort::NewestFirst, limit: 51, ..CodeFilter::default() }
}

fn transfers_filter() -> TransferFilter {
    TransferFilter { cursor: Some(9), newest_first: true, limit: 51, ..TransferFilter::default() }
}
