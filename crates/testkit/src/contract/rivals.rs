//! The contract of a [`TicketStore`] that several processes have open at once.

use std::{
    collections::{HashMap, HashSet, hash_map},
    sync::Arc,
};

use jiff::SignedDuration;
use rehome_domain::{
    command::CommandKind,
    id::RelocationId,
    journal::{Entry, replay},
    order::Layer,
    ports::{Change, Committed, Loaded, TicketStore},
    request::Request,
    ticket::Ticket,
};

use super::{
    Case, Dice, cases,
    model::random,
    relocation::{Relocation, id, own},
};

type Store = Arc<dyn TicketStore>;

/// One store, as two processes have it open.
pub struct Rivals(pub [Store; 2]);

/// What a store must do for several processes.
pub const CASES: &[Case<Rivals>] = cases![
    of_two_batches_that_want_the_same_targets_one_gets_each,
    one_submission_that_comes_to_both_is_journaled_once,
    a_step_that_builds_on_one_that_was_not_committed_is_stale_whoever_took_its_place,
    random_batches_of_both_leave_whole_journals_and_no_target_held_twice,
    claimers_of_both_never_get_the_same_ticket,
];

/// Both at once.
async fn both<T: Send + 'static>(jobs: [impl Future<Output = T> + Send + 'static; 2]) -> [T; 2] {
    let [one, two] = jobs.map(tokio::spawn);
    [one.await.unwrap(), two.await.unwrap()]
}

const ROUNDS: u16 = 40;
const TARGETS: u16 = 8;

/// A side's submissions of a round, one for each target. Each side goes through the targets the other way round:
/// whoever locks as it is asked will wait in a circle.
fn submissions(round: u16, side: u16) -> Vec<(Relocation, Change)> {
    let of = |target| {
        let n = (round * 2 + side) * TARGETS + target;
        Relocation::submitted(n, Request { hold: true, ..own(target) })
    };
    if side == 0 { (0..TARGETS).map(of).collect() } else { (0..TARGETS).rev().map(of).collect() }
}

async fn of_two_batches_that_want_the_same_targets_one_gets_each(rivals: Arc<Rivals>) {
    let mut holders: Vec<(usize, Relocation)> = Vec::new();
    for round in 0..ROUNDS {
        let submitted = [0, 1].map(|side| submissions(round, side));
        // Whoever has a target gives it back in front of its own next submissions.
        let freed: HashSet<RelocationId> = holders.iter().map(|(_, it)| it.id).collect();
        let freeing = [0, 1].map(|side| {
            let mine = holders.iter_mut().filter(|(whose, _)| *whose == side);
            mine.map(|(_, it)| it.command(CommandKind::Cancel)).collect::<Vec<_>>()
        });
        let batches = [0, 1].map(|side: usize| {
            let submissions = submitted[side].iter().map(|(_, change)| change.clone());
            let batch: Vec<_> = freeing[side].iter().cloned().chain(submissions).collect();
            let store = Arc::clone(&rivals.0[side]);
            async move { store.commit(batch).await.unwrap() }
        });
        let answers = both(batches).await;

        holders.clear();
        let mut taken: HashMap<String, RelocationId> = HashMap::new();
        let mut lost: Vec<(String, RelocationId)> = Vec::new();
        for (side, answers) in answers.iter().enumerate() {
            let (cancels, submissions) = answers.split_at(freeing[side].len());
            assert!(cancels.iter().all(|answer| *answer == Committed::Done), "{cancels:?}");
            for ((it, change), answer) in submitted[side].iter().zip(submissions) {
                let [target, ..] = change.ticket.request.resources();
                match answer {
                    Committed::Done => {
                        assert_eq!(taken.insert(target, it.id), None, "one target was given twice");
                        holders.push((side, it.clone()));
                    }
                    Committed::Held(by) => lost.push((target, *by)),
                    other => unreachable!("a new submission is {other:?}"),
                }
            }
        }
        assert_eq!(holders.len(), usize::from(TARGETS), "every target was there to be had");
        for (target, by) in lost {
            // Whoever came first may have met the holder of the round before, which had not given back yet.
            let held = taken.get(&target) == Some(&by) || freed.contains(&by);
            assert!(held, "{target} is said to be held by {by}");
        }
    }
}

