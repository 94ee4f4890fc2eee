//! Dead letters that supervisors keep, read again.

use rehome_domain::{
    message::Envelope,
    ports::{DeadLetter, NotResent},
};

/// The message that a supervisor set aside, as it keeps it: whole, and without a key. What has a key came over a broker,
/// with a body of its sender's, and says of itself what it likes.
pub(crate) fn envelope(letter: &DeadLetter) -> Result<Envelope, NotResent> {
    if let Some(key) = &letter.key {
        return Err(NotResent::Elsewhere { origin: letter.origin.clone(), key: key.clone() });
    }
    serde_json::from_str(&letter.body).map_err(|why| NotResent::Unreadable(why.to_string()))
}
