//! Single values that belong to the database, such as the key file's check value.

use super::db::{Result, Tx, sql};

/// The value of a name, if it has one.
///
/// # Errors
/// Whatever the database says.
pub async fn get(tx: &mut Tx, name: &str) -> Result<Option<String>> {
    let row: Option<(String,)> =
        sql("select value from setting where name = $1").bind(name).optional(tx).await?;
    Ok(row.map(|r| r.0))
}

/// Sets a value, whatever it was.
///
/// # Errors
/// Whatever the database says.
pub async fn set(tx: &mut Tx, name: &str, value: &str) -> Result<()> {
    sql("insert into setting (name, value) values ($1, $2)
         on conflict (name) do update set value = excluded.value")
    .bind(name)
    .bind(value)
    .run(tx)
    .await?;
    Ok(())
}

/// Sets a value once; one that exists stays.
///
/// # Errors
/// Whatever the database says.
pub async fn set_once(tx: &mut Tx, name: &str, value: &str) -> Result<()> {
    sql("insert into setting (name, value) values ($1, $2) on conflict do nothing")
        .bind(name)
        .bind(value)
        .run(tx)
        .await?;
    Ok(())
}
