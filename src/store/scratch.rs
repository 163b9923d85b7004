//! A schema of its own on a PostgreSQL server, for data that is thrown away afterwards.

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};

use super::db::{DbError, Result};

/// The schema, until it is dropped.
pub struct Scratch {
    server: String,
}

impl Scratch {
    /// Creates the schema; refuses if one of that name exists, whatever it holds.
    pub async fn make(server: &str) -> Result<Scratch> {
        PgConnection::connect(server).await?.execute("create schema scrip_bench").await?;
        Ok(Scratch { server: server.to_owned() })
    }

    /// The address of the schema.
    ///
    /// # Errors
    /// If the server's own address is invalid.
    pub fn url(&self) -> Result<String> {
        let mut url = url::Url::parse(&self.server)
            .map_err(|e| DbError::from(sqlx::Error::Configuration(e.to_string().into())))?;
        url.query_pairs_mut().append_pair("options", "-c search_path=scrip_bench");
        Ok(url.into())
    }

    /// Drops it with everything in it.
    pub async fn drop(self) -> Result<()> {
        PgConnection::connect(&self.server).await?.execute("drop schema scrip_bench cascade").await?;
        Ok(())
    }
}
