//! What the database says is told apart: it is in trouble, or it refuses what is asked for what it says.

use std::{sync::Arc, time::Duration};

use rehome_domain::ports::{Committed, StoreError, TicketStore as _};
use rehome_store::postgres::{Options, Postgres};
use rehome_testkit::postgres::Database;

use super::options;
use crate::steps::steps;

/// What says that the database is in trouble, whoever asks.
const TROUBLE: [&str; 16] = [
    "08006", // connection failure
    "25006", // read-only transaction
    "40001", // serialization failure
    "40P01", // deadlock detected
    "42501", // insufficient privilege
    "42P01", // undefined table
    "53100", // disk full
    "53200", // out of memory
    "53300", // too many connections
    "55P03", // lock not available
    "57014", // query canceled, by a timeout or a person
    "57P01", // admin shutdown
    "58030", // input/output error
    "0A000", // feature not supported
    "P0001", // raised by a function
    "XX001", // data corrupted
];

/// What says that a statement's content is at fault.
const CONTENT: [&str; 6] = [
    "22021", // character not in repertoire
    "22001", // string data right truncation
    "23502", // not null violation
    "23505", // unique violation, each time
    "23514", // check violation
    "54000", // program limit exceeded
];

async fn impatient(database: &Database) -> Arc<Postgres> {
    let (statement_timeout, patience) = (Duration::from_millis(300), Duration::from_millis(100));
    Postgres::open(&Options { statement_timeout, patience, ..options(database) }).await.unwrap()
}

/// The next ticket that is written is answered with this.
fn answer(database: &Database, code: &str) {
    database.sql(&format!(
        "CREATE OR REPLACE FUNCTION answer() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'as the test wants it' USING ERRCODE = '{code}'; END $$;
         CREATE OR REPLACE TRIGGER answer BEFORE INSERT ON ticket FOR EACH ROW EXECUTE FUNCTION answer();"
    ));
}

#[tokio::test]
async fn each_code_is_the_databases_trouble_or_the_contents_fault() {
    let database = Database::create();
    let store = impatient(&database).await;
    let commit = || store.commit(vec![steps(1)[0].clone()]);
    for code in TROUBLE {
        answer(&database, code);
        let error = commit().await.unwrap_err();
        assert!(matches!(error, StoreError::Failed { .. }), "{code}: {error:?}");
    }
    for code in CONTENT {
        answer(&database, code);
        let error = commit().await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }), "{code}: {error:?}");
    }
    database.sql("DROP TRIGGER answer ON ticket");
    assert_eq!(commit().await, Ok(vec![Committed::Done]));
}

#[tokio::test]
async fn a_lock_that_somebody_keeps_is_trouble_to_whoever_writes_and_gone_when_it_is() {
    let database = Database::create();
    let store = impatient(&database).await;
    let locked = database.lock("ticket");
    for _ in 0..2 {
        let error = store.commit(vec![steps(1)[0].clone()]).await.unwrap_err();
        assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    }
    drop(locked);
    assert_eq!(store.commit(vec![steps(1)[0].clone()]).await, Ok(vec![Committed::Done]));
}
