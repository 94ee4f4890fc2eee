//! What [`TicketStore::commit`] must do, in its shortest form, and random batches to compare an adapter with it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::SignedDuration;
use rehome_domain::{
    command::CommandKind,
    id::{MessageId, RelocationId},
    journal::Entry,
    message::Input,
    order::Layer,
    ports::{Change, Committed, Loaded, TicketStore},
    request::Request,
    ticket::{Out, Ticket},
};

use super::{
    Dice,
    relocation::{Relocation, id, own},
};
use crate::history::{command, reply, reports};

#[derive(Default)]
struct Model {
    tickets: HashMap<RelocationId, Ticket>,
    journals: HashMap<RelocationId, Vec<Entry>>,
    locks: HashMap<String, RelocationId>,
}

impl Model {
    fn ticket(&self, id: RelocationId) -> Option<&Ticket> {
        self.tickets.get(&id)
    }

    fn journal(&self, id: RelocationId) -> &[Entry] {
        self.journals.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Commits a batch: what builds on a step that is not committed is not committed either.
    fn commit_all(&mut self, changes: &[Change]) -> Vec<Committed> {
        let mut refused = HashSet::new();
        let commit = |change: &Change| {
            let (id, seq) = (change.ticket.id, change.entry.seq);
            let answer = if refused.contains(&(id, seq)) { Committed::Stale } else { self.commit(change) };
            if answer != Committed::Done {
                refused.insert((id, seq + 1));
            }
            answer
        };
        changes.iter().map(commit).collect()
    }

    /// Commits one step.
    fn commit(&mut self, change: &Change) -> Committed {
        let (id, entry) = (change.ticket.id, change.entry.as_ref());
        let resources = change.ticket.request.resources();
        if self.journal(id).iter().any(|journaled| journaled.cause == entry.cause) {
            return Committed::Seen;
        }
        if self.tickets.get(&id).map_or(0, |ticket| ticket.version) + 1 != entry.seq {
            return Committed::Stale;
        }
        let mut holders = resources.iter().filter_map(|resource| self.locks.get(resource)).copied();
        if let Some(holder) = holders.find(|holder| change.locked && *holder != id) {
            return Committed::Held(holder);
        }
        for resource in resources {
            if change.locked {
                self.locks.insert(resource, id);
            } else if self.locks.get(&resource) == Some(&id) {
                self.locks.remove(&resource);
            }
        }
        self.tickets.insert(id, change.ticket.as_ref().clone());
        self.journals.entry(id).or_default().push(entry.clone());
        Committed::Done
    }
}

/// Relocations in the random test, few enough to meet all the time.
const MANY: u16 = 6;
/// Random batches; the last ones meet tickets in every kind of state.
const BATCHES: usize = 400;

pub(super) async fn random_batches_do_what_the_model_does(store: Arc<dyn TicketStore>) {
    let mut model = Model::default();
    let mut dice = Dice(0x5EED);
    let mut fresh: u16 = MANY;
    let mut ids: Vec<u16> = (0..MANY).collect();
    let mut tally = [0_usize; 4];
    for batch in 0..BATCHES {
        let changes: Vec<Change> = (0..=dice.roll(6))
            .filter_map(|_| {
                let n = *dice.pick(&ids);
                let ticket = model.ticket(id(n)).cloned().map(Arc::new);
                // Few targets, so that several want the same one.
                let change = random(&mut dice, (n, n % 4), ticket.as_ref(), model.journal(id(n)))?;
                if dice.roll(8) == 0 { too_early(&mut dice, n, change) } else { Some(change) }
            })
            .collect();
        let expected = model.commit_all(&changes);
        assert_eq!(
            store.commit(changes.clone()).await.as_ref(),
            Ok(&expected),
            "batch {batch}: {changes:#?}"
        );
        for answer in &expected {
            tally[match answer {
                Committed::Done => 0,
                Committed::Stale => 1,
                Committed::Seen => 2,
                Committed::Held(_) => 3,
            }] += 1;
        }
        for n in &mut ids {
            let ticket = model.ticket(id(*n));
            let journal: Vec<_> =
                store.journal(id(*n)).await.unwrap().into_iter().map(Result::unwrap).collect();
            assert_eq!(journal, model.journal(id(*n)), "batch {batch}");
            let expected = ticket.map_or(Loaded::Missing, |ticket| Loaded::Ticket(Box::new(ticket.clone())));
            assert_eq!(store.load(vec![id(*n)]).await, Ok(vec![expected]), "batch {batch}");
            if ticket.is_some_and(|ticket| ticket.state.is_closed()) {
                *n = fresh;
                fresh += 1;
            }
        }
    }
    assert!(tally.iter().all(|count| *count > 50), "too few of some kind to mean anything: {tally:?}");
}

/// Something that could be committed next to a ticket: mostly a step that fits, sometimes one caused by a message of
/// before.
pub(super) fn random(
    dice: &mut Dice,
    (n, target): (u16, u16),
    ticket: Option<&Arc<Ticket>>,
    journal: &[Entry],
) -> Option<Change> {
    let mut it = Relocation { ticket: ticket.cloned(), ..Relocation::new(n) };
    it.now += SignedDuration::from_mins(i64::from(n));
    let input = match ticket {
        // A relocation's request is always the same.
        None => Input::Submitted { request: Arc::new(Request { hold: n.is_multiple_of(2), ..own(target) }) },
        Some(ticket) => {
            let layer = *dice.pick(&Layer::ALL);
            match ticket.out(layer).map(Out::awaited) {
                Some(order) => reply(layer, order.id, dice.pick(&reports(layer, order.kind, None)).clone()),
                None => command(*dice.pick(&CommandKind::ALL)),
            }
        }
    };
    let cause = match journal.len() {
        count if count > 0 && dice.roll(5) == 0 => journal[dice.roll(count)].cause.clone(),
        _ => MessageId(format!("message-{}", dice.roll(1 << 24))),
    };
    it.caused(cause, input)
}

/// The step after it: without it, stale.
fn too_early(dice: &mut Dice, n: u16, change: Change) -> Option<Change> {
    let mut it = Relocation { ticket: Some(change.ticket), now: change.entry.at, ..Relocation::new(n) };
    it.caused(MessageId(format!("message-{}", dice.roll(1 << 24))), command(CommandKind::Cancel))
}
