//! How often it may be tried to sign in, by account and by address.
//!
//! Each has a bucket of tries that fills up again slowly. A try takes one from both before the password is looked at, so
//! that many at once count as many; a success gives them back. Sessions and tokens that exist are not touched: nobody is
//! thrown out by another's tries.

use std::{collections::HashMap, hash::Hash, net::IpAddr, time::Duration};

use jiff::{SignedDuration, Timestamp};

/// Tries an account has at once; then one more each half minute: what a person needs, and 2,880 guesses a day.
const OF_ACCOUNT: Bucket = Bucket { tries: 10, refill: SignedDuration::from_secs(30) };
/// The same for an address, behind which there may be an office.
const OF_ADDRESS: Bucket = Bucket { tries: 50, refill: SignedDuration::from_secs(10) };
/// Buckets of each sort that are remembered. Full ones need not be; beyond that the fullest is forgotten.
const MOST: usize = 10_000;

#[derive(Clone, Copy)]
struct Bucket {
    tries: i32,
    refill: SignedDuration,
}

/// What is left of all buckets that are not full.
#[derive(Default)]
pub(super) struct Throttle {
    accounts: Buckets<String>,
    addresses: Buckets<IpAddr>,
}

impl Throttle {
    /// Takes a try, or says after how long there is one. Without an account: it is not known yet whose it is.
    pub(super) fn take<'a>(
        &mut self,
        account: impl Into<Option<&'a str>>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let (account, address) = (account.into().map(str::to_owned), address.map(network));
        let wait = account.as_ref().and_then(|account| self.accounts.wait(account, OF_ACCOUNT, now));
        let wait = wait.max(address.and_then(|address| self.addresses.wait(&address, OF_ADDRESS, now)));
        if let Some(wait) = wait {
            return Err(wait.unsigned_abs());
        }
        if let Some(account) = account {
            self.accounts.change(account, OF_ACCOUNT, now, 1);
        }
        if let Some(address) = address {
            self.addresses.change(address, OF_ADDRESS, now, 1);
        }
        Ok(())
    }

    /// Gives a try back: it was the right one.
    pub(super) fn give_back<'a>(
        &mut self,
        account: impl Into<Option<&'a str>>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) {
        if let Some(account) = account.into() {
            self.accounts.change(account.to_owned(), OF_ACCOUNT, now, -1);
        }
        if let Some(address) = address {
            self.addresses.change(network(address), OF_ADDRESS, now, -1);
        }
    }
}

/// Whoever has one IPv6 address has a network of them.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

/// When each bucket that is not full will be.
struct Buckets<K>(HashMap<K, Timestamp>);

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// How long until there is a try; none: there is one now.
    fn wait(&self, key: &K, bucket: Bucket, now: Timestamp) -> Option<SignedDuration> {
        let lacking = self.0.get(key)?.duration_since(now);
        let wait = lacking - bucket.refill * (bucket.tries - 1);
        wait.is_positive().then_some(wait)
    }

    /// Takes so many tries; gives them back if it is less than none.
    fn change(&mut self, key: K, bucket: Bucket, now: Timestamp, tries: i32) {
        let full = self.0.get(&key).map_or(now, |full| (*full).max(now));
        let full = full.saturating_add(bucket.refill * tries).unwrap_or(Timestamp::MAX);
        if full <= now {
            self.0.remove(&key);
            return;
        }
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            self.0.retain(|_, full| *full > now);
            let fullest = self.0.iter().min_by_key(|(_, full)| **full).map(|(key, _)| key.clone());
            if self.0.len() >= MOST
                && let Some(fullest) = fullest
            {
                self.0.remove(&fullest);
            }
        }
        self.0.insert(key, full);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    #[test]
    fn an_account_has_ten_tries_from_wherever_they_come_then_one_each_half_minute() {
        let mut throttle = Throttle::default();
        for last in 0..10 {
            assert_eq!(throttle.take("ann", address(last), at(0)), Ok(()));
        }
        assert_eq!(throttle.take("ann", address(99), at(0)), Err(Duration::from_secs(30)));
        assert_eq!(throttle.take("bob", address(99), at(0)), Ok(()));
        assert_eq!(throttle.take("ann", address(99), at(29)), Err(Duration::from_secs(1)));
        assert_eq!(throttle.take("ann", address(99), at(30)), Ok(()));
        assert_eq!(throttle.take("ann", address(99), at(30)), Err(Duration::from_secs(30)));
        for _ in 0..10 {
            assert_eq!(throttle.take("ann", address(98), at(330)), Ok(()));
        }
        assert!(throttle.take("ann", address(98), at(330)).is_err());
    }

    #[test]
    fn an_address_has_fifty_tries_whatever_account_they_are_for_and_a_network_counts_as_one() {
        let mut throttle = Throttle::default();
        for number in 0..50_u16 {
            let address = IpAddr::from([0x2001, 0xdb8, 0, 0, number, 1, 2, 3]);
            assert_eq!(throttle.take(format!("user{number}").as_str(), Some(address), at(0)), Ok(()));
        }
        let near = IpAddr::from([0x2001, 0xdb8, 0, 0, 9, 9, 9, 9]);
        assert_eq!(throttle.take("other", Some(near), at(0)), Err(Duration::from_secs(10)));
        let far = IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]);
        assert_eq!(throttle.take("other", Some(far), at(0)), Ok(()));
    }

    #[test]
    fn who_gets_in_has_used_nothing_up() {
        let mut throttle = Throttle::default();
        for _ in 0..1000 {
            assert_eq!(throttle.take("ann", address(1), at(0)), Ok(()));
            throttle.give_back("ann", address(1), at(0));
        }
        assert!(throttle.accounts.0.is_empty() && throttle.addresses.0.is_empty());
    }

    #[test]
    fn memory_is_bounded_and_whoever_is_shut_out_is_not_forgotten_for_strangers() {
        let mut throttle = Throttle::default();
        for _ in 0..10 {
            throttle.take("ann", None, at(0)).unwrap();
        }
        for stranger in 0..2 * MOST {
            throttle.take(format!("stranger{stranger}").as_str(), None, at(0)).unwrap();
        }
        assert_eq!(throttle.accounts.0.len(), MOST);
        assert!(throttle.take("ann", None, at(0)).is_err());
    }
}
