//! The database: opening, what keeps it from opening, damage, other schemas, reading beside writers, closing.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    board::{Filter, Look, Named, Order, SortBy},
    id::{MessageId, WorkOrderId},
    journal::Entry,
    order::Layer,
    ports::{
        Admission, Board, Change, Committed, DeviceMemory, Edit, Feed, FenceStore, Holding, Loaded, Part,
        StoreError, TicketStore, Unreadable, WebhookStore,
    },
    reply::{Outcome, Presence, Report},
    webhook::{Format, Mark, Secret, Standing, Webhook, WebhookId},
};
use rehome_store::postgres::{OpenError, Options, Postgres, bare};
use rehome_testkit::postgres::Database;

use super::{open, options};
use crate::steps::{id, steps};

/// Steps of this binary's schema.
const STEPS: usize = 10;

pub(super) fn order(n: u64) -> WorkOrderId {
    WorkOrderId { relocation: id(n), seq: 1, index: 0 }
}

pub(super) fn reserved() -> Report {
    Report::Reserve { outcome: Outcome::Done, rollback: None }
}

pub(super) fn put(n: u64) -> Edit {
    let spot = steps(n)[0].ticket.request.new.l3();
    let holding = Holding {
        presence: Presence::Reserved,
        service_id: format!("LL-{n}"),
        relocation: Some(id(n)),
        description: String::new(),
        ip: None,
        vrf: None,
    };
    Edit { spot, expect: None, put: Some(holding) }
}

#[tokio::test]
async fn everything_is_there_again_after_the_store_is_dropped_and_opened() {
    let database = Database::create();
    let store = open(&database).await;
    assert_eq!(store.commit(steps(1)).await.unwrap(), vec![Committed::Done; 6]);
    store.admit(Layer::L3, order(1), Part::Order).await.unwrap();
    store.conclude(Layer::L3, order(1), Part::Order, reserved()).await.unwrap();
    store.edit(Layer::L3, vec![put(1)]).await.unwrap();
    store.quarantine(id(2), "because".to_owned()).await.unwrap();
    drop(store);

    let store = open(&database).await;
    let journal: Vec<_> = store.journal(id(1)).await.unwrap().into_iter().map(Result::unwrap).collect();
    assert!(journal.iter().eq(steps(1).iter().map(|step| step.entry.as_ref())));
    let ticket = steps(1).pop().unwrap().ticket;
    assert_eq!(store.load(vec![id(1)]).await.unwrap(), [Loaded::Ticket(Box::new(ticket.as_ref().clone()))]);
    assert_eq!(
        store.admit(Layer::L3, order(1), Part::Order).await.unwrap(),
        Admission::Concluded(reserved())
    );
    assert_eq!(store.look(Layer::L3, vec![put(1).spot]).await.unwrap(), [put(1).put]);
    assert_eq!(store.quarantined().await.unwrap(), [(id(2), "because".to_owned())]);
}

#[tokio::test]
async fn a_message_id_may_hold_any_character() {
    let database = Database::create();
    let store = open(&database).await;
    let [submission, second, ..] = <[Change; 6]>::try_from(steps(1)).unwrap();
    let cause = MessageId("\0 \u{2400}0 上海 \\ '".to_owned());
    let entry = Arc::new(Entry { cause: cause.clone(), ..submission.entry.as_ref().clone() });
    let odd = Change { entry: Arc::clone(&entry), ..submission };
    assert_eq!(store.commit(vec![odd.clone(), second]).await, Ok(vec![Committed::Done; 2]));
    assert_eq!(store.commit(vec![odd]).await, Ok(vec![Committed::Seen]));
    assert_eq!(store.caused(vec![(id(1), cause)]).await, Ok(vec![Some(Ok(entry.as_ref().clone()))]));
    assert_eq!(store.journal(id(1)).await.unwrap()[0], Ok(entry.as_ref().clone()));
}

// ---------------------------------------------------------------------------------------------------------------
// Damage