async fn one_submission_that_comes_to_both_is_journaled_once(rivals: Arc<Rivals>) {
    for round in 0..ROUNDS {
        let batch: Vec<_> = (0..TARGETS)
            .map(|n| Relocation::submitted(round * TARGETS + n, own(round * TARGETS + n)).1)
            .collect();
        let batches = [0, 1].map(|side| {
            let (store, mut batch) = (Arc::clone(&rivals.0[side]), batch.clone());
            if side == 1 {
                batch.reverse();
            }
            async move { store.commit(batch).await.unwrap() }
        });
        let [one, mut two] = both(batches).await;
        two.reverse();
        for pair in one.iter().zip(&two) {
            assert!(
                matches!(pair, (Committed::Done, Committed::Seen) | (Committed::Seen, Committed::Done)),
                "one does it, the other sees it: {pair:?}"
            );
        }
    }
}

async fn a_step_that_builds_on_one_that_was_not_committed_is_stale_whoever_took_its_place(
    rivals: Arc<Rivals>,
) {
    let [ours, theirs] = &rivals.0;
    let (it, submission) = Relocation::submitted(1, own(1));
    assert_eq!(ours.commit(vec![submission.clone()]).await, Ok(vec![Committed::Done]));
    // They make the second step; we have made our own, and a third over it.
    let mut their = Relocation { branch: "theirs", ..it.clone() };
    let second = their.outcome(Layer::L3, false);
    assert_eq!(theirs.commit(vec![second.clone()]).await, Ok(vec![Committed::Done]));
    let mut our = it.clone();
    let batch = vec![our.outcome(Layer::L3, true), our.outcome(Layer::L2, true)];
    assert_eq!(ours.commit(batch).await, Ok(vec![Committed::Stale; 2]));

    // Their message comes to us as well, later: our step is not the one that is journaled.
    let mut later = Relocation { ticket: Some(submission.ticket), ..their.clone() };
    let again = later.outcome(Layer::L3, false);
    assert_eq!(again.entry.cause, second.entry.cause);
    assert_ne!(again.entry, second.entry);
    let batch = vec![again, later.outcome(Layer::L2, true)];
    assert_eq!(ours.commit(batch).await, Ok(vec![Committed::Seen, Committed::Stale]));
    assert_eq!(
        whole_journal(ours, it.id).await,
        [submission.entry.as_ref().clone(), second.entry.as_ref().clone()]
    );
}

/// Tasks on each side, the batches each commits, and how many tickets they quarrel about at a time.
const TASKS: u64 = 2;
const BATCHES: usize = 120;
const MANY: u16 = 6;
/// Rounds of that, until so many times one has been told that another holds its target.
const ROUNDS_AT_MOST: usize = 10;
const ENOUGH_HELD: usize = 20;

/// What was asked, and what came of it.
type Told = Vec<(Change, Committed)>;

async fn random_batches_of_both_leave_whole_journals_and_no_target_held_twice(rivals: Arc<Rivals>) {
    let mut told = Told::new();
    // Who comes first is chance.
    for round in 0..ROUNDS_AT_MOST {
        told.extend(quarrels(&rivals, round).await);
        if held(&told) > ENOUGH_HELD {
            break;
        }
    }

    let mut done: HashMap<(RelocationId, u64), &Entry> = HashMap::new();
    for (change, answer) in &told {
        if *answer == Committed::Done {
            let key = (change.ticket.id, change.entry.seq);
            assert!(done.insert(key, &change.entry).is_none(), "two were told that they had made {key:?}");
        }
    }
    let store = &rivals.0[0];
    let mut journaled = 0;
    for (ticket, loaded) in store.all_tickets(None, usize::MAX).await.unwrap() {
        let journal = whole_journal(store, ticket).await;
        assert_eq!(Loaded::Ticket(Box::new(replay(&journal).unwrap())), loaded, "a gap, or a lost step");
        for entry in &journal {
            assert_eq!(done.get(&(ticket, entry.seq)), Some(&entry), "what is journaled was told to be done");
        }
        journaled += journal.len();
        let causes: HashSet<_> = journal.iter().map(|entry| &entry.cause).collect();
        for (change, _) in
            told.iter().filter(|(change, told)| change.ticket.id == ticket && *told == Committed::Seen)
        {
            assert!(causes.contains(&change.entry.cause), "it was said to have been seen");
        }
    }
    assert_eq!(journaled, done.len(), "what was told to be done is journaled");
    let held = held(&told);
    assert!(
        held > ENOUGH_HELD && done.len() > 200,
        "too little to mean anything: {} done, {held} held",
        done.len()
    );
}

