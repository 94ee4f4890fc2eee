//! Issuing tokens, and taking tokens and sessions away. Either is a line in their account's history, with who and when:
//! the pass itself is gone when it is asked for.

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    account::{Account, AccountName, Pass, PassKind},
    ports::{AccountStore, Revoke, StoreError},
    role::Role,
};
use uuid::Uuid;

use super::{PasswordError, Secret};

/// The longest a token may last, in days: ten years. One that never ends is forgotten, and found by somebody else.
pub const MOST_DAYS: i64 = 3650;
/// How long it lasts if nothing is said, in days.
pub const DAYS: i64 = 365;
/// Tokens of one account at once: one for each program that a person or a system could keep track of.
const TOKENS: usize = 100;
/// The hours of a day, where none is longer than another.
const DAY_H: i64 = 24;
/// How often a line is added anew when somebody else changes the account at the same moment.
const TRIES: usize = 5;

/// A token that is wanted.
pub struct NewToken {
    /// Names it, and is never used again: what is asked for twice by the same id is issued once.
    pub id: Uuid,
    /// Whose.
    pub account: AccountName,
    /// What it is for, to know it by.
    pub label: String,
    /// It allows no more than this; none: all that its account may.
    pub at_most: Option<Role>,
    /// It ends after so many days, up to [`MOST_DAYS`].
    pub days: i64,
}

/// A token could not be issued, or a pass not taken away.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(AccountName),
    /// It would allow more than its account.
    #[error("{account} is {role}: a token can't allow more than its account")]
    Above {
        /// Whose.
        account: AccountName,
        /// What they may.
        role: Role,
    },
    /// The account has as many as there may be.
    #[error("{0} has {TOKENS} tokens, as many as there may be: revoke one")]
    TooMany(AccountName),
    /// It was issued before, and may be gone by now.
    #[error("the token {0} was issued before")]
    Again(Uuid),
    /// The end lies beyond what a clock can say.
    #[error("{0} days are too many")]
    TooLong(i64),
    /// Others changed the account each time.
    #[error("the account {0} was changed by others meanwhile: try again")]
    ChangedMeanwhile(AccountName),
    /// No secret can be made.
    #[error(transparent)]
    Secret(#[from] PasswordError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Issues a token, in the name of `by`.
///
/// # Errors
/// If there is no such account, it would allow more than that or there are too many, it was issued before, or the store fails.
pub async fn issue(
    accounts: &dyn AccountStore,
    wanted: NewToken,
    by: &str,
    now: Timestamp,
) -> Result<(Secret, Pass), PassError> {
    let NewToken { id, account: name, label, at_most, days } = wanted;
    let account = accounts.account(name.clone()).await?;
    let account = account.ok_or_else(|| PassError::NoAccount(name.clone()))?;
    if at_most.is_some_and(|most| most > account.role) {
        return Err(PassError::Above { account: name, role: account.role });
    }
    let passes = accounts.passes(Some(name.clone())).await?;
    if passes.iter().filter(|pass| pass.kind == PassKind::Token && pass.stands(now)).count() >= TOKENS {
        return Err(PassError::TooMany(name));
    }
    let lasts = days.checked_mul(DAY_H).map(SignedDuration::from_hours);
    let ends_at = lasts.and_then(|lasts| now.checked_add(lasts).ok()).ok_or(PassError::TooLong(days))?;
    let secret = Secret::new(PassKind::Token)?;
    let pass = Pass {
        id,
        kind: PassKind::Token,
        account: name,
        label,
        at_most,
        issued_by: by.to_owned(),
        issued_at: now,
        seen_at: now,
        ends_at: Some(ends_at),
        idle_ms: None,
    };
    if !note(accounts, &pass, "issued", by, now).await? {
        return Err(PassError::Again(id));
    }
    accounts.issue(secret.key(), pass.clone()).await?;
    Ok((secret, pass))
}

/// Takes a token or a session away, in the name of `by`.
///
/// # Errors
/// If the store fails.
pub async fn revoke(
    accounts: &dyn AccountStore,
    pass: &Pass,
    by: &str,
    now: Timestamp,
) -> Result<(), PassError> {
    note(accounts, pass, "revoked", by, now).await?;
    accounts.revoke(Revoke::One(pass.id)).await?;
    Ok(())
}

/// Says in the account's history what becomes of a pass; false if that was said before. First said, then done: nothing is done
/// that is not said there.
async fn note(
    accounts: &dyn AccountStore,
    pass: &Pass,
    what: &str,
    by: &str,
    now: Timestamp,
) -> Result<bool, PassError> {
    let Pass { id, kind, account: name, label, .. } = pass;
    let (begins, ends) = (format!("{} {id} (", kind.wire()), format!(") {what}"));
    for _ in 0..TRIES {
        let versions = accounts.account_history(name.clone()).await?;
        let is_said = |said: &Account| said.reason.starts_with(&begins) && said.reason.ends_with(&ends);
        if versions.iter().any(is_said) {
            return Ok(false);
        }
        let account = versions.last().ok_or_else(|| PassError::NoAccount(name.clone()))?;
        let mut next = account.next(by, now);
        next.reason = format!("{begins}{label}{ends}");
        if accounts.keep_account(next).await? {
            tracing::info!(%name, pass = %id, kind = kind.wire(), by, "{what}");
            return Ok(true);
        }
    }
    Err(PassError::ChangedMeanwhile(name.clone()))
}
