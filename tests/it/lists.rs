//! Lists over many rows: each filter, order and page, for one company, a few, a tree and the whole portal, compared
//! with a plain scan of all rows.

use std::collections::BTreeSet;

use crate::support::{NOON, TestApp};
use scrip::model::company::Path;
use scrip::model::device::DeviceState;
use scrip::model::ledger::{Cause, CodeStatus};
use scrip::model::role;
use scrip::model::time::Moment;
use scrip::store;
use scrip::store::bench::{FIRST_COMPANY, NewCode, Sizes};
use scrip::store::codes::{self, CodeFilter, CodeSort, Facts};
use scrip::store::company_scope::CompanyScope;
use scrip::store::db::Hex;
use scrip::store::db::{Row, Tx, sql};
use scrip::store::devices::{self, DeviceFilter, DeviceSort, Fact, Test};
use scrip::store::pools;
use scrip::store::transfers::{self, TransferFilter};

both!(
    lists_of_codes_match_a_plain_scan,
    codes_of_a_company_match_a_plain_scan,
    lists_of_transfers_match_a_plain_scan,
    lists_of_devices_match_a_plain_scan,
    filters_of_devices_match_a_plain_scan,
    lists_of_pools_match_a_plain_scan,
);

const COMPANIES: i64 = 120;
const CODES: i64 = 6_000;

async fn all<T: Row>(tx: &mut Tx, text: &'static str) -> Vec<T> {
    sql(text).all(tx).await.unwrap()
}

/// A small version of the data of `scrip bench lists`; returns each scope with the companies in it.
async fn fill(test: &TestApp) -> Vec<(CompanyScope, BTreeSet<i64>)> {
    let db = &test.app.db;
    let mut tx = db.write().await.unwrap();
    let root = store::companies::insert(&mut tx, "Root", None, NOON).await.unwrap();
    store::users::insert(&mut tx, root, "root@test.example", role::ADMIN, NOON).await.unwrap();
    tx.commit().await.unwrap();
    let sizes = Sizes { companies: COMPANIES, devices: 5_000, codes: CODES, transfers: 5_000, history: 10, orders: 10 };
    store::bench::fill_all(db, sizes).await.unwrap();
    let mut tx = db.write().await.unwrap();
    let codes: Vec<NewCode> = (1..=CODES).map(code).collect();
    store::bench::add_codes(&mut tx, &codes).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = db.read().await.unwrap();
    let top = Path::of(None, root);
    let tree = Path::of(Some(&top), FIRST_COMPANY);
    let ids = async |tx: &mut Tx, path: &Path| -> BTreeSet<i64> {
        store::companies::ids(tx, path, 1_000).await.unwrap().into_iter().collect()
    };
    let few = vec![FIRST_COMPANY, FIRST_COMPANY + 7, FIRST_COMPANY + 50];
    vec![
        (CompanyScope::All, ids(&mut tx, &top).await),
        (CompanyScope::Tree(tree.clone()), ids(&mut tx, &tree).await),
        (CompanyScope::Companies(few.clone()), few.into_iter().collect()),
        (CompanyScope::Companies(vec![FIRST_COMPANY]), [FIRST_COMPANY].into()),
    ]
}

fn code(id: i64) -> NewCode {
    NewCode {
        id,
        tag: Hex::of(&i128::from(id).to_be_bytes()),
        company_id: if id % 2 == 0 { FIRST_COMPANY } else { FIRST_COMPANY + id / 2 % COMPANIES },
        status: [0, 0, 0, 0, 0, 0, 1, 1, 1, 2][(id % 10) as usize],
        suffix_tag: id % 50,
        sealed: Hex::of(&[0]),
        comment: if id % 3 == 0 { String::new() } else { format!("Fair {}", id % 100) },
        order_id: None,
    }
}

/// Page offsets: the first page, one that is merged, and two that are walked to.
const OFFSETS: [i64; 4] = [0, 40, 2_100, 4_800];
const LIMIT: i64 = 30;

fn page<T: Clone>(rows: &[T], offset: i64) -> Vec<T> {
    rows.iter().skip(offset as usize).take(LIMIT as usize).cloned().collect()
}

type CodeRow = (i64, i64, i64, String, i64, i64);
const CODE_ROWS: &str = "select id, company_id, status, comment_search, created_at, suffix_tag from code order by id";

