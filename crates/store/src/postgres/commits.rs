//! The order of commits over a restore: a server counts its own transactions, and knows nothing of those that a dump's
//! entries were committed in.

use deadpool_postgres::Object;
use tokio_postgres::{Client, Error, GenericClient};

use super::migrations::begin_alone;

/// The lowest transaction that is still open, as entries count: whatever is below it is settled.
pub(super) const SETTLED: &str =
    "pg_snapshot_xmin(pg_current_snapshot())::text::bigint + rehome_commit_base()";

/// The last commit that an entry or a webhook's position names, and the first that can't have been seen yet: the other way
/// round only where they are another server's.
const SEEN_AND_UNSEEN: &str = "SELECT greatest(
        (SELECT coalesce(max(commit), 0) FROM journal),
        (SELECT coalesce(max((standing::jsonb #>> '{position,commit}')::bigint), 0) FROM webhook)),
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint + rehome_commit_base(),
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint";

/// How far on it is counted after a restore. What was committed after the dump, and told to somebody who remembers the place, is
/// behind that by far: whoever reads on from there misses nothing that is new.
const GAP: i64 = 1 << 40;

/// Sees to it that whatever is committed from now on comes after all there is.
pub(super) async fn go_on(client: &mut Object) -> Result<(), Error> {
    if base::<Client>(client).await?.is_none() {
        return Ok(());
    }
    let transaction = begin_alone(client).await?;
    // Whoever is writing has ended then, and whoever writes next counts from the new base.
    transaction.batch_execute("LOCK TABLE journal IN ACCESS EXCLUSIVE MODE").await?;
    // Looked at again: another process may have done it.
    let Some(base) = base(&transaction).await? else { return Ok(()) };
    transaction
        .batch_execute(&format!(
            "CREATE OR REPLACE FUNCTION rehome_commit_base() RETURNS bigint LANGUAGE sql STABLE
                AS 'SELECT {base}::bigint'"
        ))
        .await?;
    transaction.commit().await?;
    tracing::warn!(
        base,
        "the database was restored from another server: the order of commits goes on from there"
    );
    Ok(())
}

/// From where commits must be counted, if not from where they are.
async fn base<C: GenericClient + Sync>(client: &C) -> Result<Option<i64>, Error> {
    let row = client.query_one(SEEN_AND_UNSEEN, &[]).await?;
    let (seen, unseen, lowest): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok((seen > unseen).then(|| seen + GAP - lowest))
}