#[tokio::test]
async fn a_damaged_row_spoils_its_own_ticket_and_no_other() {
    let first = format!("'{}'", id(1));
    let damages = [
        (format!("UPDATE ticket SET body = '{{\"v\":1,' WHERE id = {first}"), "its ticket can't be read: "),
        (format!("UPDATE ticket SET body = '' WHERE id = {first}"), "its ticket can't be read: "),
        (format!("UPDATE request SET body = 'gone' WHERE ticket = {first}"), "its ticket can't be read: "),
        (format!("DELETE FROM request WHERE ticket = {first}"), "its ticket can't be read: "),
        (format!("UPDATE ticket SET standing = -7 WHERE id = {first}"), ""),
        (
            format!("UPDATE ticket SET body = replace(body, '\"v\":1', '\"v\":3') WHERE id = {first}"),
            "its ticket has version 3, this binary reads up to 2: start the newer one",
        ),
    ];
    for (damage, reason) in damages {
        let database = Database::create();
        let store = open(&database).await;
        store.commit(steps(1)[..2].to_vec()).await.unwrap();
        store.commit(steps(2)[..2].to_vec()).await.unwrap();
        database.sql(&damage);
        let sound = Loaded::Ticket(Box::new(steps(2)[1].ticket.as_ref().clone()));
        let far = steps(2)[1].ticket.due().unwrap() + SignedDuration::from_hours(1);
        let pages = [
            store.open_tickets(None, 9).await.unwrap(),
            store.all_tickets(None, 9).await.unwrap(),
            store.claim_due(far, SignedDuration::ZERO, 9).await.unwrap(),
        ];
        for page in pages {
            let [(_, first), (_, second)] = page.as_slice() else { unreachable!("{damage}: {page:?}") };
            match first {
                Loaded::Unreadable(why) => {
                    let said = why.to_string();
                    assert!(!reason.is_empty() && said.starts_with(reason), "{damage}: {said}");
                    let newer = matches!(why, Unreadable::Newer { found: 3, known: 2, .. });
                    assert_eq!(newer, reason.contains("version 3"), "{damage}: {why:?}");
                }
                other => assert!(reason.is_empty(), "{damage}: {other:?}"),
            }
            assert_eq!(second, &sound, "{damage}");
        }
        let counted: u64 = store.counts().await.unwrap().iter().map(|count| count.tickets).sum();
        assert_eq!(counted, if damage.contains("standing") { 1 } else { 2 }, "{damage}");
        assert_eq!(store.commit(vec![steps(2)[2].clone()]).await.unwrap(), [Committed::Done], "{damage}");
    }
}

#[tokio::test]
async fn a_damaged_entry_is_told_and_the_rest_of_the_journal_read() {
    let database = Database::create();
    let store = open(&database).await;
    store.commit(steps(1)[..3].to_vec()).await.unwrap();
    database.sql("UPDATE journal SET body = '{\"v\":1}' WHERE seq = 2");
    let journal = store.journal(id(1)).await.unwrap();
    assert_eq!(journal[0].as_ref(), Ok(&*steps(1)[0].entry));
    let Err(Unreadable::Spoilt(why)) = &journal[1] else { unreachable!("{journal:?}") };
    assert!(why.starts_with("entry 2 can't be read: "), "{why}");
    assert_eq!(journal[2].as_ref(), Ok(&*steps(1)[2].entry));
    let again = store.commit(vec![steps(1)[1].clone()]).await.unwrap();
    assert_eq!(again, [Committed::Seen], "that it is journaled is still known");
}

