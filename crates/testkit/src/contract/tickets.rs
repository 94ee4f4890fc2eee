//! The contract of [`TicketStore`].

use std::{collections::HashSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    command::{By, CommandKind},
    id::{MessageId, RelocationId},
    journal::replay,
    order::Layer,
    ports::{Change, Committed, DeadLetter, Loaded, TicketStore, Unreadable},
    request::Request,
    ticket::Ticket,
    trace::Trace,
};

use super::{
    Case, cases,
    model::random_batches_do_what_the_model_does,
    relocation::{Relocation, id, own},
};
use crate::history::{START, command, windowed_request};

type Store = Arc<dyn TicketStore>;

/// What every [`TicketStore`] must do.
pub const CASES: &[Case<dyn TicketStore>] = cases![
    what_is_committed_is_read_back_as_it_was,
    a_ticket_that_does_not_exist_is_missing_and_has_no_journal,
    tickets_are_loaded_in_the_order_asked,
    a_step_on_a_ticket_that_has_moved_on_is_stale_and_changes_nothing,
    of_many_steps_on_one_version_exactly_one_is_committed,
    a_message_that_is_journaled_is_seen_whatever_its_version,
    one_message_may_be_journaled_for_two_relocations,
    a_target_is_held_by_each_of_its_resources_until_it_is_given_back,
    resources_given_back_can_be_taken_again_unless_someone_else_has_them,
    one_bad_step_in_a_batch_keeps_no_other_from_being_committed,
    a_later_step_of_a_batch_builds_on_the_earlier_one,
    within_a_batch_resources_go_to_the_first_and_are_freed_at_once,
    random_batches_do_what_the_model_does,
    a_quarantined_ticket_is_unreadable_until_it_is_readmitted,
    an_id_without_a_ticket_can_be_quarantined,
    due_tickets_are_claimed_the_earliest_first,
    a_claim_lasts_for_its_lease_or_until_the_tickets_next_step,
    two_claimers_never_get_the_same_ticket,
    quarantined_and_closed_tickets_are_never_due,
    pages_go_through_open_and_all_tickets_in_order_of_id,
    tickets_are_counted_by_where_they_stand,
    a_dead_letter_is_kept_once_and_the_newest_come_first,
];

async fn commit(store: &Store, changes: &[Change]) -> Vec<Committed> {
    store.commit(changes.to_vec()).await.unwrap()
}

async fn commit_one(store: &Store, change: &Change) -> Committed {
    commit(store, std::slice::from_ref(change)).await.remove(0)
}

async fn must(store: &Store, changes: &[Change]) {
    assert_eq!(commit(store, changes).await, vec![Committed::Done; changes.len()]);
}

async fn load(store: &Store, id: RelocationId) -> Loaded {
    store.load(vec![id]).await.unwrap().remove(0)
}

fn whole(ticket: &Ticket) -> Loaded {
    Loaded::Ticket(Box::new(ticket.clone()))
}

/// That a relocation stands in the store with exactly these steps.
async fn stands(store: &Store, id: RelocationId, steps: &[Change]) {
    let last = steps.last().map_or(Loaded::Missing, |step| whole(&step.ticket));
    assert_eq!(load(store, id).await, last);
    let journal: Vec<_> = store.journal(id).await.unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(
        journal.iter().collect::<Vec<_>>(),
        steps.iter().map(|step| step.entry.as_ref()).collect::<Vec<_>>()
    );
}

// ---------------------------------------------------------------------------------------------------------------
// Reading back

async fn what_is_committed_is_read_back_as_it_was(store: Store) {
    let request = Request { vrf: Some("VPN \"7\" \\ 上海".to_owned()), ..windowed_request() };
    let (it, steps) = Relocation::smooth(1, request);
    for (count, step) in steps.iter().enumerate() {
        must(&store, std::slice::from_ref(step)).await;
        stands(&store, it.id, &steps[..=count]).await;
        let caused = store.caused(vec![(it.id, step.entry.cause.clone())]).await.unwrap();
        assert_eq!(caused, [Some(Ok(step.entry.as_ref().clone()))]);
    }
    let journal: Vec<_> = store.journal(it.id).await.unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(replay(&journal).as_ref(), Ok(it.ticket()));
}

