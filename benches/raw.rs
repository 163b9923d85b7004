//! The baseline: raw SQLite, one thread, no HTTP, no checks, writing the same rows as a redemption
//! in batches of 64, every commit flushed. `scrip bench redeem` is to be read against it: codes come
//! in the same order, 64 redeemers going through a share of them each.

use std::time::Instant;

use rusqlite::{Connection, params};

const REDEMPTIONS: i64 = 102_400;
const REDEEMERS: i64 = 64;
const BATCH: i64 = 64;

fn main() -> rusqlite::Result<()> {
    let folder = tempfile::tempdir_in(".").expect("a folder beside the sources");
    let mut db = Connection::open(folder.path().join("raw.db"))?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "cache_size", -16_000)?;
    db.execute_batch(include_str!("../migrations/sqlite/0001_portal.sql"))?;
    db.execute_batch(include_str!("../migrations/sqlite/0007_filled_pools.sql"))?;
    seed(&mut db)?;
    let begun = Instant::now();
    for first in (0..REDEMPTIONS).step_by(BATCH as usize) {
        redeem(&mut db, first..first + BATCH)?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("raw SQLite, the rows of a redemption in batches of {BATCH}: {:.0}/s", REDEMPTIONS as f64 / seconds);
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

/// Redeems the codes of these turns, in which each redeemer takes the next code of a share.
fn redeem(db: &mut Connection, turns: std::ops::Range<i64>) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    {
        let mut code = tx.prepare_cached(
            "update code set status = 1, ended_at = ?3, ended_by = ?2, ended_company_id = ?2, ended_company_name = 'x'
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
            "insert into transfer values (?1, ?2, ?2, '127.0.0.1', ?3, 0, zeroblob(16), ?1, 'redeem', 1, 1, 1, 1, ?2, 0,
             ?4, ?5, 'x', 'x', ?6, '', ?5, 0, 'x')",
        )?;
        for turn in turns {
            let redeemer = turn % REDEEMERS;
            let company = 2 + redeemer;
            let id = 1 + redeemer * (REDEMPTIONS / REDEEMERS) + turn / REDEEMERS;
            code.execute(params![tag(id), company, turn])?;
            let from: i64 = source.query_row([], |r| r.get(0))?;
            let to: i64 = target.query_row([company], |r| r.get(0))?;
            // Begins with the time, as the ids of operations do.
            let operation = format!("01KAH0{turn:08}{:012}", id * 7_919 % 1_000_003);
            transfer.execute(params![turn + 1, company, operation, from, to, id])?;
        }
    }
    tx.commit()
}
