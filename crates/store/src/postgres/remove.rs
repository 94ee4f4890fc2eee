//! Taking a schema away when it is no longer needed.

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
    let (pool, place) = pool(&Options { pool: 1, ..options.clone() }, false)?;
    let client = first(&pool, &place, options).await?;
    let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted(schema));
    let dropped = async {
        // Its files may be many.
        client.batch_execute("SET statement_timeout = 0").await?;
        client.batch_execute(&drop).await
    };
    let failed = |source| OpenError::Failed { database: place.said(), what: "dropping a schema", source };
    dropped.await.map_err(failed)
}
