//! A schema as a whole: put in order, and taken away when it is no longer needed.

use super::{
    OpenError, Options,
    connect::{first, pool, quoted},
};

/// Drops the options' schema with all that is in it, if it is there; without one in the options, nothing. Nobody may be
/// at work in it any more.
///
/// # Errors
/// If the database can't be reached, or does not let us.
pub async fn remove_schema(options: &Options) -> Result<(), OpenError> {
    let Some(schema) = &options.schema else { return Ok(()) };
    let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted(schema));
    at_leisure(options, "dropping a schema", &drop).await
}

/// Does at once what the database does by itself after a while: clears away what nobody sees any more, and counts what
/// there is, for its plans. For whoever has just filled tables and wants to measure them.
///
/// # Errors
/// If the database can't be reached, or does not let us.
pub async fn tidy(options: &Options) -> Result<(), OpenError> {
    at_leisure(options, "putting tables in order", "VACUUM (ANALYZE)").await
}

/// A statement that may take as long as it takes: files may be many.
async fn at_leisure(options: &Options, what: &'static str, statement: &str) -> Result<(), OpenError> {
    let (pool, place) = pool(&Options { pool: 1, ..options.clone() }, false)?;
    let client = first(&pool, &place, options).await?;
    let done = async {
        client.batch_execute("SET statement_timeout = 0").await?;
        client.batch_execute(statement).await
    };
    done.await.map_err(|source| OpenError::Failed { database: place.said(), what, source })
}
