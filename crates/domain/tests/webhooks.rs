//! What webhooks and submissions under a key stand on.
#![allow(clippy::unwrap_used)]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_assert_ne, proptest};
use rehome_domain::{
    RelocationId,
    journal::{moments, replay},
    webhook::{Mark, Patience, Standing},
};
use rehome_testkit::{enumerate, history};

const PATIENCE: Patience =
    Patience { first: SignedDuration::from_secs(1), longest: SignedDuration::from_secs(60), tries: 3 };

proptest! {
    #[test]
    fn one_callers_key_is_one_relocation_and_no_two_callers_keys_meet(
        caller in ".{0,12}", key in ".{0,12}", other_caller in ".{0,12}", other_key in ".{0,12}",
    ) {
        let id = RelocationId::keyed(&caller, &key);
        prop_assert_eq!(id, RelocationId::keyed(&caller, &key));
        if (&caller, &key) != (&other_caller, &other_key) {
            prop_assert_ne!(id, RelocationId::keyed(&other_caller, &other_key));
        }
        // The same letters, parted elsewhere.
        let joined = format!("{caller}{key}x");
        prop_assert_ne!(RelocationId::keyed(&joined, ""), RelocationId::keyed("", &joined));
    }

    #[test]
    fn a_receiver_that_fails_is_tried_ever_more_seldom_but_for_ever(jitter in 0.0..=1.0, tries in 1_u32..200) {
        let mut standing = Standing::new(Mark::before(0), Timestamp::UNIX_EPOCH);
        let mut now = Timestamp::UNIX_EPOCH;
        for tried in 0..tries {
            standing.failed("no", now, &PATIENCE, jitter);
            let (wait, whole) = (standing.next_at.duration_since(now), 2_f64.powi(tried.min(10).cast_signed()).min(60.0));
            prop_assert!(wait.as_secs_f64() >= whole / 2.0 - 1e-3, "{wait}");
            prop_assert!(wait.as_secs_f64() <= whole + 1e-3, "{wait}");
            prop_assert_eq!(standing.is_failing(&PATIENCE), tried + 1 >= PATIENCE.tries);
            now = standing.next_at;
        }
        prop_assert_eq!(standing.failing_since, Some(Timestamp::UNIX_EPOCH));
        standing.took(now);
        prop_assert!(!standing.is_failing(&PATIENCE));
        prop_assert_eq!((standing.tried, standing.failing_since, standing.told), (0, None, 1));
    }

    #[test]
    fn an_error_kept_of_a_receiver_is_bounded(error in any::<String>()) {
        let mut standing = Standing::new(Mark::before(0), Timestamp::UNIX_EPOCH);
        standing.failed(&error.repeat(100), Timestamp::UNIX_EPOCH, &PATIENCE, 0.0);
        prop_assert!(standing.last_error.unwrap().chars().count() <= 500);
    }
}

#[test]
fn a_journals_moments_hang_together_and_end_where_its_replay_ends() {
    let mut play = history::Play::submit(history::request()).unwrap();
    for input in enumerate::inputs(&play.ticket) {
        play.put(input);
    }
    let moments = moments(play.journal.clone()).unwrap();
    assert_eq!(moments.len(), play.journal.len());
    assert_eq!(moments[0].before, None);
    for pair in moments.windows(2) {
        assert_eq!(pair[1].before.as_ref(), Some(&pair[0].after));
    }
    assert_eq!(moments.last().unwrap().after, replay(&play.journal).unwrap());
}