async fn a_ticket_that_does_not_exist_is_missing_and_has_no_journal(store: Store) {
    stands(&store, id(1), &[]).await;
    assert_eq!(store.caused(vec![(id(1), MessageId("main-1".to_owned()))]).await, Ok(vec![None]));
    assert_eq!(store.caused(Vec::new()).await, Ok(Vec::new()));
    assert_eq!(store.load(Vec::new()).await, Ok(Vec::new()));
    assert_eq!(store.commit(Vec::new()).await, Ok(Vec::new()));
}

async fn tickets_are_loaded_in_the_order_asked(store: Store) {
    let (first, one) = Relocation::submitted(1, own(1));
    let (second, two) = Relocation::submitted(2, own(2));
    must(&store, &[one, two]).await;
    let loaded = store.load(vec![second.id, id(9), first.id, second.id]).await.unwrap();
    let [first, second] = [first, second].map(|it| whole(it.ticket()));
    assert_eq!(loaded, [second.clone(), Loaded::Missing, first, second]);
}

// ---------------------------------------------------------------------------------------------------------------
// Versions and messages

async fn a_step_on_a_ticket_that_has_moved_on_is_stale_and_changes_nothing(store: Store) {
    let (mut it, submission) = Relocation::submitted(1, own(1));
    let mut other = Relocation { branch: "other", ..it.clone() };
    let steps = [submission, it.outcome(Layer::L3, true), it.outcome(Layer::L2, true)];
    let too_late = other.outcome(Layer::L3, false);
    let too_early = it.command(CommandKind::DeployCutover);
    let again = Relocation { branch: "other", ..Relocation::new(1) }.submit(own(1));

    assert_eq!(commit_one(&store, &steps[1]).await, Committed::Stale, "a second step of no ticket");
    must(&store, &steps[..2]).await;
    for (bad, what) in [(&too_late, "moved on"), (&too_early, "a gap"), (&again, "submitted twice")] {
        assert_eq!(commit_one(&store, bad).await, Committed::Stale, "{what}");
        stands(&store, it.id, &steps[..2]).await;
    }
    must(&store, &steps[2..]).await;
    stands(&store, it.id, &steps).await;
}

async fn of_many_steps_on_one_version_exactly_one_is_committed(store: Store) {
    const BRANCHES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let (it, submission) = Relocation::submitted(1, own(1));
    must(&store, &[submission]).await;
    let rivals = BRANCHES.map(|branch| {
        let change = Relocation { branch, ..it.clone() }.command(CommandKind::Cancel);
        let store = Arc::clone(&store);
        tokio::spawn(async move { commit_one(&store, &change).await })
    });
    let mut answers = Vec::new();
    for rival in rivals {
        answers.push(rival.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| **answer == Committed::Done).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| **answer == Committed::Stale).count(), BRANCHES.len() - 1);
    assert_eq!(store.journal(it.id).await.unwrap().len(), 2);
}

async fn a_message_that_is_journaled_is_seen_whatever_its_version(store: Store) {
    let (mut it, submission) = Relocation::submitted(1, own(1));
    let steps = [submission, it.outcome(Layer::L3, true)];
    must(&store, &steps).await;
    for step in &steps {
        assert_eq!(commit_one(&store, step).await, Committed::Seen, "stale as well, and that comes second");
    }
    let cause = steps[0].entry.cause.clone();
    let fits = it.clone().caused(cause, command(CommandKind::Cancel)).unwrap();
    assert_eq!(commit_one(&store, &fits).await, Committed::Seen, "although its version is right");
    stands(&store, it.id, &steps).await;
    assert_eq!(commit_one(&store, &it.outcome(Layer::L2, true)).await, Committed::Done, "nothing was taken");
}

