//! The baseline: raw SQLite, one thread, no HTTP, no checks, writing the same rows as a redemption
//! in batches of 64, every commit flushed. `scrip bench redeem` is to be read against it.

use std::time::Instant;

use rusqlite::{Connection, params};

const REDEMPTIONS: i64 = 100_000;
const BATCH: i64 = 64;

fn main() -> rusqlite::Result<()> {
    let folder = tempfile::tempdir_in(".").expect("a folder beside the sources");
    let mut db = Connection::open(folder.path().join("raw.db"))?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "cache_size", -16_000)?;
    db.execute_batch(include_str!("../migrations/sqlite/0001_portal.sql"))?;
    seed(&mut db)?;
    let begun = Instant::now();
    for first in (1..=REDEMPTIONS).step_by(BATCH as usize) {
        redeem(&mut db, first, (first + BATCH - 1).min(REDEMPTIONS))?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "raw SQLite, the rows of a redemption in batches of {BATCH}: {:.0}/s",
        REDEMPTIONS as f64 / seconds
    );
    Ok(())
}

fn tag(id: i64) -> [u8; 16] {
    // Spread like a keyed hash, so that the tree of codes is entered at random places.
    let mixed = (id as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    mixed.to_be_bytes()
}

fn seed(db: &mut Connection) -> rusqlite::Result<()> {
    let tx = db.transaction()?;
    for id in 1..=65 {
        let parent = (id > 1).then_some(1);
        tx.execute(
            "insert into company (id, name, name_search, parent_id, path, level, created_at)
             values (?1, 'x', 'x', ?2, ?3, ?4, 0)",
            params![id, parent, format!("{id:011}"), i64::from(id > 1)],
        )?;
        tx.execute(
            "insert into person (id, company_id, email, email_search, role, created_at) values (?1, ?1, ?2, ?2, 'admin', 0)",
            params![id, format!("{id}@x")],
        )?;
    }
    tx.execute("insert into account values (1, 1, 1, ?1, ?1, 1)", [REDEMPTIONS])?;
    let mut code = tx.prepare(
        "insert into code (tag, id, company_id, resource_type, amount, status, suffix_tag, key_version, sealed, comment,
         comment_search, created_by, created_at) values (?1, ?2, 1, 1, 1, 0, ?3, 1, zeroblob(60), '', '', 1, 0)",
    )?;
    for id in 1..=REDEMPTIONS {
        code.execute(params![tag(id), id, id * 7_919 % 1_000_003])?;
    }
    drop(code);
    tx.commit()
}

fn redeem(db: &mut Connection, first: i64, last: i64) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    {
        let mut code = tx.prepare_cached(
            "update code set status = 1, ended_at = 1, ended_by = ?2, ended_company_id = ?2, ended_company_name = 'x'
             where tag = ?1 and status = 0",
        )?;
        let mut source = tx.prepare_cached(
            "update account set balance = balance - 1 where company_id = 1 and resource_type = 1 and kind = 1 returning balance",
        )?;
        let mut target = tx.prepare_cached(
            "insert into account values (?1, 1, 0, 1, 1, 1) on conflict do update
             set balance = balance + 1, received_total = received_total + 1 returning balance",
        )?;
        let mut transfer = tx.prepare_cached(
            "insert into transfer values (?1, ?2, ?2, '127.0.0.1', ?3, 0, zeroblob(16), 1, 'redeem', 1, 1, 1, 1, ?2, 0,
             ?4, ?5, 'x', 'x', ?1, '')",
        )?;
        for id in first..=last {
            let company = 2 + id % 64;
            code.execute(params![tag(id), company])?;
            let from: i64 = source.query_row([], |r| r.get(0))?;
            let to: i64 = target.query_row([company], |r| r.get(0))?;
            transfer.execute(params![id, company, format!("01KAH000000000000000{id:06}"), from, to])?;
        }
    }
    tx.commit()
}
