//! What a log of pauses must do.

use std::sync::Arc;

use jiff::Timestamp;
use rehome_domain::{
    id::MessageId,
    ports::SteeringStore,
    steering::{Scope, Steered, Turn},
};

use super::{Case, cases};
use crate::history;

/// The suite.
pub const CASES: &[Case<dyn SteeringStore>] =
    cases![lines_come_back_in_the_order_they_were_given, a_line_given_twice_counts_once,];

fn line(number: usize, turn: Turn) -> Steered {
    let scopes = [
        Scope::Everything,
        Scope::Domain { name: "north".to_owned() },
        Scope::Device { name: "gw-1".to_owned() },
    ];
    Steered {
        id: MessageId(format!("m-{}", 1000 - number)),
        turn,
        scope: scopes[number % scopes.len()].clone(),
        by: history::person(),
        at: Timestamp::UNIX_EPOCH,
        reason: format!("because {number}"),
    }
}

async fn lines_come_back_in_the_order_they_were_given(store: Arc<dyn SteeringStore>) {
    assert_eq!(store.steering().await.unwrap(), []);
    let turns = [Turn::Pause, Turn::Drain, Turn::Resume, Turn::Lifted, Turn::Drained];
    let lines: Vec<Steered> = (0..30).map(|number| line(number, turns[number % turns.len()])).collect();
    for line in &lines {
        assert!(store.steer(line.clone()).await.unwrap());
    }
    assert_eq!(store.steering().await.unwrap(), lines);
}

async fn a_line_given_twice_counts_once(store: Arc<dyn SteeringStore>) {
    assert!(store.steer(line(1, Turn::Pause)).await.unwrap());
    assert!(!store.steer(line(1, Turn::Resume)).await.unwrap());
    assert_eq!(store.steering().await.unwrap(), [line(1, Turn::Pause)]);
}