async fn one_message_may_be_journaled_for_two_relocations(store: Store) {
    let (one, first) = Relocation::submitted(1, own(1));
    let (two, second) = Relocation::submitted(2, own(2));
    assert_eq!(first.entry.cause, second.entry.cause);
    must(&store, &[first.clone(), second.clone()]).await;
    // In the order asked, twice what is asked twice, and none for a message that nobody has seen.
    let (cause, unseen) = (first.entry.cause.clone(), MessageId("unseen".to_owned()));
    let asked = [(two.id, cause.clone()), (one.id, unseen), (one.id, cause.clone()), (two.id, cause)];
    let [first, second] = [first, second].map(|step| Some(Ok(step.entry.as_ref().clone())));
    assert_eq!(store.caused(asked.to_vec()).await, Ok(vec![second.clone(), None, first, second]));
}

// ---------------------------------------------------------------------------------------------------------------
// Resources

/// Requests that each share exactly one resource with `own(1)`.
fn sharing_one() -> [Request; 3] {
    let (mine, other) = (own(1), own(2));
    let l3 = Request {
        new: rehome_domain::Place { l2_port: other.new.l2_port.clone(), ..mine.new.clone() },
        ..other.clone()
    };
    let l2 = Request {
        new: rehome_domain::Place { l3_port: other.new.l3_port.clone(), ..mine.new.clone() },
        ..other.clone()
    };
    let service = Request { service_id: mine.service_id, ..other };
    [l3, l2, service]
}

async fn a_target_is_held_by_each_of_its_resources_until_it_is_given_back(store: Store) {
    let (mut holder, submission) = Relocation::submitted(1, Request { hold: true, ..own(1) });
    must(&store, &[submission]).await;
    for (n, request) in (2..).zip(sharing_one()) {
        let (mut it, change) = Relocation::submitted(n, Request { hold: true, ..request });
        assert_eq!(commit_one(&store, &change).await, Committed::Held(holder.id));
        stands(&store, it.id, &[]).await;
        let cancelled = it.command(CommandKind::Cancel);
        assert_eq!(commit_one(&store, &cancelled).await, Committed::Stale, "there is no ticket to step");
    }
    must(&store, &[holder.command(CommandKind::Cancel)]).await;
    assert!(holder.ticket().state.is_closed());
    for (n, request) in (2..).zip(sharing_one()) {
        let (mut it, change) = Relocation::submitted(n, Request { hold: true, ..request });
        must(&store, std::slice::from_ref(&change)).await;
        must(&store, &[it.command(CommandKind::Cancel)]).await;
    }
}

async fn resources_given_back_can_be_taken_again_unless_someone_else_has_them(store: Store) {
    let (mut failed, submission) = Relocation::submitted(1, own(1));
    let mut steps = vec![
        submission,
        failed.outcome(Layer::L3, false),
        failed.outcome(Layer::L2, true),
        failed.outcome(Layer::L3, true),
    ];
    assert!(steps[0].locked && !failed.ticket().state.needs_lock(), "failed, and everything given back");
    must(&store, &steps).await;

    let (mut rival, change) = Relocation::submitted(2, own(1));
    must(&store, &[change]).await;
    let force =
        Relocation { branch: "forced too early", ..failed.clone() }.command(CommandKind::ForceReservation);
    assert!(force.locked);
    assert_eq!(commit_one(&store, &force).await, Committed::Held(rival.id));
    stands(&store, failed.id, &steps).await;

    must(
        &store,
        &[rival.outcome(Layer::L3, false), rival.outcome(Layer::L2, true), rival.outcome(Layer::L3, true)],
    )
    .await;
    steps.push(failed.command(CommandKind::ForceReservation));
    must(&store, &steps[4..]).await;
    stands(&store, failed.id, &steps).await;
    let force = rival.command(CommandKind::ForceReservation);
    assert_eq!(commit_one(&store, &force).await, Committed::Held(failed.id));
}

// ---------------------------------------------------------------------------------------------------------------
// Batches