fn facts() -> Vec<Facts> {
    let text = |text: &str| Some(text.to_owned());
    vec![
        Facts::default(),
        Facts {
            created_from: Some(Moment(2_000_000_000)),
            created_to: Some(Moment(5_500_000_000)),
            ..Facts::default()
        },
        Facts { comment: text("fair 7"), ..Facts::default() },
        Facts { comment: text("fair 7"), suffix_tag: Some(3), ..Facts::default() },
        Facts { comment: text("nothing"), ..Facts::default() },
        Facts { id: Some(4_002), ..Facts::default() },
    ]
}

fn fits(facts: &Facts, row: &CodeRow) -> bool {
    let has_text = facts.comment.as_ref().is_some_and(|text| row.3.contains(text));
    let is_searched = facts.comment.is_none() || has_text || facts.suffix_tag == Some(row.5);
    is_searched
        && facts.created_from.is_none_or(|from| row.4 >= from.0)
        && facts.created_to.is_none_or(|to| row.4 < to.0)
        && facts.id.is_none_or(|id| row.0 == id)
}

async fn lists_of_codes_match_a_plain_scan(test: TestApp) {
    let scopes = fill(&test).await;
    let rows: Vec<CodeRow> = all(&mut test.app.db.read_list().await.unwrap(), CODE_ROWS).await;
    let states = [
        (None, None),
        (Some(CodeStatus::Unused), None),
        (Some(CodeStatus::Expired), None),
        (Some(CodeStatus::Deleted), None),
        (Some(CodeStatus::Expired), Some(false)),
        (None, Some(true)),
        (None, Some(false)),
    ];
    for (scope, companies) in &scopes {
        for facts in facts() {
            for (status, is_used) in states {
                let of_state = |row: &CodeRow| {
                    status.is_none_or(|s| row.2 == s as i64) && is_used.is_none_or(|is| (row.2 == 1) == is)
                };
                let fit = |row: &&CodeRow| companies.contains(&row.1) && of_state(row) && fits(&facts, row);
                let mut wanted: Vec<i64> = rows.iter().filter(fit).map(|row| row.0).collect();
                let filter =
                    CodeFilter { status, is_used, facts: facts.clone(), limit: LIMIT, ..CodeFilter::default() };
                let mut tx = test.app.db.read_list().await.unwrap();
                let count = codes::count(&mut tx, scope, &filter).await.unwrap();
                assert_eq!(count, wanted.len() as i64, "{scope:?} {filter:?}");
                for sort in [CodeSort::OldestFirst, CodeSort::NewestFirst] {
                    for offset in OFFSETS {
                        let filter = CodeFilter { sort, offset, ..filter.clone() };
                        let found = codes::list(&mut tx, scope, &filter).await.unwrap();
                        let found: Vec<i64> = found.into_iter().map(|c| c.row.id).collect();
                        assert_eq!(found, page(&wanted, offset), "{scope:?} {filter:?}");
                    }
                    wanted.reverse();
                }
            }
        }
    }
}

async fn codes_of_a_company_match_a_plain_scan(test: TestApp) {
    fill(&test).await;
    let mut tx = test.app.db.read_list().await.unwrap();
    let mut rows: Vec<CodeRow> = all(&mut tx, CODE_ROWS).await;
    rows.retain(|row| row.1 == FIRST_COMPANY);
    rows.reverse();
    for facts in facts() {
        for status in [None, Some(CodeStatus::Unused), Some(CodeStatus::Used), Some(CodeStatus::Expired)] {
            let fit = |row: &&CodeRow| status.is_none_or(|s| row.2 == s as i64) && fits(&facts, row);
            let wanted: Vec<i64> = rows.iter().filter(fit).map(|row| row.0).collect();
            let has_ended = status.is_some_and(|status| status != CodeStatus::Unused);
            let sort = if has_ended { CodeSort::LastEndedFirst } else { CodeSort::NewestFirst };
            let mut filter = CodeFilter { status, sort, facts: facts.clone(), limit: LIMIT, ..CodeFilter::default() };
            for offset in [0, LIMIT] {
                let mut tx = test.app.db.read_list().await.unwrap();
                let found = codes::list(&mut tx, &CompanyScope::Companies(vec![FIRST_COMPANY]), &filter).await.unwrap();
                let found: Vec<i64> = found.into_iter().map(|c| c.row.id).collect();
                assert_eq!(found, page(&wanted, offset), "{filter:?}");
                let Some(last) = found.last() else { break };
                filter.cursor = Some(*last);
            }
        }
    }
}

