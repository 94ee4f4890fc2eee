//! Chance without a generator's state: a hash of what is drawn for.

/// FNV-1a's basis and prime (64 bit), <http://www.isthe.com/chongo/tech/comp/fnv/>.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// Whether something of this probability happens to the subject that the words name: the same for the same words, in
/// every process and on every machine.
pub(super) fn happens(probability: f64, seed: u64, rule: usize, words: &[&str]) -> bool {
    let mut hash = BASIS;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    };
    eat(&seed.to_le_bytes());
    eat(&u64::try_from(rule).unwrap_or(u64::MAX).to_le_bytes());
    for word in words {
        eat(word.as_bytes());
        // No word holds this byte, so that "ab" + "c" is not "a" + "bc".
        eat(&[0xff]);
    }
    fraction(mix(hash)) < probability
}

/// The finaliser of splitmix64: FNV alone leaves the high bits of similar words alike.
const fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// The upper 53 bits as a fraction in 0..1: all that an `f64` can hold evenly.
fn fraction(hash: u64) -> f64 {
    const STEPS: f64 = 9_007_199_254_740_992.0;
    (hash >> 11) as f64 / STEPS
}

#[cfg(test)]
mod tests {
    use super::happens;

    fn share(probability: f64, seed: u64, rule: usize) -> f64 {
        let hits =
            (0..10_000).filter(|n| happens(probability, seed, rule, &[&format!("SH-{n:05}"), "install"]));
        f64::from(u32::try_from(hits.count()).unwrap_or(u32::MAX)) / 10_000.0
    }

    #[test]
    fn things_happen_as_often_as_their_probability_says() {
        for probability in [0.0, 0.01, 0.1, 0.5, 0.9, 1.0] {
            for rule in 0..4 {
                let share = share(probability, 7, rule);
                assert!((share - probability).abs() < 0.02, "{share} for {probability}, rule {rule}");
            }
        }
        assert!(share(0.0, 7, 0) == 0.0 && share(1.0, 7, 0) == 1.0, "never and always are exact");
    }

    #[test]
    fn seed_and_rule_each_draw_anew() {
        let drawn =
            |seed, rule| (0..200).map(|n| happens(0.5, seed, rule, &[&format!("S{n}")])).collect::<Vec<_>>();
        assert_eq!(drawn(1, 1), drawn(1, 1));
        assert_ne!(drawn(1, 1), drawn(2, 1));
        assert_ne!(drawn(1, 1), drawn(1, 2));
    }
}