async fn one_bad_step_in_a_batch_keeps_no_other_from_being_committed(store: Store) {
    let (mut known, submission) = Relocation::submitted(1, own(1));
    must(&store, std::slice::from_ref(&submission)).await;
    let stale = Relocation { branch: "other", ..known.clone() };
    let good = known.outcome(Layer::L3, true);
    let batch = [
        Relocation::submitted(2, own(2)).1,
        good.clone(),
        submission.clone(),
        { stale }.outcome(Layer::L3, false),
        Relocation::submitted(3, own(1)).1,
        Relocation::submitted(4, own(4)).1,
    ];
    let answers = commit(&store, &batch).await;
    let expected = [
        Committed::Done,
        Committed::Done,
        Committed::Seen,
        Committed::Stale,
        Committed::Held(known.id),
        Committed::Done,
    ];
    assert_eq!(answers, expected);
    stands(&store, known.id, &[submission, good]).await;
    stands(&store, id(2), &batch[..1]).await;
    stands(&store, id(3), &[]).await;
    stands(&store, id(4), &batch[5..]).await;
}

async fn a_later_step_of_a_batch_builds_on_the_earlier_one(store: Store) {
    let (it, steps) = Relocation::smooth(1, own(1));
    must(&store, &steps).await;
    stands(&store, it.id, &steps).await;

    let (mut held, submission) =
        Relocation::submitted(2, Request { service_id: "LL-3".to_owned(), ..own(2) });
    let (holder, first) = Relocation::submitted(3, own(3));
    must(&store, &[first]).await;
    let batch = [submission, held.outcome(Layer::L3, true)];
    assert_eq!(commit(&store, &batch).await, [Committed::Held(holder.id), Committed::Stale]);
    stands(&store, held.id, &[]).await;
}

async fn within_a_batch_resources_go_to_the_first_and_are_freed_at_once(store: Store) {
    let (mut first, one) = Relocation::submitted(1, Request { hold: true, ..own(1) });
    let rivals = [2, 3, 4].map(|n| Relocation::submitted(n, own(1)).1);
    let batch =
        [one, rivals[0].clone(), first.command(CommandKind::Cancel), rivals[1].clone(), rivals[2].clone()];
    let answers = commit(&store, &batch).await;
    let expected =
        [Committed::Done, Committed::Held(id(1)), Committed::Done, Committed::Done, Committed::Held(id(3))];
    assert_eq!(answers, expected);
}

// ---------------------------------------------------------------------------------------------------------------
// Setting aside

async fn a_quarantined_ticket_is_unreadable_until_it_is_readmitted(store: Store) {
    let (bad, one) = Relocation::submitted(1, own(1));
    let (good, two) = Relocation::submitted(2, own(2));
    must(&store, &[one, two]).await;
    assert_eq!(store.quarantine(bad.id, "its journal has a gap".to_owned()).await, Ok(true));
    assert_eq!(store.quarantine(bad.id, "something else".to_owned()).await, Ok(false));

    let unreadable = spoilt("its journal has a gap");
    assert_eq!(load(&store, bad.id).await, unreadable);
    assert_eq!(load(&store, good.id).await, whole(good.ticket()));
    assert_eq!(store.stored(bad.id).await, Ok(whole(bad.ticket())), "for whoever looks whether it is sound");
    assert_eq!(load(&store, bad.id).await, unreadable, "looking takes nothing back");
    assert_eq!(store.quarantined().await, Ok(vec![(bad.id, "its journal has a gap".to_owned())]));
    let both = vec![(bad.id, unreadable), (good.id, whole(good.ticket()))];
    assert_eq!(store.open_tickets(None, 10).await.as_ref(), Ok(&both), "set aside, but not hidden");
    assert_eq!(store.all_tickets(None, 10).await, Ok(both));
    assert_eq!(store.journal(bad.id).await.unwrap().len(), 1);

    store.readmit(bad.id).await.unwrap();
    store.readmit(good.id).await.unwrap();
    assert_eq!(load(&store, bad.id).await, whole(bad.ticket()));
    assert_eq!(store.quarantined().await, Ok(Vec::new()));
    assert_eq!(store.quarantine(bad.id, "again".to_owned()).await, Ok(true));
}

fn spoilt(why: &str) -> Loaded {
    Loaded::Unreadable(Unreadable::Spoilt(why.to_owned()))
}

