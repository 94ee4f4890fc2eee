//! Who was let in a moment ago, so that a page that asks for ten things is looked up once.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use rehome_domain::account::{Account, Pass, PassKey};

/// How long what was looked up is believed: so long may somebody who was disabled in another process still come in.
pub const RECENT: SignedDuration = SignedDuration::from_secs(1);
/// How many are remembered. When there are more, all are forgotten: they are looked up again.
const MOST: usize = 4096;

/// Who was let in a moment ago.
#[derive(Default)]
pub(super) struct Recent(HashMap<PassKey, (Timestamp, Account, Pass)>);

impl Recent {
    pub(super) fn get(&self, key: PassKey, now: Timestamp) -> Option<(Account, Pass)> {
        let (at, account, pass) = self.0.get(&key)?;
        let age = now.duration_since(*at);
        (age >= SignedDuration::ZERO && age < RECENT).then(|| (account.clone(), pass.clone()))
    }

    pub(super) fn put(&mut self, key: PassKey, now: Timestamp, account: &Account, pass: &Pass) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(key, (now, account.clone(), pass.clone()));
    }
}
