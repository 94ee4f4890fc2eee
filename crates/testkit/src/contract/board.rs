//! The contract of [`Board`]: its pages beside a plain list in memory, which the domain's own functions filter and sort.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use jiff::SignedDuration;
use rehome_domain::{
    attention::Standing,
    board::{Cursor, Filter, Line, Listed, Look, MAX_LIMIT, MAX_SKIP, Named, Order, Page, SortBy, Span},
    id::RelocationId,
    message::Input,
    ports::{Board, Change, Committed, StoreError, TicketStore},
    request::{Place, Request},
    ticket::Ticket,
};

use super::{
    Case, Dice, cases, model,
    relocation::{Relocation, id, own},
};
use crate::history::{START, windowed_request};

/// A store that tickets are written to and looked at in.
pub trait Desk: TicketStore + Board {}

impl<S: TicketStore + Board> Desk for S {}

type Store = Arc<dyn Desk>;

/// What every [`Board`] must do.
pub const CASES: &[Case<dyn Desk>] = cases![
    every_filter_order_and_paging_gives_what_a_plain_list_gives,
    while_tickets_change_no_other_is_passed_over_or_seen_twice,
    whoever_follows_changes_sees_every_one_from_any_instant_on,
    what_is_set_aside_stands_in_its_place_with_the_reason,
    a_faulty_look_is_refused_with_its_field,
];

/// Relocations in the random tests.
const MANY: u16 = 60;
/// Looks at them.
const LOOKS: usize = 150;

const CUSTOMERS: [&str; 5] = ["Acme", "acme GmbH", "上海电信", "上海联通（浦东）", "Ünlü A.Ş."];

/// Tickets as the store should have them.
struct World {
    store: Store,
    dice: Dice,
    tickets: BTreeMap<RelocationId, Arc<Ticket>>,
    messages: u64,
}

impl World {
    /// With tickets in many different states.
    async fn new(store: Store) -> Self {
        let mut world = Self { store, dice: Dice(0xB0A2D), tickets: BTreeMap::new(), messages: 0 };
        while world.tickets.len() < usize::from(MANY) || world.messages < 900 {
            world.change().await;
        }
        world
    }

    fn request(&mut self, n: u16) -> Request {
        let Request { old, new, .. } = own(n);
        let device = |dice: &mut Dice, kind: &str| {
            format!("{kind}-{}-{}", dice.pick(&["sh", "bj", "SH"]), dice.roll(3))
        };
        let dice = &mut self.dice;
        Request {
            service_id: format!("{}-{}", dice.pick(&["LL", "VPN", "专线"]), n / 2),
            customer: (*dice.pick(&CUSTOMERS)).to_owned(),
            old: Place { l3_device: device(dice, "gw"), l2_device: device(dice, "sw"), ..old },
            new: Place { l3_device: device(dice, "gw"), l2_device: device(dice, "sw"), ..new },
            description: format!("{} 楼 {}", dice.roll(40), dice.pick(&CUSTOMERS)),
            vrf: (dice.roll(2) == 0).then(|| "vpn-Z%_\\".to_owned()),
            window: windowed_request().window.filter(|_| dice.roll(3) == 0),
            hold: dice.roll(4) == 0,
            ..own(n)
        }
    }

    /// One ticket changes, or comes to be. Answers which.
    async fn change(&mut self) -> Option<RelocationId> {
        let n = u16::try_from(self.dice.roll(usize::from(MANY))).unwrap();
        let ticket = self.tickets.get(&id(n)).cloned();
        self.messages += 1;
        let change = match &ticket {
            None => {
                let input = Input::Submitted { request: Arc::new(self.request(n)) };
                self.relocation(n, None).caused(self.cause(), input)
            }
            Some(ticket) => {
                let mut made = model::random(&mut self.dice, (n, n), Some(ticket), &[]);
                if let Some(made) = &mut made {
                    // At an instant of few, so that many are alike.
                    let input = made.entry.input.clone();
                    *made = self.relocation(n, Some(ticket)).caused(self.cause(), input)?;
                }
                made
            }
        }?;
        self.commit(change).await
    }

    fn cause(&self) -> rehome_domain::id::MessageId {
        rehome_domain::id::MessageId(format!("message-{}", self.messages))
    }

    fn relocation(&mut self, n: u16, ticket: Option<&Arc<Ticket>>) -> Relocation {
        let now = START + SignedDuration::from_mins(i64::try_from(self.dice.roll(20)).unwrap());
        Relocation { ticket: ticket.cloned(), now, ..Relocation::new(n) }
    }

    async fn commit(&mut self, change: Change) -> Option<RelocationId> {
        let committed = self.store.commit(vec![change.clone()]).await.unwrap();
        (committed == [Committed::Done]).then(|| {
            let id = change.ticket.id;
            self.tickets.insert(id, change.ticket);
            id
        })
    }