async fn an_id_without_a_ticket_can_be_quarantined(store: Store) {
    assert_eq!(store.quarantine(id(1), "stepping it panics".to_owned()).await, Ok(true));
    assert_eq!(load(&store, id(1)).await, spoilt("stepping it panics"));
    assert_eq!(store.all_tickets(None, 10).await, Ok(Vec::new()));
    assert_eq!(store.stored(id(1)).await, Ok(Loaded::Missing));
    store.readmit(id(1)).await.unwrap();
    assert_eq!(load(&store, id(1)).await, Loaded::Missing);
}

// ---------------------------------------------------------------------------------------------------------------
// Claims

const LEASE: SignedDuration = SignedDuration::from_secs(30);
const NANO: SignedDuration = SignedDuration::from_nanos(1);

async fn claim(store: &Store, now: Timestamp, limit: usize) -> Vec<RelocationId> {
    let claimed = store.claim_due(now, LEASE, limit).await.unwrap();
    for (id, loaded) in &claimed {
        assert_eq!(*loaded, load(store, *id).await);
    }
    claimed.into_iter().map(|(id, _)| id).collect()
}

/// So many relocations with a `reserve` out, and when each is due, the earliest first.
async fn submit(store: &Store, count: u16) -> Vec<(Relocation, Timestamp)> {
    let mut all = Vec::new();
    for n in 0..count {
        let mut it = Relocation::new(n);
        // Not in the order of their ids, and finer than a microsecond.
        it.now += SignedDuration::from_mins(i64::from(count - n)) + SignedDuration::from_nanos(500);
        let change = it.submit(own(n));
        must(store, std::slice::from_ref(&change)).await;
        let due = change.ticket.due().unwrap();
        all.push((it, due));
    }
    all.sort_by_key(|(_, due)| *due);
    all
}

async fn due_tickets_are_claimed_the_earliest_first(store: Store) {
    let all = submit(&store, 6).await;
    let due = |n: usize| all[n].1;
    assert_eq!(claim(&store, due(0) - NANO, 10).await, []);
    assert_eq!(claim(&store, due(3), 0).await, []);
    assert_eq!(claim(&store, due(3), 3).await, [all[0].0.id, all[1].0.id, all[2].0.id]);
    // An adapter may keep no more than microseconds, and then wakes a ticket that much too late.
    assert_eq!(claim(&store, due(3) + NANO * 1000, 3).await, [all[3].0.id]);
    assert_eq!(claim(&store, due(5) + NANO * 1000, 1).await.len(), 1);
}

async fn a_claim_lasts_for_its_lease_or_until_the_tickets_next_step(store: Store) {
    let all = submit(&store, 2).await;
    let now = all[1].1 + NANO * 1000;
    let ids = vec![all[0].0.id, all[1].0.id];
    assert_eq!(claim(&store, now, 10).await, ids);
    assert_eq!(claim(&store, now, 10).await, []);
    assert_eq!(claim(&store, now + LEASE - NANO * 1000, 10).await, []);
    assert_eq!(claim(&store, now + LEASE + NANO * 1000, 10).await.len(), 2);

    let mut stepped = all[0].0.clone();
    stepped.now = now - SignedDuration::from_mins(10);
    let step = stepped.outcome(Layer::L3, true);
    must(&store, std::slice::from_ref(&step)).await;
    let due = step.ticket.due().unwrap();
    assert!(due < now + LEASE, "its next deadline has passed too, inside the lease");
    assert_eq!(claim(&store, now + LEASE + NANO * 1000, 10).await, [stepped.id]);
}

async fn two_claimers_never_get_the_same_ticket(store: Store) {
    let all = submit(&store, 40).await;
    let now = all.last().unwrap().1 + NANO * 1000;
    let claimers: Vec<_> = (0..20)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.claim_due(now, LEASE, 3).await.unwrap() })
        })
        .collect();
    let mut claimed = Vec::new();
    for claimer in claimers {
        claimed.extend(claimer.await.unwrap().into_iter().map(|(id, _)| id));
    }
    assert_eq!(claimed.len(), all.len(), "every one, and none twice");
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>().len(), all.len());
}

