//! What `scrip bench lists` fills a throw-away database with: rows by the million, made by the database itself,
//! a step at a time. Only what lists read is true of them; the books are not.

use super::db::{Hex, Query, Result, WriteTx, columns, sql, sql_for};

/// The first company of those that are made; the first twenty stand below the root, the others below these.
pub const FIRST_COMPANY: i64 = 1_001;
pub const DISTRIBUTORS: i64 = 20;
/// How many rows a statement makes.
pub const STEP: i64 = 5_000;

/// How many rows there shall be.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub companies: i64,
    pub devices: i64,
    pub codes: i64,
    pub transfers: i64,
    pub history: i64,
    pub orders: i64,
}

macro_rules! digit {
    ($id:literal, $shift:literal) => {
        concat!(
            "substr('0123456789ABCDEFGHIJKLMNOPQRSTUV', cast((",
            $id,
            ") / ",
            $shift,
            " % 32 as integer) + 1, 1)"
        )
    };
}

/// A company's part of a path, as `model::company::Path` writes it.
macro_rules! part {
    ($id:literal) => {
        concat!(
            "'000000' || ",
            digit!($id, 1048576),
            " || ",
            digit!($id, 32768),
            " || ",
            digit!($id, 1024),
            " || ",
            digit!($id, 32),
            " || ",
            digit!($id, 1)
        )
    };
}

/// The company of the nth of something: half of all belong to one, the others are spread.
macro_rules! company_of {
    () => {
        "case when n.i % 2 = 0 then 1001 else 1001 + (n.i / 2) % $3 end"
    };
}

/// From the first number to the last.
fn numbers(query: Query) -> Query {
    query.push_for(
        " from (with recursive n(i) as (select $1 union all select i + 1 from n where i < $2) select i from n) n",
        " from generate_series(cast($1 as bigint), cast($2 as bigint)) n(i)",
    )
}