async fn lists_of_transfers_match_a_plain_scan(test: TestApp) {
    let scopes = fill(&test).await;
    let mut tx = test.app.db.read_list().await.unwrap();
    let text = "select id, from_company_id, to_company_id, cause, at from transfer order by id";
    let rows: Vec<(i64, i64, i64, String, i64)> = all(&mut tx, text).await;
    for (scope, companies) in &scopes {
        for (cause, from) in
            [(None, None), (Some(Cause::Move), None), (Some(Cause::Issue), None), (None, Some(Moment(9_000_000)))]
        {
            let fit = |row: &&(i64, i64, i64, String, i64)| {
                (companies.contains(&row.1) || companies.contains(&row.2))
                    && cause.is_none_or(|c| row.3 == c.slug())
                    && from.is_none_or(|from| row.4 >= from.0)
            };
            let mut wanted: Vec<i64> = rows.iter().filter(fit).map(|row| row.0).collect();
            let filter = TransferFilter { cause, from, limit: LIMIT, ..TransferFilter::default() };
            let mut tx = test.app.db.read_list().await.unwrap();
            let count = transfers::count(&mut tx, scope, &filter).await.unwrap();
            assert_eq!(count, wanted.len() as i64, "{scope:?} {filter:?}");
            for newest_first in [false, true] {
                for offset in OFFSETS {
                    let filter = TransferFilter { newest_first, offset, ..filter.clone() };
                    let found = transfers::list(&mut tx, scope, &filter).await.unwrap();
                    let found: Vec<i64> = found.into_iter().map(|t| t.id).collect();
                    assert_eq!(found, page(&wanted, offset), "{scope:?} {filter:?}");
                }
                wanted.reverse();
            }
        }
    }
}

async fn lists_of_devices_match_a_plain_scan(test: TestApp) {
    let scopes = fill(&test).await;
    let mut tx = test.app.db.read_list().await.unwrap();
    let text = "select id, company_id, label_search, state, search from device order by id";
    let mut rows: Vec<(i64, i64, String, String, String)> = all(&mut tx, text).await;
    for sort in [DeviceSort::Id, DeviceSort::Label] {
        if sort == DeviceSort::Label {
            rows.sort_by(|a, b| (&a.2, a.0).cmp(&(&b.2, b.0)));
        }
        for (scope, companies) in &scopes {
            for (state, text) in
                [(None, ""), (Some(DeviceState::Waiting), ""), (None, "gate 7"), (Some(DeviceState::Off), "nothing")]
            {
                let fit = |row: &&(i64, i64, String, String, String)| {
                    companies.contains(&row.1) && state.is_none_or(|s| row.3 == s.slug()) && row.4.contains(text)
                };
                let mut wanted: Vec<i64> = rows.iter().filter(fit).map(|row| row.0).collect();
                let filter = DeviceFilter { state, text: text.into(), sort, limit: LIMIT, ..DeviceFilter::default() };
                let mut tx = test.app.db.read_list().await.unwrap();
                let count = devices::count(&mut tx, scope, &filter).await.unwrap();
                assert_eq!(count, wanted.len() as i64, "{scope:?} {filter:?}");
                for descending in [false, true] {
                    for offset in OFFSETS {
                        let filter = DeviceFilter { descending, offset, ..filter.clone() };
                        let found = devices::list(&mut tx, scope, &filter).await.unwrap();
                        let found: Vec<i64> = found.into_iter().map(|d| d.id).collect();
                        assert_eq!(found, page(&wanted, offset), "{scope:?} {filter:?}");
                    }
                    wanted.reverse();
                }
            }
        }
    }
}

type DeviceFacts = (i64, i64, String, i64, Option<i64>, i64);

