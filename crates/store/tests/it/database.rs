//! The file: opening, damage, other schemas, reading beside a writer, and the bare writer.

use std::{path::PathBuf, sync::Arc, time::Duration};

use jiff::SignedDuration;
use rehome_domain::{
    board::{Filter, Look, Order, SortBy},
    id::WorkOrderId,
    order::Layer,
    ports::{
        Admission, Board, Committed, DeviceMemory, Edit, FenceStore, Holding, Loaded, Part, StoreError,
        TicketStore, Unreadable,
    },
    reply::{Outcome, Presence, Report},
};
use rehome_store::{OpenError, Options, Shape, Sqlite, bare};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::steps::{id, steps};

struct Place {
    _dir: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        Self { path: dir.path().join("rehome.db"), _dir: dir }
    }

    fn open(&self) -> Arc<Sqlite> {
        Sqlite::open(&self.path, &Options::default()).unwrap()
    }

    /// What somebody does to the file behind the store's back.
    fn tamper(&self, sql: &str) {
        let db = Connection::open(&self.path).unwrap();
        assert!(db.execute(sql, []).unwrap() > 0, "nothing was tampered with: {sql}");
    }
}

fn order(n: u64) -> WorkOrderId {
    WorkOrderId { relocation: id(n), seq: 1, index: 0 }
}

fn reserved() -> Report {
    Report::Reserve { outcome: Outcome::Done, rollback: None }
}