async fn quarantined_and_closed_tickets_are_never_due(store: Store) {
    let far = START + SignedDuration::from_hours(1000);
    let (it, steps) = Relocation::smooth(1, own(1));
    must(&store, &steps).await;
    assert_eq!((claim(&store, far, 10).await, it.ticket().due()), (Vec::new(), None));

    let (bad, change) = Relocation::submitted(2, own(2));
    must(&store, &[change]).await;
    store.quarantine(bad.id, "unreadable".to_owned()).await.unwrap();
    assert_eq!(claim(&store, far, 10).await, []);
    store.readmit(bad.id).await.unwrap();
    assert_eq!(claim(&store, far, 10).await, [bad.id]);
}

// ---------------------------------------------------------------------------------------------------------------
// Overviews

async fn pages_go_through_open_and_all_tickets_in_order_of_id(store: Store) {
    let closed = |n: u16| n % 3 == 1;
    let mut all = Vec::new();
    for n in [5, 1, 7, 3, 0, 6, 2, 4] {
        let (mut it, change) = Relocation::submitted(n, Request { hold: true, ..own(n) });
        must(&store, &[change]).await;
        if closed(n) {
            must(&store, &[it.command(CommandKind::Cancel)]).await;
        }
        all.push((n, (it.id, whole(it.ticket()))));
    }
    all.sort_by_key(|(n, _)| *n);
    let open: Vec<_> = all.iter().filter(|(n, _)| !closed(*n)).map(|(_, it)| it.clone()).collect();
    let all: Vec<_> = all.into_iter().map(|(_, it)| it).collect();

    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = store.open_tickets(after, 2).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        assert!(page.len() <= 2 && pages.len() < open.len(), "{page:#?}");
        after = Some(*last);
        pages.extend(page);
    }
    assert_eq!(pages, open);
    assert_eq!(store.all_tickets(None, 100).await.as_ref(), Ok(&all));
    assert_eq!(store.all_tickets(Some(id(3)), 2).await.unwrap(), all[4..6]);
    assert_eq!(store.open_tickets(Some(id(7)), 100).await, Ok(Vec::new()));
}

async fn tickets_are_counted_by_where_they_stand(store: Store) {
    assert_eq!(store.counts().await, Ok(Vec::new()));
    let mut stood = Vec::new();
    for n in 0..12 {
        let (_, steps) = Relocation::smooth(n, own(n));
        let steps = &steps[..=usize::from(n % 6)];
        must(&store, steps).await;
        stood.push(steps.last().unwrap().ticket.standing());
    }
    let counts = store.counts().await.unwrap();
    assert_eq!(counts.iter().map(|count| count.tickets).sum::<u64>(), 12);
    let mut kinds = HashSet::new();
    for count in &counts {
        assert!(kinds.insert(count.standing), "counted twice: {count:?}");
        let like = stood.iter().filter(|is| **is == count.standing);
        assert_eq!(count.tickets, like.count() as u64, "{count:?}");
    }
}

async fn a_dead_letter_is_kept_once_and_the_newest_come_first(store: Store) {
    let letter = |n: i64, reason: &str| DeadLetter {
        trace: Trace::read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
        id: MessageId(format!("letter-{n}")),
        at: START + SignedDuration::from_secs(n) + NANO,
        origin: "commands".to_owned(),
        key: Some("order.submit".to_owned()),
        by: Some(By::Nobody { via: "amqp".to_owned() }),
        reason: reason.to_owned(),
        body: "{\"not\": \"json".to_owned(),
    };
    assert_eq!(store.dead_letters(10).await, Ok(Vec::new()));
    for n in 1..=5 {
        store.bury(letter(n, "no such relocation")).await.unwrap();
    }
    store.bury(letter(2, "for another reason")).await.unwrap();
    let newest = [5, 4, 3, 2, 1].map(|n| letter(n, "no such relocation"));
    assert_eq!(store.dead_letters(10).await.unwrap(), newest);
    assert_eq!(store.dead_letters(2).await.unwrap(), newest[..2]);
    // A sender may call everything by one name.
    let another = DeadLetter { body: "something else".to_owned(), ..letter(5, "no such relocation") };
    store.bury(another.clone()).await.unwrap();
    assert_eq!(store.dead_letters(2).await.unwrap(), [another, letter(5, "no such relocation")]);
}