#[tokio::test]
async fn an_entry_of_a_newer_binary_is_told_from_a_damaged_one() {
    for (change, how) in [
        ("replace(body, '\"v\":1,', '\"v\":3,')", "in words that can be read"),
        ("'{\"v\":3,\"form\":\"new\"}'", "in words that can't"),
    ] {
        let database = Database::create();
        let store = open(&database).await;
        store.commit(steps(1)[..3].to_vec()).await.unwrap();
        database.sql(&format!("UPDATE journal SET body = {change} WHERE seq = 2"));
        let newer = Unreadable::Newer { what: "entry 2".to_owned(), found: 3, known: 2 };
        assert_eq!(store.journal(id(1)).await.unwrap()[1], Err(newer.clone()), "{how}");
        let causes = [1, 0].map(|step: usize| (id(1), steps(1)[step].entry.cause.clone()));
        let caused = store.caused(causes.to_vec()).await.unwrap();
        assert_eq!(caused, [Some(Err(newer)), Some(Ok(steps(1)[0].entry.as_ref().clone()))], "{how}");
    }
}

#[tokio::test]
async fn a_holding_in_another_binarys_words_is_still_the_one_expected() {
    let database = Database::create();
    let store = open(&database).await;
    store.edit(Layer::L3, vec![put(1)]).await.unwrap();
    database.sql("UPDATE holding SET body = replace(body, ',', ' , ')");
    let Edit { spot, put, .. } = put(1);
    assert_eq!(store.edit(Layer::L3, vec![Edit { spot, expect: put, put: None }]).await, Ok(true));
}

// ---------------------------------------------------------------------------------------------------------------
// Opening

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_start_on_an_empty_database_at_once() {
    let database = Database::create();
    let starting: Vec<_> = (0..6)
        .map(|_| {
            let options = Options { schema: Some("rehome".to_owned()), ..options(&database) };
            tokio::spawn(async move { Postgres::open(&options).await })
        })
        .collect();
    for started in starting {
        started.await.unwrap().unwrap();
    }
    assert_eq!(database.sql("SELECT count(*) FROM rehome.rehome_schema"), STEPS.to_string());
}

#[tokio::test]
async fn a_database_of_a_newer_binary_is_refused_and_left_alone() {
    let database = Database::create();
    drop(open(&database).await);
    database.sql("INSERT INTO rehome_schema (step) VALUES (11)");
    let error = Postgres::open(&options(&database)).await.err().unwrap().to_string();
    assert!(error.starts_with(&format!("the database `{}` at ", database.name())), "{error}");
    assert!(
        error.ends_with(&format!(" has schema 11, this binary knows up to {STEPS}: start the newer one"))
    );
    let newer = Postgres::open_read_only(&options(&database)).await.err().unwrap();
    assert!(matches!(newer, OpenError::Newer { found: 11, binary: STEPS, .. }), "{newer}");
    assert_eq!(database.sql("SELECT max(step) FROM rehome_schema"), "11");
}