fn put(n: u64) -> Edit {
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
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.commit(steps(1)).await.unwrap(), vec![Committed::Done; 6]);
    store.admit(Layer::L3, order(1), Part::Order).await.unwrap();
    store.conclude(Layer::L3, order(1), Part::Order, reserved()).await.unwrap();
    store.edit(Layer::L3, vec![put(1)]).await.unwrap();
    store.quarantine(id(2), "because".to_owned()).await.unwrap();
    drop(store);

    let store = place.open();
    let journal: Vec<_> = store.journal(id(1)).await.unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(
        journal.iter().collect::<Vec<_>>(),
        steps(1).iter().map(|step| &*step.entry).collect::<Vec<_>>()
    );
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
async fn a_damaged_row_spoils_its_own_ticket_and_no_other() {
    let damages = [
        ("UPDATE ticket SET body = '{\"v\":1,' WHERE number = 1", "its ticket can't be read: "),
        ("UPDATE ticket SET body = '' WHERE number = 1", "its ticket can't be read: "),
        ("UPDATE ticket SET body = x'ff00fe' WHERE number = 1", "its ticket can't be read: "),
        ("UPDATE request SET body = 'gone' WHERE ticket = 1", "its ticket can't be read: "),
        ("DELETE FROM request WHERE ticket = 1", "its ticket can't be read: "),
        ("UPDATE ticket SET standing = -7 WHERE number = 1", ""),
        (
            "UPDATE ticket SET body = replace(body, '\"v\":1', '\"v\":3') WHERE number = 1",
            "its ticket has version 3, this binary reads up to 2: start the newer one",
        ),
        (
            "UPDATE ticket SET body = '{\"v\":3,\"form\":\"new\"}' WHERE number = 1",
            "its ticket has version 3, this binary reads up to 2: start the newer one",
        ),
    ];
    for (damage, reason) in damages {
        let place = Place::new();
        let store = place.open();
        store.commit(steps(1)[..2].to_vec()).await.unwrap();
        store.commit(steps(2)[..2].to_vec()).await.unwrap();
        place.tamper(damage);
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
    let place = Place::new();
    let store = place.open();
    store.commit(steps(1)[..3].to_vec()).await.unwrap();
    place.tamper("UPDATE journal SET body = '{\"v\":1}' WHERE seq = 2");
    let journal = store.journal(id(1)).await.unwrap();
    assert_eq!(journal[0].as_ref(), Ok(&*steps(1)[0].entry));
    let Err(Unreadable::Spoilt(why)) = &journal[1] else { unreachable!("{journal:?}") };
    assert!(why.starts_with("entry 2 can't be read: "), "{why}");
    assert_eq!(journal[2].as_ref(), Ok(&*steps(1)[2].entry));
    let caused = store.caused(vec![(id(1), steps(1)[1].entry.cause.clone())]).await;
    assert_eq!(caused, Ok(vec![Some(journal[1].clone())]));
    let again = store.commit(vec![steps(1)[1].clone()]).await.unwrap();
    assert_eq!(again, [Committed::Seen], "that it is journaled is still known");
}

#[tokio::test]
async fn an_entry_of_a_newer_binary_is_told_from_a_damaged_one() {
    for (change, how) in [
        ("replace(body, '\"v\":1,', '\"v\":3,')", "in words that can be read"),
        ("'{\"v\":3,\"form\":\"new\"}'", "in words that can't"),
    ] {
        let place = Place::new();
        let store = place.open();
        store.commit(steps(1)[..3].to_vec()).await.unwrap();
        place.tamper(&format!("UPDATE journal SET body = {change} WHERE seq = 2"));
        let newer = Unreadable::Newer { what: "entry 2".to_owned(), found: 3, known: 2 };
        assert_eq!(store.journal(id(1)).await.unwrap()[1], Err(newer.clone()), "{how}");
        let causes = [1, 0].map(|step: usize| (id(1), steps(1)[step].entry.cause.clone()));
        let caused = store.caused(causes.to_vec()).await.unwrap();
        assert_eq!(caused, [Some(Err(newer)), Some(Ok(steps(1)[0].entry.as_ref().clone()))], "{how}");
    }
}

#[tokio::test]
async fn a_damaged_column_of_a_journal_spoils_its_own_entry_and_no_other() {
    for damage in
        ["UPDATE journal SET cause = x'fffe' WHERE seq = 2", "UPDATE journal SET seq = 'two' WHERE seq = 2"]
    {
        let place = Place::new();
        let store = place.open();
        store.commit(steps(1)[..3].to_vec()).await.unwrap();
        place.tamper(damage);
        let journal = store.journal(id(1)).await.unwrap();
        let whole = journal.iter().filter(|entry| {
            let written = steps(1)[..3].iter().map(|step| step.entry.clone()).collect::<Vec<_>>();
            entry.as_ref().is_ok_and(|entry| written.iter().any(|written| **written == *entry))
        });
        assert_eq!((journal.len(), whole.count()), (3, 2), "{damage}");
    }
}

#[tokio::test]
async fn a_damaged_column_of_a_ticket_or_of_the_quarantine_spoils_its_own_ticket_and_no_other() {
    for damage in
        ["UPDATE ticket SET version = 'many' WHERE number = 1", "UPDATE quarantine SET reason = x'fffe'"]
    {
        let place = Place::new();
        let store = place.open();
        store.commit(steps(1)[..2].to_vec()).await.unwrap();
        store.commit(steps(2)[..2].to_vec()).await.unwrap();
        if damage.contains("quarantine") {
            store.quarantine(id(1), "because".to_owned()).await.unwrap();
        }
        place.tamper(damage);
        let page = store.open_tickets(None, 9).await.unwrap();
        assert!(matches!(page[0].1, Loaded::Unreadable(_)), "{damage}: {page:?}");
        assert!(matches!(page[1].1, Loaded::Ticket(_)), "{damage}: {page:?}");
        store.quarantined().await.unwrap();
    }
}

#[tokio::test]
async fn a_holding_in_another_binarys_words_is_still_the_one_expected() {
    let place = Place::new();
    let store = place.open();
    store.edit(Layer::L3, vec![put(1)]).await.unwrap();
    place.tamper("UPDATE holding SET body = replace(body, ',', ' , ')");
    let Edit { spot, put, .. } = put(1);
    assert_eq!(store.edit(Layer::L3, vec![Edit { spot, expect: put, put: None }]).await, Ok(true));
}

#[test]
fn a_database_of_a_newer_binary_is_refused_and_left_alone() {
    let place = Place::new();
    drop(place.open());
    Connection::open(&place.path).unwrap().pragma_update(None, "user_version", 7).unwrap();
    let error = Sqlite::open(&place.path, &Options::default()).err().unwrap();
    let expected = format!(
        "the database {} has schema 7, this binary knows up to 5: start the newer one",
        place.path.display()
    );
    assert_eq!(error.to_string(), expected);
    assert!(matches!(Sqlite::open_read_only(&place.path), Err(OpenError::Newer { database: 7, .. })));
    let version: i64 = Connection::open(&place.path)
        .unwrap()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 7);
}