/// Makes rows of a kind, a step at a time; the number of each is `n.i`, that of all companies `$3`.
async fn fill(db: &super::db::Db, text: fn() -> Query, count: i64, companies: i64) -> Result<()> {
    for first in (1..=count).step_by(STEP as usize) {
        let mut tx = db.write().await?;
        let last = (first + STEP - 1).min(count);
        numbers(text()).bind(first).bind(last).bind(companies).run(&mut tx).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Makes all but codes, which are sealed.
pub async fn fill_all(db: &super::db::Db, sizes: Sizes) -> Result<()> {
    fill(db, distributors, DISTRIBUTORS, sizes.companies).await?;
    fill(db, companies, sizes.companies - DISTRIBUTORS, sizes.companies).await?;
    fill(db, people, sizes.companies, sizes.companies).await?;
    fill(db, pools, sizes.companies * 9, sizes.companies).await?;
    fill(db, balances_in_codes, sizes.companies, sizes.companies).await?;
    fill(db, devices, sizes.devices, sizes.companies).await?;
    fill(db, transfers, sizes.transfers, sizes.companies).await?;
    fill(db, history, sizes.history, sizes.companies).await?;
    fill(db, orders, sizes.orders, sizes.companies).await?;
    fill(db, code_months, sizes.companies * 10, sizes.companies).await?;
    fill(db, sales_months, sizes.companies * 10, sizes.companies).await
}

fn distributors() -> Query {
    sql(concat!(
        "insert into company (id, name, name_search, parent_id, path, level, created_at)
         select 1000 + n.i, 'Distributor ' || n.i, 'distributor ' || n.i, 1, ",
        part!("1"),
        " || ",
        part!("1000 + n.i"),
        ", 1, 1000000 * n.i + 0 * $3"
    ))
}

fn companies() -> Query {
    sql(concat!(
        "insert into company (id, name, name_search, parent_id, path, level, created_at, devices)
         select 1020 + n.i, 'Company ' || (n.i * 7919 % $3), 'company ' || (n.i * 7919 % $3), 1001 + n.i % 20, ",
        part!("1"),
        " || ",
        part!("1001 + n.i % 20"),
        " || ",
        part!("1020 + n.i"),
        ", 2, 1000000 * n.i, n.i % 7"
    ))
}

fn people() -> Query {
    sql("insert into person (id, company_id, email, email_search, role, password_hash, created_at)
         select 1000 + n.i, 1001 + n.i % $3, 'person' || n.i || '@bench.test', 'person' || n.i || '@bench.test',
             'end_user', '', 1000000 * n.i")
}

fn pools() -> Query {
    sql("insert into account (company_id, resource_type, kind, balance, received_total)
         select 1001 + (n.i - 1) / 9, 1 + (n.i - 1) % 9, 0, n.i % 1000, n.i % 1000 + 0 * $3")
}

fn balances_in_codes() -> Query {
    sql("insert into account (company_id, resource_type, kind, balance, received_total)
         select 1000 + n.i, 1, 1, 5, 5 + 0 * $3")
}

fn devices() -> Query {
    sql(concat!(
        "insert into device (id, company_id, kind, serial, serial_search, name, model, label_search, search, monitoring,
             service, auto_extend, paid_until, state, waiting_since, created_at)
         select n.i, ",
        company_of!(),
        ", 'device', 'SN' || n.i, 'sn' || n.i, 'Gate ' || n.i % 1000, 'RUT955', 'sn' || n.i,
             'sn' || n.i || ' gate ' || n.i % 1000 || ' rut955', n.i % 2, case when n.i % 10 = 9 then null else 1 end,
             n.i % 2, case when n.i % 10 < 7 then 9000000000000000 end,
             case n.i % 10 when 7 then 'waiting' when 8 then 'expired' when 9 then 'off' else 'active' end,
             case n.i % 10 when 7 then 1000000 end, 1000000 * n.i"
    ))
}

fn transfers() -> Query {
    sql("insert into transfer (id, actor_id, actor_company_id, address, operation, seq, fingerprint, at, cause,
             resource_type, amount, from_company_id, from_kind, to_company_id, to_kind, from_balance, to_balance,
             from_name, to_name, device_id, memo)
         select 2 * n.i, 1, 1, '', 'bench-' || n.i, 0, ")
    .push_for("zeroblob(16)", "decode(repeat('00', 16), 'hex')")
    .push(concat!(
        ", 1000000 * n.i, case n.i % 4 when 0 then 'move' when 1 then 'redeem' when 2 then 'create_code' else 'spend' end,
             1, 1, ",
        company_of!(),
        ", 0, case when n.i % 4 = 0 then 1001 + n.i % $3 else ",
        company_of!(),
        " end, 0, 5, 5, 'Company', 'Company', case when n.i % 4 = 3 then n.i % 1000 + 1 end, ''"
    ))
}

fn history() -> Query {
    sql(concat!(
        "insert into history (id, at, actor_id, company_id, address, verb, subject, details)
         select 2 * n.i + 1, 1000000 * n.i, 1, ",
        company_of!(),
        ", '', case n.i % 2 when 0 then 'signed_in' else 'device.added' end, 'Something', ''"
    ))
}

fn orders() -> Query {
    sql(concat!(
        "insert into purchase_order (id, company_id, created_by, kind, state, method, currency, net, vat, total,
             reverse_charge, created_at, placed_at, paid_at)
         select n.i, ",
        company_of!(),
        ", 1, 'voucher', case n.i % 4 when 0 then 'awaiting_payment' else 'paid' end, 'invoice', 'EUR', 10, 2, 12, 0,
             1000000 * n.i, 1000000 * n.i, case n.i % 4 when 0 then null else 1000000 * n.i end"
    ))
}

fn code_months() -> Query {
    sql("insert into code_month (company_id, month, resource_type, status, codes, units)
         select 1001 + (n.i - 1) / 10, 24300 + (n.i - 1) % 10, 1, 0, 3, 3 + 0 * $3")
}

fn sales_months() -> Query {
    sql("insert into sales_month (month, company_id, currency, net, vat, total)
         select 24300 + (n.i - 1) % 10, 1001 + (n.i - 1) / 10, 'EUR', 3, 1, 4 + 0 * $3")
}

columns! {
    /// A code as it is kept.
    #[derive(Debug)]
    pub struct NewCode {
        pub id: i64,
        pub tag: Hex,
        pub company_id: i64,
        pub status: i64,
        pub suffix_tag: i64,
        pub sealed: Hex,
        pub comment: String,
        pub order_id: Option<i64>,
    }
}

/// Adds codes of one Credit each.
pub async fn add_codes(tx: &mut WriteTx, codes: &[NewCode]) -> Result<()> {
    sql("insert into code (tag, id, company_id, resource_type, amount, status, suffix_tag, key_version, sealed, comment,
             comment_search, created_by, created_at, ended_at, order_id, order_line)
         select tag, id, company_id, 1, 1, status, suffix_tag, 1, sealed, comment, lower(comment), 1, id * 1000000,
             case when status <> 0 then id * 1000000 end, order_id, case when order_id is not null then 1 end
         from {rows} r")
    .bind_rows(codes)
    .run(tx)
    .await?;
    Ok(())
}

/// Lets PostgreSQL learn what is there, as it does by itself in time.
pub async fn settle(db: &super::db::Db) -> Result<()> {
    let mut tx = db.write().await?;
    // What is written while the lists are read gets ids past those of all rows.
    let past = "update counter set next = next + 1000000000";
    let past_on_postgres = "select setval(quote_ident(sequencename), coalesce(last_value, 0) + 1000000000)
         from pg_sequences where schemaname = current_schema()";
    sql_for(past, past_on_postgres).run(&mut tx).await?;
    tx.commit().await?;
    let mut tx = db.read_export().await?;
    if tx.is_postgres() {
        for text in [
            "vacuum analyze company",
            "vacuum analyze person",
            "vacuum analyze account",
            "vacuum analyze device",
            "vacuum analyze transfer",
            "vacuum analyze history",
            "vacuum analyze purchase_order",
            "vacuum analyze code",
        ] {
            // No transaction may surround it, so it goes by a connection that has none.
            let _: Vec<(i64,)> = sql(text).all(&mut tx).await?;
        }
    }
    Ok(())
}
