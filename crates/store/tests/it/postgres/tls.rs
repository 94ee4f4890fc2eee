//! Encrypted connections, and who is believed.

use rehome_store::postgres::{Options, Postgres};
use rehome_testkit::postgres::{Cluster, Database};

use super::options;

#[tokio::test]
async fn a_connection_is_encrypted_if_asked_for_and_only_to_a_server_that_is_vouched_for() {
    let cluster = Cluster::start_with_tls();
    let database = Database::on(&cluster.url());
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'rehome' AND ssl";

    let plain = Postgres::open(&options(&database)).await.unwrap();
    assert_eq!(database.sql(encrypted), "0");
    drop(plain);

    let url = format!("{}?sslmode=require", database.url());
    let vouched =
        Options { url: url.clone(), authorities: Some(cluster.certificate()), ..options(&database) };
    let store = Postgres::open(&vouched).await.unwrap();
    assert_eq!(database.sql(encrypted), "1");
    drop(store);

    let strangers = [
        Options { url: url.clone(), patience: std::time::Duration::ZERO, ..options(&database) },
        Options {
            url: url.replace("127.0.0.1", "localhost"),
            patience: std::time::Duration::ZERO,
            ..vouched.clone()
        },
    ];
    for stranger in strangers {
        let error = Postgres::open(&stranger).await.err().unwrap().to_string();
        assert!(error.contains("certificate"), "{error}");
    }
    let nobody = Options { authorities: Some("/dev/null".into()), ..vouched };
    let error = Postgres::open(&nobody).await.err().unwrap().to_string();
    assert_eq!(
        error,
        "the certificates that may vouch for the database's server can't be read from /dev/null: there are none"
    );
}
