//! Nothing acknowledged is lost when the process is killed at any instant.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use rehome_domain::{
    id::WorkOrderId,
    journal::replay,
    order::Layer,
    ports::{Admission, Committed, Conclusion, FenceStore, Loaded, Part, TicketStore},
    reply::{Outcome, Report},
};
use rehome_store::{Options, Sqlite};
use tempfile::TempDir;

use crate::steps::{id, steps};

/// Tells the child where its database is, and from which relocation on to write.
const DATABASE: &str = "REHOME_CRASH_DATABASE";
const FROM: &str = "REHOME_CRASH_FROM";
/// Writers at once in the child, so that the kill hits batches.
const WRITERS: u64 = 16;
/// The child is killed after so many acknowledgements, another number each time.
const KILLS: [usize; 4] = [1, 97, 400, 1203];

fn concluded(n: u64) -> (WorkOrderId, Report) {
    let order = WorkOrderId { relocation: id(n), seq: 1, index: 0 };
    (order, Report::Reserve { outcome: Outcome::Done, rollback: None })
}

/// What is killed: it writes relocations until then, and says on its output what has been acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child that `nothing_acknowledged_is_lost_when_the_process_is_killed` kills"]
async fn child() {
    let Ok(path) = std::env::var(DATABASE) else { return };
    let from: u64 = std::env::var(FROM).unwrap().parse().unwrap();
    let store = Sqlite::open(Path::new(&path), &Options::default()).unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in (from + writer..).step_by(usize::try_from(WRITERS).unwrap()) {
                for step in steps(n) {
                    let seq = step.entry.seq;
                    assert_eq!(store.commit(vec![step]).await.unwrap(), [Committed::Done]);
                    writeln!(std::io::stdout(), "ack {n} {seq}").unwrap();
                }
                let (order, report) = concluded(n);
                let concluded = store.conclude(Layer::L3, order, Part::Order, report).await;
                assert_eq!(concluded, Ok(Conclusion::Remembered));
                writeln!(std::io::stdout(), "ack {n} 7").unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

fn spawn(path: &Path, from: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(DATABASE, path)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets a child write until it has acknowledged so much, kills it, and takes down all it had said by then.
fn run_and_kill(path: &Path, from: u64, after: usize, acknowledged: &mut HashMap<u64, u64>) {
    let mut child = spawn(path, from);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (mut heard, mut line) = (0, String::new());
    while output.read_line(&mut line).unwrap() > 0 {
        // The last line may be half a line.
        if let Some(ack) = line.strip_prefix("ack ").and_then(|line| line.strip_suffix('\n')) {
            let (n, seq) = ack.split_once(' ').unwrap();
            acknowledged.insert(n.parse().unwrap(), seq.parse().unwrap());
            heard += 1;
            if heard == after {
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    assert!(heard >= after, "the child ended by itself after {heard} acknowledgements");
    child.wait().unwrap();
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("rehome.db");
    let mut acknowledged = HashMap::new();
    for (from, kill) in (0..).step_by(1_000_000).zip(KILLS) {
        run_and_kill(&path, from, kill, &mut acknowledged);
        let store = Sqlite::open(&path, &Options::default()).unwrap();
        for (n, seq) in &acknowledged {
            let journal: Vec<_> =
                store.journal(id(*n)).await.unwrap().into_iter().map(Result::unwrap).collect();
            let written = journal.len() as u64;
            assert!(
                written >= (*seq).min(6),
                "relocation {n}: {written} of {seq} acknowledged steps are there"
            );
            let ticket = replay(&journal).unwrap();
            assert_eq!(store.load(vec![id(*n)]).await.unwrap(), [Loaded::Ticket(Box::new(ticket))]);
            if *seq == 7 {
                let (order, report) = concluded(*n);
                assert_eq!(
                    store.admit(Layer::L3, order, Part::Order).await.unwrap(),
                    Admission::Concluded(report)
                );
            }
        }
        drop(store);
        let check: String = rusqlite::Connection::open(&path)
            .unwrap()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
    }
}
