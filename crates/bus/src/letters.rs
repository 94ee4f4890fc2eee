//! Dead letters that supervisors keep, read again.

use rehome_domain::{
    message::{Envelope, Input},
    ports::{DeadLetter, NotResent},
};

/// The request or command that a supervisor set aside, as it keeps it: whole, and without a key. What has a key came over
/// a broker, with a body of its sender's, and says of itself what it likes.
pub(crate) fn envelope(letter: &DeadLetter) -> Result<Envelope, NotResent> {
    let no_command = || NotResent::NoCommand { origin: letter.origin.clone() };
    if letter.key.is_some() {
        return Err(no_command());
    }
    let read: Result<Envelope, _> = serde_json::from_str(&letter.body);
    let envelope = read.map_err(|why| NotResent::Unreadable(why.to_string()))?;
    if matches!(envelope.input, Input::Submitted { .. } | Input::Command(_)) {
        Ok(envelope)
    } else {
        Err(no_command())
    }
}
