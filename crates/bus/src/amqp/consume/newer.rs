//! Messages of a newer version, during an upgrade: handed back after a while, so that a process as new as their writer
//! gets them. After so many times (some minutes) nobody has, and they are dead letters like any other that can't be read.

use std::{sync::Arc, time::Duration};

use lapin::message::Delivery;
use tokio::{sync::Semaphore, time::sleep};

use super::{Line, Pump};
use crate::amqp::wire::inward;

/// How long a message is held before it is handed back, the first time; each further time twice as long.
const FIRST: Duration = Duration::from_millis(100);
/// No time is longer: a process as new may just have started.
const LONGEST: Duration = Duration::from_secs(30);
/// Deliveries left to the broker's own count when we give up, so that the reason is ours and not "its reader died".
const SPARE: u64 = 2;
/// This share of what may be delivered ahead is kept for good messages, so that they go on, however many newer ones come:
/// what is handed back comes again before them. Newer ones beyond the rest are dead letters, to be sent again by a person.
const SHARE: u16 = 4;

/// Room for what is held.
pub(super) fn room(prefetch: u16) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(share(prefetch)))
}

/// So many; all but one at least, unless there is only one.
fn share(prefetch: u16) -> usize {
    usize::from(prefetch.saturating_sub((prefetch / SHARE).max(1)).max(1))
}

/// How long to hold a message that was handed back so often, in a queue with this delivery limit; none: no longer.
fn hold(handed_back: u64, limit: u64) -> Option<Duration> {
    let doublings = u32::try_from(handed_back).unwrap_or(u32::MAX).min(16);
    (handed_back + SPARE < limit).then(|| (FIRST * 2_u32.pow(doublings)).min(LONGEST))
}

impl<T: Send + 'static> Pump<T> {
    /// Holds a message of a newer version for a while and hands it back; buries it when that has been done often enough,
    /// or too many are held.
    pub(super) fn leave_to_newer(&self, line: &Line, tag: u64, delivery: Delivery, why: &str) {
        let handed_back = inward::handed_back(&delivery);
        let held = hold(handed_back, self.shared.limits().deliveries.into());
        let (Some(held), Ok(room)) = (held, Arc::clone(&self.newer).try_acquire_owned()) else {
            self.bury(line, tag, delivery, format!("{why}; no newer process took it"));
            return;
        };
        // Once for each message, whoever holds it.
        if handed_back == 0 {
            let queue = self.order.source.queue();
            let ticket = delivery.properties.correlation_id().as_ref().map(ToString::to_string);
            tracing::warn!(queue, ticket, why, "a message is left to a newer process");
        }
        // Nobody waits for it at the end: what is not handed back by then goes back with the channel.
        let session = Arc::clone(&line.session);
        tokio::spawn(async move {
            sleep(held).await;
            session.hand_back(tag).await;
            drop(room);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_messages_have_room_beside_what_is_held_however_little_is_delivered_ahead() {
        for prefetch in 2..2000 {
            let held = share(prefetch);
            assert!((1..usize::from(prefetch)).contains(&held), "{held} of {prefetch}");
        }
        assert_eq!([share(1), share(2), share(16), share(512)], [1, 1, 12, 384]);
    }

    #[test]
    fn a_message_is_held_longer_each_time_and_given_up_before_the_broker_does() {
        let limit = 20;
        let held: Vec<Duration> = (0..).map_while(|times| hold(times, limit)).collect();
        assert_eq!(held.len(), 18);
        assert_eq!(held[0], FIRST);
        assert!(held.is_sorted(), "{held:?}");
        assert_eq!(held.last(), Some(&LONGEST));
        assert!(held.iter().sum::<Duration>() > Duration::from_secs(300), "time for an upgrade");
        assert_eq!(hold(1 << 40, u64::MAX), Some(LONGEST));
    }
}