    /// What a list should show, whole.
    fn list(&self, filter: &Filter, order: Order) -> Vec<Line> {
        let mut tickets: Vec<&Ticket> =
            self.tickets.values().map(Arc::as_ref).filter(|ticket| filter.admits(ticket)).collect();
        let place = |ticket: &Ticket| Cursor::of(order.by, ticket);
        tickets.sort_by(|one, other| order.compare(&place(one), &place(other)));
        tickets.into_iter().map(Line::of).collect()
    }

    fn order(&mut self) -> Order {
        let all = [SortBy::Urgency, SortBy::Changed, SortBy::Submitted, SortBy::Service, SortBy::Customer];
        Order { by: *self.dice.pick(&all), descending: self.dice.roll(2) == 0 }
    }

    /// Mostly one part, of something that is there.
    fn filter(&mut self) -> Filter {
        let all: Vec<Arc<Ticket>> = self.tickets.values().cloned().collect();
        let mut filter = Filter::default();
        for _ in 0..=self.dice.roll(3) {
            let ticket = self.dice.pick(&all).clone();
            let Standing { relocation, reservation, cutover, disposition, attention } = ticket.standing();
            let request = ticket.request.as_ref();
            match self.dice.roll(11) {
                0 => filter.relocation.push(relocation),
                1 => filter.reservation.push(reservation),
                2 => filter.cutover.push(cutover),
                3 => filter.disposition.push(disposition),
                4 => filter.attention.push(attention),
                5 => filter.device = Some(Named::Exactly(request.new.l2_device.clone())),
                6 => filter.device = Some(Named::StartsWith(self.part(&request.old.l3_device, true))),
                7 => filter.customer = Some(request.customer.clone()),
                8 => filter.text = Some(self.text(request)),
                9 => filter.changed = self.span(ticket.changed_at),
                _ => filter.submitted = self.span(ticket.submitted_at),
            }
        }
        filter
    }

    fn span(&mut self, around: jiff::Timestamp) -> Span {
        let later = around + SignedDuration::from_mins(i64::try_from(self.dice.roll(8)).unwrap());
        match self.dice.roll(3) {
            0 => Span { since: Some(around), until: None },
            1 => Span { since: None, until: Some(later) },
            _ => Span { since: Some(around), until: Some(later) },
        }
    }

    fn text(&mut self, request: &Request) -> String {
        let fields =
            [&request.service_id, &request.customer, &request.description, &request.ip, &request.new.l2_port];
        let field = *self.dice.pick(&fields);
        let part = self.part(field, false);
        match self.dice.roll(4) {
            0 => part.to_uppercase(),
            1 => part.to_lowercase(),
            2 if self.dice.roll(3) == 0 => "%".to_owned(),
            _ => part,
        }
    }

    fn part(&mut self, of: &str, from_start: bool) -> String {
        let letters: Vec<char> = of.chars().collect();
        let from = if from_start { 0 } else { self.dice.roll(letters.len()) };
        let length = 1 + self.dice.roll(letters.len() - from);
        letters[from..from + length].iter().collect()
    }
}

fn lines(page: &Page) -> Vec<Line> {
    let line = |row: &Listed| match row {
        Listed::Line(line) => line.as_ref().clone(),
        Listed::SetAside { .. } => unreachable!("nothing is set aside: {row:?}"),
    };
    page.rows.iter().map(line).collect()
}

/// Pages to the end; none may be of more rows than asked for, or go back.
async fn every_page(store: &Store, look: &Look) -> Vec<Line> {
    let mut all = Vec::new();
    let mut look = look.clone();
    for _ in 0..1000 {
        let page = store.page(look.clone()).await.unwrap();
        assert!(page.rows.len() <= look.limit, "{look:?}: {page:?}");
        all.extend(lines(&page));
        let Some(next) = page.next else { return all };
        if let Some(before) = &look.after {
            assert!(look.order.compare(before, &next).is_lt(), "{look:?} does not get on: {next:?}");
        }
        look.after = Some(next);
    }
    unreachable!("it never ends: {look:?}");
}