#[test]
fn what_is_no_database_is_told_so() {
    let place = Place::new();
    std::fs::write(&place.path, "dear diary, today I moved a circuit".repeat(99)).unwrap();
    assert!(matches!(Sqlite::open(&place.path, &Options::default()), Err(OpenError::Failed { .. })));
    let nowhere = place.path.join("no/such/directory.db");
    assert!(matches!(Sqlite::open(&nowhere, &Options::default()), Err(OpenError::Failed { .. })));
    assert!(matches!(Sqlite::open_read_only(&nowhere), Err(OpenError::Failed { .. })));
}

#[tokio::test]
async fn a_store_opened_to_read_sees_what_another_writes_and_writes_nothing() {
    let place = Place::new();
    let nothing = Sqlite::open_read_only(&place.path).err().unwrap();
    assert!(matches!(nothing, OpenError::Failed { .. }), "it does not make a database: {nothing}");
    std::fs::write(&place.path, "").unwrap();
    assert!(matches!(Sqlite::open_read_only(&place.path), Err(OpenError::Older { database: 0, .. })));

    let writing = place.open();
    let looking = Sqlite::open_read_only(&place.path).unwrap();
    for step in steps(1) {
        writing.commit(vec![step.clone()]).await.unwrap();
        assert_eq!(
            looking.load(vec![id(1)]).await,
            Ok(vec![Loaded::Ticket(Box::new(step.ticket.as_ref().clone()))])
        );
    }
    let refused = looking.commit(steps(2)).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the store failed at committing steps: the store was opened to read only"
    );
    drop(writing);
    assert_eq!(looking.journal(id(1)).await.unwrap().len(), 6, "also when nobody else is there");
    drop(looking);
    assert_eq!(Sqlite::open_read_only(&place.path).unwrap().journal(id(1)).await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_closed_store_has_written_everything_and_takes_no_more() {
    let place = Place::new();
    let store = place.open();
    let writes: Vec<_> = (0..200)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.commit(steps(n)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await;
    assert_eq!(store.commit(steps(1000)).await, Err(StoreError::Closed));
    store.close().await;
    for (n, write) in (0..).zip(writes) {
        match write.await.unwrap() {
            Ok(answers) => assert_eq!(answers, vec![Committed::Done; 6]),
            Err(error) => assert_eq!(error, StoreError::Closed),
        }
        let acknowledged = store.journal(id(n)).await.unwrap().len();
        assert!(acknowledged == 6 || acknowledged == 0);
    }
}

#[tokio::test]
async fn the_bare_writer_writes_the_same_rows_as_the_store() {
    let tables = ["ticket", "request", "journal", "resource_lock", "fence", "holding"];
    let content = |place: &Place, table: &str| -> Vec<String> {
        let db = Connection::open(&place.path).unwrap();
        let mut all = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = all.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            Ok(format!("{:?}", (0..columns).map(|n| row.get_ref(n)).collect::<Vec<_>>()))
        };
        all.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let (through, bare) = (Place::new(), Place::new());

    let options = Options { record_shapes: true, ..Options::default() };
    let store = Sqlite::open(&through.path, &options).unwrap();
    store.commit(steps(1)[..3].to_vec()).await.unwrap();
    store.admit(Layer::L3, order(1), Part::Order).await.unwrap();
    store.conclude(Layer::L3, order(1), Part::Order, reserved()).await.unwrap();
    store.edit(Layer::L3, vec![put(1), put(2)]).await.unwrap();
    let stats = store.stats();
    let shapes = [
        Shape { changes: 3, ..Shape::default() },
        Shape { admits: 1, ..Shape::default() },
        Shape { concludes: 1, ..Shape::default() },
        Shape { edits: 2, ..Shape::default() },
    ];
    assert_eq!((stats.shapes.as_slice(), stats.transactions, stats.requests), (&shapes[..], 4, 4));

    let requests = vec![
        bare::Request::commit(steps(1)[..3].to_vec()).unwrap(),
        bare::Request::admit(Layer::L3, order(1)),
        bare::Request::conclude(Layer::L3, order(1), &reserved()).unwrap(),
        bare::Request::edit(Layer::L3, vec![put(1), put(2)]).unwrap(),
    ];
    let rows = bare::Writer::open(&bare.path, &Options::default()).unwrap().write(requests).unwrap();
    assert_eq!(rows, stats.rows);
    assert_eq!(rows, 3 + 1 + 3 + 3 + 1 + 1 + 2, "tickets, request, entries, locks, fence twice, holdings");
    for table in tables {
        assert_eq!(content(&through, table), content(&bare, table), "{table}");
        assert!(!content(&bare, table).is_empty());
    }
}

#[tokio::test]
async fn tickets_of_before_there_were_lists_are_in_them_after_the_schema_is_brought_up() {
    let place = Place::new();
    let store = place.open();
    for n in 1..=3 {
        store.commit(steps(n)[..usize::try_from(n).unwrap() * 2].to_vec()).await.unwrap();
    }
    let by_customer = Order { by: SortBy::Customer, descending: false };
    let text = Filter { text: Some("ll-2".to_owned()), ..Filter::default() };
    let looks = [
        Look::default(),
        Look { order: by_customer, ..Look::default() },
        Look { filter: text, ..Look::default() },
    ];
    let mut before = Vec::new();
    for look in &looks {
        before.push(store.page(look.clone()).await.unwrap());
    }
    drop(store);
    let db = Connection::open(&place.path).unwrap();
    db.execute_batch(
        "DROP INDEX ticket_standing; CREATE INDEX ticket_standing ON ticket (relocation_status);
         ALTER TABLE ticket DROP COLUMN standing; ALTER TABLE ticket DROP COLUMN changed_at;
         ALTER TABLE request DROP COLUMN submitted_at; ALTER TABLE request DROP COLUMN service_id;
         ALTER TABLE request DROP COLUMN customer; ALTER TABLE request DROP COLUMN devices;
         ALTER TABLE request DROP COLUMN told; ALTER TABLE dead_letter DROP COLUMN settled;
         PRAGMA user_version = 4",
    )
    .unwrap();
    drop(db);
    let store = place.open();
    for (look, before) in looks.into_iter().zip(before) {
        assert!(!before.rows.is_empty());
        assert_eq!(store.page(look.clone()).await, Ok(before), "{look:?}");
    }
}

#[tokio::test]
async fn a_file_that_another_process_keeps_locked_is_trouble_and_what_the_file_refuses_is_not() {
    let place = Place::new();
    let options = Options { busy_timeout: Duration::from_millis(20), ..Options::default() };
    let store = Sqlite::open(&place.path, &options).unwrap();
    let commit = || store.commit(vec![steps(1)[0].clone()]);
    let other = Connection::open(&place.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(commit().await, Err(StoreError::Failed { .. })));
    other.execute_batch("ROLLBACK").unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON ticket
             BEGIN SELECT raise(ABORT, 'as the test wants it'); END",
        )
        .unwrap();
    let refused = commit().await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    other.execute_batch("DROP TRIGGER refuse").unwrap();
    assert_eq!(commit().await, Ok(vec![Committed::Done]));
}
