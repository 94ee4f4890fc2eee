//! Settling dead letters: what a person does about them, once.

use rehome_domain::{
    id::RelocationId,
    lang::Lang,
    ports::{Kept, Settled, Settlement},
};

use crate::{asker::Asked, door::Caller, frame::Problem, site::Workbench, texts};

/// What became of a message that was sent again.
pub(crate) struct Resent {
    /// The relocation it is about.
    pub(crate) relocation: RelocationId,
    /// What the supervisor said, if it has.
    pub(crate) asked: Asked,
}

/// Why a letter can't be sent again; none if it can.
pub(crate) fn not_resent(workbench: &Workbench, kept: &Kept, lang: Lang) -> Option<String> {
    workbench.asker.said(&kept.letter).err().map(|why| why.sentence(lang))
}

/// Sends a letter's message again, in the name of whoever wants it, and takes that down.
///
/// # Errors
/// If there is no such letter, it can't be sent, somebody has dealt with it, or bus or store fail.
pub(crate) async fn resend(
    workbench: &Workbench,
    caller: &Caller,
    lang: Lang,
    key: String,
    reason: String,
) -> Result<Resent, Problem> {
    let kept = workbench.letters.letter(key).await?.ok_or(Problem::NotFound)?;
    if let Some(settled) = &kept.settled {
        return Err(dealt_with(lang, settled));
    }
    let said = workbench.asker.said(&kept.letter);
    let said = said.map_err(|why| Problem::Conflict(why.sentence(lang)))?;
    let envelope = kept.again(said, caller.by());
    let relocation = envelope.relocation;
    // First sent, then taken down: who dies between the two leaves a letter that is sent once more, and counts once.
    let asked = workbench.asker.command(envelope).await?;
    let settled = settled(workbench, caller, Settlement::Resent, reason);
    if !workbench.letters.settle_letter(kept.key.clone(), settled).await? {
        let other = workbench.letters.letter(kept.key).await?.and_then(|kept| kept.settled);
        // Another who sent it again sent the same message.
        if let Some(other) = other.filter(|other| other.what != Settlement::Resent) {
            return Err(Problem::Conflict(texts::resent_though_settled(lang, other.by, other.at)));
        }
    }
    Ok(Resent { relocation, asked })
}

/// Takes down that a letter needs nothing.
///
/// # Errors
/// If there is no such letter, somebody has dealt with it, or the store fails.
pub(crate) async fn drop(
    workbench: &Workbench,
    caller: &Caller,
    lang: Lang,
    key: String,
    reason: String,
) -> Result<(), Problem> {
    let settled = settled(workbench, caller, Settlement::Dropped, reason);
    if workbench.letters.settle_letter(key.clone(), settled).await? {
        return Ok(());
    }
    let known = workbench.letters.letter(key).await?.and_then(|kept| kept.settled);
    Err(known.map_or(Problem::NotFound, |known| dealt_with(lang, &known)))
}

fn settled(workbench: &Workbench, caller: &Caller, what: Settlement, reason: String) -> Settled {
    Settled { what, by: caller.by(), at: workbench.door.now(), reason }
}

fn dealt_with(lang: Lang, settled: &Settled) -> Problem {
    Problem::Conflict(texts::settled_before(lang, &settled.by, settled.at))
}
