//! A schema of its own on a PostgreSQL server, for what is thrown away afterwards.

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};

use super::db::{DbError, Result};

/// The schema, until it is dropped.
pub struct Scratch {
    server: String,
}

impl Scratch {
    /// Makes the schema; refuses where there is one of its name, whatever it holds.
    ///
    /// # Errors
    /// Whatever the server says.
    pub async fn make(server: &str) -> Result<Scratch> {
        PgConnection::connect(server).await?.execute("create schema scrip_bench").await?;
        Ok(Scratch { server: server.to_owned() })
    }

    /// The address of the schema.
    ///
    /// # Errors
    /// When the server's own is none.
    pub fn url(&self) -> Result<String> {
        let mut url = url::Url::parse(&self.server)
            .map_err(|e| DbError::from(sqlx::Error::Configuration(e.to_string().into())))?;
        url.query_pairs_mut().append_pair("options", "-c search_path=scrip_bench");
        Ok(url.into())
    }

    /// Drops it with all that it holds.
    ///
    /// # Errors
    /// Whatever the server says.
    pub async fn drop(self) -> Result<()> {
        PgConnection::connect(&self.server).await?.execute("drop schema scrip_bench cascade").await?;
        Ok(())
    }
}