/// Tag 1 is on every second device, tag 2 on every fiftieth; some have a MAC address, an IMEI and another model.
async fn tag_devices(test: &TestApp) {
    let mut tx = test.app.db.write().await.unwrap();
    for text in [
        "insert into tag (id, company_id, name, name_search, description, color, created_at, updated_at)
             select id, 1, 'T' || id, 't' || id, '', '', 1, 1 from company where id <= 2 or id in (1001, 1002)",
        "insert into device_tag (tag_id, device_id) select 1001, id from device where id % 2 = 0",
        "insert into device_tag (tag_id, device_id) select 1002, id from device where id % 50 = 0",
        "update device set imei = '3527800987654' || (10 + id % 40), model = 'TRB' || (id % 3) where id % 7 = 0",
    ] {
        sql(text).run(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn filters_of_devices_match_a_plain_scan(test: TestApp) {
    let scopes = fill(&test).await;
    tag_devices(&test).await;
    let mut tx = test.app.db.read_list().await.unwrap();
    let text =
        "select id, company_id, label_search, monitoring, paid_until, coalesce(service, 0) from device order by id";
    let mut rows: Vec<DeviceFacts> = all(&mut tx, text).await;
    drop(tx);
    let tagged = |tags: &[i64], are_rare| Fact::Tagged { tags: tags.to_vec(), are_rare };
    type Fits = fn(&DeviceFacts) -> bool;
    let facts: [(Fact, Fits); 9] = [
        (tagged(&[1001], false), |d| d.0 % 2 == 0),
        (tagged(&[1002], true), |d| d.0 % 50 == 0),
        (tagged(&[1001, 1002, 77], false), |d| d.0 % 2 == 0),
        (tagged(&[], true), |_| false),
        (Fact::NeverPaid, |d| d.4.is_none()),
        (Fact::Monitored, |d| d.3 == 1),
        (Fact::Model("TRB1".into()), |d| d.0 % 7 == 0 && d.0 % 3 == 1),
        (Fact::Imei("352780098765417".into()), |d| d.0 % 7 == 0 && d.0 % 40 == 7),
        (Fact::Serial("sn4000".into()), |d| d.0 == 4_000),
    ];
    for sort in [DeviceSort::Id, DeviceSort::Label] {
        if sort == DeviceSort::Label {
            rows.sort_by(|a, b| (&a.2, a.0).cmp(&(&b.2, b.0)));
        }
        for (scope, companies) in &scopes {
            for (fact, fits) in &facts {
                for is_not in [false, true] {
                    let wanted = rows.iter().filter(|d| companies.contains(&d.1) && fits(d) != is_not);
                    let wanted: Vec<i64> = wanted.map(|d| d.0).collect();
                    let tests = vec![Test { fact: fact.clone(), is_not }];
                    let filter = DeviceFilter { tests, sort, limit: LIMIT, ..DeviceFilter::default() };
                    let mut tx = test.app.db.read_list().await.unwrap();
                    let count = devices::count(&mut tx, scope, &filter).await.unwrap();
                    assert_eq!(count, wanted.len() as i64, "{scope:?} {filter:?}");
                    for offset in OFFSETS {
                        let filter = DeviceFilter { offset, ..filter.clone() };
                        let found = devices::list(&mut tx, scope, &filter).await.unwrap();
                        let found: Vec<i64> = found.into_iter().map(|d| d.id).collect();
                        assert_eq!(found, page(&wanted, offset), "{scope:?} {filter:?}");
                    }
                }
            }
        }
    }
}

async fn lists_of_pools_match_a_plain_scan(test: TestApp) {
    let scopes = fill(&test).await;
    let mut tx = test.app.db.read_list().await.unwrap();
    let text =
        "select a.company_id, a.resource_type, c.name_search from account a join company c on c.id = a.company_id
         where a.kind = 0 order by a.company_id, a.resource_type";
    let rows: Vec<(i64, i64, String)> = all(&mut tx, text).await;
    for (scope, companies) in &scopes {
        for text in ["", "company 7", "nothing"] {
            let fit = |row: &&(i64, i64, String)| companies.contains(&row.0) && row.2.contains(text);
            let wanted: Vec<i64> = rows.iter().filter(fit).map(|row| row.0 * 100 + row.1).collect();
            let mut tx = test.app.db.read_list().await.unwrap();
            let count = pools::count(&mut tx, scope, text).await.unwrap();
            assert_eq!(count, wanted.len() as i64, "{scope:?} {text:?}");
            for offset in [0, 40, 900] {
                let part = pools::PoolFilter { text, cursor: None, limit: LIMIT, offset };
                let found = pools::list(&mut tx, scope, &part).await.unwrap();
                let found: Vec<i64> = found.iter().map(pools::ListedPool::id).collect();
                assert_eq!(found, page(&wanted, offset), "{scope:?} {text:?}");
            }
        }
    }
}
