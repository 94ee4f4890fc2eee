//! A work order that takes longer than the broker lets a consumer keep a message.

use rehome_domain::{journal::Note, ports::TicketStore};
use rehome_store::{Options, Sqlite};
use rehome_testkit::broker::Node;

use crate::running::{Left, Said, run, the_machine, write_sheet};

/// The broker's patience with a consumer, which it looks at this often.
const CONSUMER_TIMEOUT_MS: u32 = 3000;
/// An operation takes more than twice as long, so that its order comes again at least twice while it is under way.
const OPERATION_MS: u32 = 8000;

#[test]
fn an_order_longer_than_the_brokers_consumer_timeout_has_one_effect_and_one_conclusion_and_is_not_lost() {
    let _alone = the_machine();
    let node = Node::start_impatient(CONSUMER_TIMEOUT_MS);
    let vhost = node.vhost();
    let dir = tempfile::tempdir().unwrap();
    let (sheet, plan) = (dir.path().join("sheet.csv"), dir.path().join("slow.toml"));
    write_sheet(&sheet, 3);
    let slow = format!(
        "seed = 1\n[[fault]]\nlayer = \"l3\"\norder = \"reserve\"\nwhat = \"slow\"\ndelay_ms = {OPERATION_MS}\n"
    );
    std::fs::write(&plan, slow).unwrap();
    let mut command = run(&sheet, dir.path(), Some(&plan));
    command.env("REHOME__BUS__KIND", "amqp").env("REHOME__AMQP__URL", vhost.url());
    for stage in ["RESERVE", "CUTOVER", "ROLLBACK", "INSPECT"] {
        command.env(format!("REHOME__DEADLINES__{stage}_MS"), "120000");
    }
    let said = Said::of(command.env("RUST_LOG", "warn").stderr(std::process::Stdio::piped()));
    said.json(0);
    let timed_out = said.stderr.matches("delivery acknowledgement on channel").count();
    assert!(timed_out >= 2, "the broker took the order back {timed_out} times:\n{}", said.stderr);

    let left = Left::in_dir(dir.path());
    assert_eq!((left.tickets.len(), left.discrepancies, left.not_replayed), (3, Vec::new(), Vec::new()));
    // Its report was said once to each ticket: what had come again was not carried out again, nor answered again.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Sqlite::open(&dir.path().join(rehome::app::DATABASE), &Options::default()).unwrap();
        for ticket in left.tickets.values() {
            for entry in store.journal(ticket.id).await.unwrap() {
                let note = entry.unwrap().note;
                assert!(!matches!(note, Some(Note::Duplicate | Note::Late | Note::Unfit)), "{note:?}");
            }
            assert!(store.dead_letters(10).await.unwrap().is_empty());
        }
    });
}