#[tokio::test]
async fn what_keeps_a_database_from_opening_is_told_with_what_to_do() {
    let database = Database::create();
    let open = async |url: String| {
        let options = Options { patience: Duration::ZERO, ..Options::new(url) };
        Postgres::open(&options).await.err().unwrap().to_string()
    };
    let (user_and_server, _) =
        database.url().rsplit_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let server = user_and_server.split('@').nth(1).unwrap().to_owned();
    let cases = [
        (format!("{user_and_server}/no_such_database"), "make it there, as a user who may: CREATE DATABASE"),
        (
            format!("postgres://no_such_user@{server}/{}", database.name()),
            "see that the user `no_such_user` exists",
        ),
        (
            "postgres://postgres:secret@127.0.0.1:1/rehome".to_owned(),
            "see that PostgreSQL runs and listens at 127.0.0.1:1",
        ),
        ("it is over there".to_owned(), "the database URL can't be read, expected `postgres://"),
    ];
    for (url, advice) in cases {
        let error = open(url.clone()).await;
        assert!(error.contains(advice), "{url}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
    let said = format!("{:?}", Options::new("postgres://rehome:secret@db.example/rehome"));
    assert!(said.contains("db.example") && !said.contains("secret"), "{said}");
}

#[tokio::test]
async fn a_store_opened_to_read_sees_what_another_writes_and_writes_nothing() {
    let database = Database::create();
    let older = Postgres::open_read_only(&options(&database)).await.err().unwrap();
    assert!(matches!(older, OpenError::Older { found: 0, binary: STEPS, .. }), "{older}");

    let writing = open(&database).await;
    let looking = Postgres::open_read_only(&options(&database)).await.unwrap();
    for step in steps(1) {
        writing.commit(vec![step.clone()]).await.unwrap();
        let expected = Loaded::Ticket(Box::new(step.ticket.as_ref().clone()));
        assert_eq!(looking.load(vec![id(1)]).await, Ok(vec![expected]));
    }
    for refused in [
        looking.commit(steps(2)).await.map(drop),
        looking.admit(Layer::L3, order(1), Part::Order).await.map(drop),
        looking.readmit(id(1)).await,
    ] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.ends_with(": the store was opened to read only"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_store_has_written_everything_and_takes_no_more() {
    let database = Database::create();
    let store = open(&database).await;
    let writes: Vec<_> = (0..50)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let admitted = store.admit(Layer::L3, order(n), Part::Order).await;
                (store.commit(steps(n)).await, admitted)
            })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close(true).await;
    assert_eq!(store.commit(steps(1000)).await, Err(StoreError::Closed));
    assert_eq!(store.admit(Layer::L3, order(1000), Part::Order).await, Err(StoreError::Closed));
    let (begun, journaled) =
        (database.sql("SELECT count(*) FROM fence"), database.sql("SELECT count(*) FROM ticket"));
    let (mut committed, mut admitted) = (0, 0);
    for write in writes {
        let (commit, admit) = write.await.unwrap();
        assert!(
            matches!(commit, Ok(_) | Err(StoreError::Closed))
                && matches!(admit, Ok(_) | Err(StoreError::Closed))
        );
        committed += u32::from(commit.is_ok());
        admitted += u32::from(admit.is_ok());
    }
    assert_eq!((begun, journaled), (admitted.to_string(), committed.to_string()));
    store.close(true).await;
    assert_eq!(store.load(vec![id(1000)]).await, Ok(vec![Loaded::Missing]), "reading goes on");
}

#[tokio::test]
async fn the_bare_writer_writes_the_same_rows_as_the_store() {
    let (through, barely) = (Database::create(), Database::create());
    let (store, bare) = (open(&through).await, bare::Writer::open(&options(&barely)).await.unwrap());
    for batch in [&steps(1)[..3], &[steps(1)[3].clone(), steps(2)[0].clone()], &steps(1)[4..]] {
        assert_eq!(store.commit(batch.to_vec()).await, Ok(vec![Committed::Done; batch.len()]));
        bare.write(bare::Request::commit(batch.to_vec()).unwrap()).await.unwrap();
        // All of an entry but the number of the transaction it was committed in.
        let entry = "relocation, seq, cause, body";
        for (table, columns) in
            [("ticket", "*"), ("request", "*"), ("journal", entry), ("resource_lock", "*")]
        {
            let rows = format!("SELECT {columns} FROM {table} ORDER BY 1, 2");
            assert_eq!(through.sql(&rows), barely.sql(&rows), "{table}");
            assert!(!barely.sql(&rows).is_empty());
        }
    }
}

#[tokio::test]
async fn tickets_of_before_there_were_lists_are_in_them_after_the_schema_is_brought_up() {
    let database = Database::create();
    let store = open(&database).await;
    for n in 1..=3 {
        store.commit(steps(n)[..usize::try_from(n).unwrap() * 2].to_vec()).await.unwrap();
    }
    let looks = [SortBy::Urgency, SortBy::Changed, SortBy::Submitted, SortBy::Service, SortBy::Customer]
        .map(|by| Look { order: Order { by, descending: false }, ..Look::default() });
    let text = Filter { text: Some("ll-2".to_owned()), ..Filter::default() };
    let found = Look { filter: text, ..Look::default() };
    let mut before = Vec::new();
    for look in looks.iter().chain([&found]) {
        before.push(store.page(look.clone()).await.unwrap());
    }
    drop(store);
    database.sql(
        "ALTER TABLE ticket DROP COLUMN standing, DROP COLUMN changed_at, DROP COLUMN standing_of;
         ALTER TABLE request DROP COLUMN submitted_at, DROP COLUMN service_id, DROP COLUMN customer,
            DROP COLUMN devices, DROP COLUMN told, DROP COLUMN grams;
         ALTER TABLE ticket ADD PRIMARY KEY (id);
         ALTER TABLE request ADD PRIMARY KEY (ticket);
         ALTER TABLE dead_letter DROP COLUMN settled;
         CREATE INDEX ticket_standing ON ticket (relocation_status);
         DELETE FROM rehome_schema WHERE step > 4",
    );
    let store = open(&database).await;
    for (look, before) in looks.iter().chain([&found]).zip(before) {
        assert!(!before.rows.is_empty());
        assert_eq!(store.page(look.clone()).await, Ok(before), "{look:?}");
    }
}

/// What there was before lists by device had indexes of their own.
const BEFORE_DEVICE_NAMES: &str =
    "DROP INDEX request_device_1, request_device_2, request_device_3, request_device_4;
    ALTER TABLE ticket DROP CONSTRAINT ticket_pkey, ADD PRIMARY KEY (id);
    ALTER TABLE request DROP CONSTRAINT request_pkey, ADD PRIMARY KEY (ticket);
    CREATE INDEX request_devices ON request (devices);
    DELETE FROM rehome_schema WHERE step > 9";

#[tokio::test]
async fn indexes_are_made_while_others_write_once_by_all_who_start_and_anew_where_one_was_half_made() {
    let database = Database::create();
    let old = open(&database).await;
    old.commit(steps(1)).await.unwrap();
    let look = |device: &str| {
        let device = Some(Named::Exactly(device.to_owned()));
        Look { filter: Filter { device, ..Filter::default() }, ..Look::default() }
    };
    let name = steps(1)[0].ticket.request.new.l2_device.clone();
    let before = old.page(look(&name)).await.unwrap();
    assert_eq!((before.rows.len(), old.page(look("nowhere")).await.unwrap().rows.len()), (1, 0));
    database.sql(BEFORE_DEVICE_NAMES);
    // Somebody was killed while making these two.
    database.sql(
        "CREATE INDEX request_device_2 ON request (body);
         CREATE UNIQUE INDEX ticket_standing_of ON ticket (id);
         UPDATE pg_index SET indisvalid = FALSE
         WHERE indexrelid IN ('request_device_2'::regclass, 'ticket_standing_of'::regclass)",
    );
    let ticket = steps(2);
    let (one, other, written) = tokio::join!(open(&database), open(&database), old.commit(ticket.clone()));
    assert_eq!(written, Ok(vec![Committed::Done; ticket.len()]));
    for store in [one, other] {
        assert_eq!(store.page(look(&name)).await.unwrap().rows.len(), 2);
    }
    let indexes =
        "SELECT count(*), bool_and(indisvalid), bool_or(indisprimary AND indnatts = 3) FROM pg_index
        WHERE indexrelid::regclass::text IN
            ('request_device_1', 'request_device_2', 'request_device_3', 'request_device_4', 'ticket_pkey')";
    assert_eq!(database.sql(indexes), "5|t|t");
    assert!(!database.sql("SELECT pg_get_indexdef('request_device_2'::regclass)").contains("body"));
}

/// What a list shows of one ticket, in the words of the database.
fn listed(database: &Database) -> String {
    database.sql(
        "SELECT standing, changed_at, submitted_at, service_id, told, grams, standing_of = version
        FROM ticket JOIN request ON ticket = ticket.id",
    )
}

#[tokio::test]
async fn what_a_process_of_before_writes_beside_is_put_right_in_lists_and_what_is_spoilt_keeps_nothing_up() {
    let database = Database::create();
    let store = open(&database).await;
    store.commit(steps(2)).await.unwrap();
    let right = listed(&database);
    let stale = "UPDATE ticket SET standing = -1, changed_at = 0, standing_of = standing_of - 1;
        UPDATE request SET submitted_at = 0, service_id = '', told = '', grams = '{}'";
    // One that can't be read stands in front of it.
    database.sql(&format!(
        "INSERT INTO ticket (id, version, relocation_status, disposition, locked, body, held_back)
         VALUES ('{}', 1, 'requested', 'open', FALSE, 'spoilt', FALSE);",
        id(1),
    ));
    // Twice: a process of before goes on writing.
    for _ in 0..2 {
        database.sql(stale);
        assert_ne!(listed(&database), right);
        let mended = async {
            while listed(&database) != right {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), mended).await.unwrap();
    }
    assert_eq!(database.sql("SELECT count(*) FROM ticket WHERE standing_of <> version"), "0");
    let page = store.page(Look::default()).await.unwrap();
    assert!(page.rows.iter().any(|row| row.id() == id(2)), "{page:?}");
}

#[tokio::test]
async fn after_a_restore_on_another_server_what_is_committed_comes_after_all_there_was() {
    let database = Database::create();
    let store = open(&database).await;
    store.commit(steps(1)[..2].to_vec()).await.unwrap();
    let position = settled(&store, Mark::before(0), 2).await.pop().unwrap();
    let webhook = Webhook {
        token: None,
        id: WebhookId(id(9).0),
        url: "https://listener.example".to_owned(),
        secret: Secret("secret".to_owned()),
        format: Format::Rehome,
        query: String::new(),
        by: "someone".to_owned(),
        at: Timestamp::UNIX_EPOCH,
    };
    // It may have been told further than to any entry.
    let told = Mark::before(position.commit + 2_000_000_000_000);
    store.subscribe(webhook, Standing::new(told, Timestamp::UNIX_EPOCH)).await.unwrap();
    drop(store);
    // The server that the dump is of had counted further.
    database.sql("UPDATE journal SET commit = commit + 1000000000000");

    let mut bases = Vec::new();
    for step in 2..4 {
        let starting = [open(&database).await, open(&database).await];
        let [store, other] = &starting;
        let before = settled(store, Mark::before(0), step).await;
        let end = store.end().await.unwrap();
        assert!(before.iter().all(|mark| *mark < end) && told < end, "{before:?} {end:?}");
        store.commit(vec![steps(1)[step].clone()]).await.unwrap();
        let new = settled(other, told.max(before[step - 1]), 1).await;
        assert_eq!(new[0].seq, steps(1)[step].entry.seq, "a webhook is told on");
        // A place that somebody was told of after the dump was made.
        let since_the_dump = Mark::before(told.commit + 1_000_000);
        let missed = settled(other, since_the_dump, step - 1).await;
        assert_eq!(missed.last(), new.last(), "whoever remembers it misses nothing");
        bases.push(database.sql("SELECT rehome_commit_base()"));
    }
    assert!(bases[0] != "0" && bases[0] == bases[1], "{bases:?}");
}

#[tokio::test]
async fn what_an_open_transaction_holds_back_is_told_with_how_long_and_no_longer_when_it_has_ended() {
    let database = Database::create();
    let store = open(&database).await;
    let elsewhere = Database::create();
    let holder = elsewhere.keep_open("SELECT pg_current_xact_id()");
    assert_eq!(store.held_up().await.unwrap(), Duration::ZERO, "nothing was committed yet");
    store.commit(steps(1)).await.unwrap();
    assert!(store.held_up().await.unwrap() > Duration::ZERO);
    assert_eq!(store.after(Mark::before(0), 9).await.unwrap(), []);
    drop(holder);
    settled(&store, Mark::before(0), steps(1).len()).await;
    assert_eq!(store.held_up().await.unwrap(), Duration::ZERO);
}

/// The entries after a place once so many are settled: a transaction in another database of the server holds them back.
async fn settled(store: &Postgres, after: Mark, count: usize) -> Vec<Mark> {
    let read = async {
        loop {
            let marks = store.after(after, 99).await.unwrap();
            if marks.len() >= count {
                return marks;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), read).await.unwrap()
}