fn held(told: &Told) -> usize {
    told.iter().filter(|(_, told)| matches!(told, Committed::Held(_))).count()
}

/// Both sides at once, over tickets of this round's own.
async fn quarrels(rivals: &Rivals, round: usize) -> Told {
    let sides = [0_u64, 1].map(|side| {
        let store = Arc::clone(&rivals.0[usize::try_from(side).unwrap()]);
        async move {
            let quarrel = |task| tokio::spawn(quarrel(Arc::clone(&store), round, 1 + side * TASKS + task));
            let running: Vec<_> = (0..TASKS).map(quarrel).collect();
            let mut told = Told::new();
            for task in running {
                told.extend(task.await.unwrap());
            }
            told
        }
    });
    both(sides).await.concat()
}

async fn whole_journal(store: &Store, ticket: RelocationId) -> Vec<Entry> {
    store.journal(ticket).await.unwrap().into_iter().map(Result::unwrap).collect()
}

/// Commits random batches over tickets that others move too.
async fn quarrel(store: Store, round: usize, seed: u64) -> Told {
    let mut dice = Dice(0x5EED * seed + u64::try_from(round).unwrap());
    let mut told = Told::new();
    for batch in round * BATCHES..(round + 1) * BATCHES {
        // Closed tickets are left behind.
        let first = u16::try_from(batch / 6).unwrap();
        let mut known: HashMap<u16, (Option<Arc<Ticket>>, Vec<Entry>)> = HashMap::new();
        let mut changes = Vec::new();
        for _ in 0..=dice.roll(5) {
            let n = first + u16::try_from(dice.roll(usize::from(MANY))).unwrap();
            // Several want the same one, but not what those left behind may still hold.
            let target = n / 8 * 4 + n % 4;
            let (ticket, journal) = match known.entry(n) {
                hash_map::Entry::Occupied(known) => known.into_mut(),
                hash_map::Entry::Vacant(unknown) => {
                    let journal = whole_journal(&store, id(n)).await;
                    let ticket = (!journal.is_empty()).then(|| Arc::new(replay(&journal).unwrap()));
                    unknown.insert((ticket, journal))
                }
            };
            if let Some(change) = random(&mut dice, (n, target), ticket.as_ref(), journal) {
                // The next one of this ticket builds on it.
                *ticket = Some(Arc::clone(&change.ticket));
                changes.push(change);
            }
        }
        let answers = store.commit(changes.clone()).await.unwrap();
        told.extend(changes.into_iter().zip(answers));
        no_target_is_held_twice(&store).await;
    }
    told
}

async fn no_target_is_held_twice(store: &Store) {
    let mut holders = HashMap::new();
    for (ticket, loaded) in store.open_tickets(None, usize::MAX).await.unwrap() {
        let Loaded::Ticket(whole) = loaded else { unreachable!("{loaded:?}") };
        for resource in whole.request.resources().into_iter().filter(|_| whole.state.needs_lock()) {
            let other = holders.insert(resource, ticket);
            assert_eq!(other, None, "held by {ticket} as well");
        }
    }
}

async fn claimers_of_both_never_get_the_same_ticket(rivals: Arc<Rivals>) {
    const TICKETS: u16 = 60;
    let submissions: Vec<_> = (0..TICKETS).map(|n| Relocation::submitted(n, own(n)).1).collect();
    let now = submissions[0].ticket.due().unwrap() + SignedDuration::from_mins(1);
    let answers = rivals.0[0].commit(submissions).await.unwrap();
    assert!(answers.iter().all(|answer| *answer == Committed::Done));
    let claimers: Vec<_> = (0..10)
        .map(|n| {
            let store = Arc::clone(&rivals.0[n % 2]);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claimed = store.claim_due(now, SignedDuration::from_mins(1), 3).await.unwrap();
                    if claimed.is_empty() {
                        return mine;
                    }
                    mine.extend(claimed.into_iter().map(|(id, _)| id));
                }
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for claimer in claimers {
        claimed.extend(claimer.await.unwrap());
    }
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), claimed.len(), "none twice");
    assert_eq!(claimed.len(), usize::from(TICKETS), "and every one");
}
