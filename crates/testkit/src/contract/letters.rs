//! The contract of [`LetterStore`].

use std::sync::Arc;

use jiff::SignedDuration;
use rehome_domain::{
    command::By,
    id::MessageId,
    ports::{DeadLetter, Kept, LetterFilter, LetterStore, Settled, Settlement, TicketStore},
};

use super::{Case, cases};
use crate::history::{START, person};

/// A store that keeps letters and gives them out again.
pub trait Post: TicketStore + LetterStore {}

impl<S: TicketStore + LetterStore> Post for S {}

type Store = Arc<dyn Post>;

/// What every [`LetterStore`] must do.
pub const CASES: &[Case<dyn Post>] = cases![
    pages_of_letters_go_from_the_newest_to_the_oldest_each_once,
    what_was_done_about_a_letter_is_kept_with_it_and_is_done_once,
    letters_that_nobody_has_dealt_with_are_listed_by_themselves,
];

fn letter(n: i64) -> DeadLetter {
    DeadLetter {
        id: MessageId(format!("letter-{}\0", n % 3)),
        // Several of one instant.
        at: START + SignedDuration::from_secs(n / 4),
        origin: "commands".to_owned(),
        key: None,
        by: Some(By::Nobody { via: "amqp".to_owned() }),
        reason: "no such relocation".to_owned(),
        body: format!("letter {n}"),
        trace: None,
    }
}

fn settled(what: Settlement, reason: &str) -> Settled {
    Settled { what, by: person(), at: START, reason: reason.to_owned() }
}

async fn everything(store: &Store, limit: usize) -> Vec<Kept> {
    paged(store, LetterFilter::All, limit).await
}

async fn paged(store: &Store, which: LetterFilter, limit: usize) -> Vec<Kept> {
    let mut all: Vec<Kept> = Vec::new();
    loop {
        let page = store.letters(which, all.last().map(|kept| kept.key.clone()), limit).await.unwrap();
        assert!(page.len() <= limit);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

async fn pages_of_letters_go_from_the_newest_to_the_oldest_each_once(store: Store) {
    assert_eq!(store.letters(LetterFilter::All, None, 10).await, Ok(Vec::new()));
    for n in 0..11 {
        store.bury(letter(n)).await.unwrap();
        store.bury(letter(n)).await.unwrap();
    }
    for limit in [1, 4, 100] {
        let letters: Vec<_> = everything(&store, limit).await.into_iter().map(|kept| kept.letter).collect();
        assert_eq!(letters, (0..11).rev().map(letter).collect::<Vec<_>>());
    }
    for kept in everything(&store, 100).await {
        assert_eq!(store.letter(kept.key.clone()).await, Ok(Some(kept)));
    }
    assert_eq!(store.letter("nobody's".to_owned()).await, Ok(None));
}

async fn what_was_done_about_a_letter_is_kept_with_it_and_is_done_once(store: Store) {
    for n in 0..3 {
        store.bury(letter(n)).await.unwrap();
    }
    let keys: Vec<_> = everything(&store, 9).await.into_iter().map(|kept| kept.key).collect();
    let resent = settled(Settlement::Resent, "the device is back: 上海");
    let dropped = settled(Settlement::Dropped, "a test");
    assert_eq!(store.settle_letter(keys[0].clone(), resent.clone()).await, Ok(true));
    assert_eq!(store.settle_letter(keys[1].clone(), dropped.clone()).await, Ok(true));
    assert_eq!(store.settle_letter(keys[0].clone(), dropped.clone()).await, Ok(false), "resent before");
    assert_eq!(store.settle_letter("nobody's".to_owned(), dropped.clone()).await, Ok(false));
    // The same message comes in once more: it is still the one that was dealt with.
    store.bury(letter(2)).await.unwrap();
    let done: Vec<_> = everything(&store, 9).await.into_iter().map(|kept| kept.settled).collect();
    assert_eq!(done, [Some(resent), Some(dropped), None]);
    assert_eq!(store.dead_letters(9).await, Ok(vec![letter(0)]), "what nobody has dealt with");
}

async fn letters_that_nobody_has_dealt_with_are_listed_by_themselves(store: Store) {
    for n in 0..11 {
        store.bury(letter(n)).await.unwrap();
    }
    for kept in everything(&store, 100).await.into_iter().step_by(2) {
        assert_eq!(store.settle_letter(kept.key, settled(Settlement::Dropped, "a test")).await, Ok(true));
    }
    let expected: Vec<_> = (0..11).rev().skip(1).step_by(2).map(letter).collect();
    for limit in [1, 2, 100] {
        let open: Vec<_> =
            paged(&store, LetterFilter::Open, limit).await.into_iter().map(|kept| kept.letter).collect();
        assert_eq!(open, expected);
    }
    // Somebody deals with the last one of a page before the next is asked for: the next goes on from there.
    let first = store.letters(LetterFilter::Open, None, 2).await.unwrap().pop().unwrap();
    assert_eq!(
        store.settle_letter(first.key.clone(), settled(Settlement::Dropped, "a test")).await,
        Ok(true)
    );
    let next = store.letters(LetterFilter::Open, Some(first.key), 100).await.unwrap();
    assert_eq!(next.into_iter().map(|kept| kept.letter).collect::<Vec<_>>(), expected[2..]);
}