async fn every_filter_order_and_paging_gives_what_a_plain_list_gives(store: Store) {
    let mut world = World::new(store).await;
    let (mut most, mut none) = (0, 0);
    for _ in 0..LOOKS {
        let (filter, order) = (world.filter(), world.order());
        let expected = world.list(&filter, order);
        let limit = 1 + world.dice.roll(9);
        let look = Look { filter: filter.clone(), order, limit, ..Look::default() };
        assert_eq!(every_page(&world.store, &look).await, expected, "{look:?}");

        let skip = world.dice.roll(expected.len() + 2);
        let page = world.store.page(Look { skip, ..look.clone() }).await.unwrap();
        let rest = expected.get(skip..).unwrap_or_default();
        assert!(rest.starts_with(&lines(&page)), "{look:?}, passing over {skip}: {page:?}");
        assert!(page.next.is_some() || rest.len() == page.rows.len(), "{look:?}, passing over {skip}");
        // Whoever counts on by what is passed over can't go on from a place.
        let full = skip == 0 || page.rows.len() == rest.len().min(look.limit);
        assert!(full, "{look:?}, passing over {skip}: {} rows of {}", page.rows.len(), rest.len());

        let (count, at_most) = (expected.len() as u64, 1 + world.dice.roll(70) as u64);
        let tally = world.store.count(filter, at_most).await.unwrap();
        assert!(tally.tickets <= count.min(at_most), "{look:?}: {tally:?} of {count}");
        assert!(!tally.exact || tally.tickets == count, "{look:?}: {tally:?} of {count}");
        most = most.max(expected.len());
        none += usize::from(expected.is_empty());
    }
    assert!(most > 20 && none < LOOKS / 2, "{most} at most, {none} times nothing: that shows little");
}

async fn while_tickets_change_no_other_is_passed_over_or_seen_twice(store: Store) {
    let mut world = World::new(store).await;
    for _ in 0..40 {
        let (filter, order) = (world.filter(), world.order());
        let before: Vec<Line> = world.list(&filter, order);
        let (mut changed, mut seen) = (HashSet::new(), Vec::new());
        let mut look = Look { filter, order, limit: 3, ..Look::default() };
        for pages in 0.. {
            assert!(pages < 1000, "it never ends: {look:?}");
            let page = world.store.page(look.clone()).await.unwrap();
            seen.extend(page.rows.iter().map(Listed::id));
            let Some(next) = page.next else { break };
            look.after = Some(next);
            // Fewer than are gone on by, so that the end is reached.
            if pages % 2 == 0 {
                changed.extend(world.change().await);
            }
        }
        for line in before.iter().filter(|line| !changed.contains(&line.id)) {
            let times = seen.iter().filter(|id| **id == line.id).count();
            assert_eq!(times, 1, "{look:?}: {line:?}");
        }
    }
}

async fn whoever_follows_changes_sees_every_one_from_any_instant_on(store: Store) {
    let world = World::new(store).await;
    for minutes in 0..21 {
        let at = START + SignedDuration::from_mins(minutes);
        let first = world.store.changed_since(at, 4).await.unwrap();
        let mut seen = lines(&first);
        let order = Order { by: SortBy::Changed, descending: false };
        if let Some(next) = first.next {
            let rest = Look { order, after: Some(next), limit: 4, ..Look::default() };
            seen.extend(every_page(&world.store, &rest).await);
        }
        let since = Filter { changed: Span { since: Some(at), until: None }, ..Filter::default() };
        assert_eq!(seen, world.list(&since, order), "since {at}");
    }
}

async fn what_is_set_aside_stands_in_its_place_with_the_reason(store: Store) {
    let mut world = World::new(store).await;
    let aside = id(7);
    world.store.quarantine(aside, "because".to_owned()).await.unwrap();
    for _ in 0..10 {
        let order = world.order();
        let expected: Vec<Listed> = world
            .list(&Filter::default(), order)
            .into_iter()
            .map(|line| match line.id {
                id if id == aside => Listed::SetAside { id, reason: "because".to_owned() },
                _ => Listed::Line(Box::new(line)),
            })
            .collect();
        let look = Look { order, limit: usize::from(MANY), ..Look::default() };
        assert_eq!(world.store.page(look).await.unwrap().rows, expected);
    }
}

async fn a_faulty_look_is_refused_with_its_field(store: Store) {
    let text = |text: &str| Filter { text: Some(text.to_owned()), ..Filter::default() };
    let elsewhere = Cursor { key: rehome_domain::board::Key::Service("LL".to_owned()), id: id(1) };
    let faulty = [
        ("limit", Look { limit: 0, ..Look::default() }),
        ("limit", Look { limit: MAX_LIMIT + 1, ..Look::default() }),
        ("offset", Look { skip: MAX_SKIP + 1, ..Look::default() }),
        ("after", Look { after: Some(elsewhere), ..Look::default() }),
        ("text", Look { filter: text(""), ..Look::default() }),
        ("text", Look { filter: text("a\0b"), ..Look::default() }),
        ("text", Look { filter: text(&"长".repeat(300)), ..Look::default() }),
    ];
    for (field, look) in faulty {
        let refused = store.page(look.clone()).await;
        let Err(StoreError::Failed { detail, .. }) = &refused else { unreachable!("{look:?}: {refused:?}") };
        assert!(detail.starts_with(&format!("{field}: ")), "{detail}");
        assert_eq!(store.count(look.filter.clone(), 1).await.is_err(), field == "text");
    }
}
