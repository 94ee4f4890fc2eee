//! Who may come in by the workbench and the API: accounts, and the passes (sessions, tokens) that stand for them.
//!
//! Every version of an account is kept, with who made it, when and why: what a person was allowed at a time can be read
//! afterwards. Of a password only a hash is kept, and only the newest; of a pass's secret only a digest, its key.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{identity::Identity, role::Role};

/// The longest name of an account, in characters: it goes into every entry of a journal that its owner causes.
pub const LONGEST_NAME: usize = 64;

/// What a person is called in journals and signs in by: one spelling for each, so that nobody passes for another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(String);

impl AccountName {
    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that can't be the name of an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` can't be an account's name, expected up to {LONGEST_NAME} lower-case letters, digits, `.`, `_`, `-` and `@`, \
     beginning with a letter or digit"
)]
pub struct BadAccountName(pub String);

impl FromStr for AccountName {
    type Err = BadAccountName;

    fn from_str(given: &str) -> Result<Self, BadAccountName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = given.as_bytes();
        let fits = (1..=LONGEST_NAME).contains(&bytes.len())
            && bytes.first().is_some_and(|first| plain(*first))
            && bytes.iter().all(|byte| plain(*byte) || b"._-@".contains(byte));
        if fits { Ok(Self(given.to_owned())) } else { Err(BadAccountName(given.to_owned())) }
    }
}

impl TryFrom<String> for AccountName {
    type Error = BadAccountName;

    fn try_from(given: String) -> Result<Self, BadAccountName> {
        given.parse()
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a person signs in with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password {
    /// Its hash, as a PHC string.
    pub hash: String,
    /// Somebody else chose it: its owner must choose another before anything else.
    pub one_time: bool,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Password").field("one_time", &self.one_time).finish_non_exhaustive()
    }
}

/// A person's (or another system's) account, in one of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What they are called in journals.
    pub name: AccountName,
    /// From 1, one more with each change.
    pub version: u64,
    /// What people call them; may be empty.
    pub display_name: String,
    /// What they may do.
    pub role: Role,
    /// May not come in at all.
    pub disabled: bool,
    /// Whom an identity provider must vouch for to let somebody in as this account; none: nobody comes in that way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// None: they come in some other way (tokens, another system's sign-in), or not at all. Never told; an older
    /// version has none.
    #[serde(skip)]
    pub password: Option<Password>,
    /// Who made the account.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Who made this version.
    pub changed_by: String,
    /// When.
    pub changed_at: Timestamp,
    /// Why, in their words; may be empty where nobody need say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Account {
    /// A new one, without a password.
    #[must_use]
    pub fn new(name: AccountName, role: Role, by: &str, at: Timestamp) -> Self {
        Self {
            name,
            version: 1,
            display_name: String::new(),
            role,
            disabled: false,
            identity: None,
            password: None,
            created_by: by.to_owned(),
            created_at: at,
            changed_by: by.to_owned(),
            changed_at: at,
            reason: String::new(),
        }
    }

    /// Its next version, as it is: to change what is to be changed, and to say why.
    #[must_use]
    pub fn next(&self, by: &str, at: Timestamp) -> Self {
        Self {
            version: self.version + 1,
            changed_by: by.to_owned(),
            changed_at: at,
            reason: String::new(),
            ..self.clone()
        }
    }

    /// What whoever shows this pass of theirs may do at an instant; none: they may not come in.
    #[must_use]
    pub fn rights(&self, pass: &Pass, at: Timestamp) -> Option<Role> {
        let stands = !self.disabled && pass.account == self.name && pass.stands(at);
        stands.then(|| pass.at_most.map_or(self.role, |most| most.min(self.role)))
    }
}

/// What a pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PassKind {
    /// A browser's, from a sign-in until the sign-out.
    Session,
    /// A program's.
    Token,
}

impl PassKind {
    /// The name in the store.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
        }
    }
}

/// The digest (SHA-256) of a pass's secret: whoever reads the store can't come in with what they find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PassKey(pub [u8; 32]);

/// A session or an API token: whoever has its secret comes in as its account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// To name it by; no secret.
    pub id: Uuid,
    /// What it is for.
    pub kind: PassKind,
    /// Whose.
    pub account: AccountName,
    /// What its owner knows it by: a token's name, a session's browser.
    pub label: String,
    /// It allows no more than this, whatever its account may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Role>,
    /// Who issued it.
    pub issued_by: String,
    /// When.
    pub issued_at: Timestamp,
    /// When it was last shown, to the minute.
    pub seen_at: Timestamp,
    /// It ends then, used or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// It ends when it was not shown for so long, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_ms: Option<i64>,
}

impl Pass {
    /// When it ends if it is not shown again; none: it does not.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        let idle = self
            .idle_ms
            .map(|ms| self.seen_at.saturating_add(SignedDuration::from_millis(ms)).unwrap_or(Timestamp::MAX));
        [self.ends_at, idle].into_iter().flatten().min()
    }

    /// Whether it has not ended by itself.
    #[must_use]
    pub fn stands(&self, at: Timestamp) -> bool {
        self.until().is_none_or(|until| at < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn pass(at_most: Option<Role>, ends: Option<i64>, idle: Option<i64>, seen: i64) -> Pass {
        Pass {
            id: Uuid::nil(),
            kind: PassKind::Token,
            account: "ann".parse().unwrap(),
            label: String::new(),
            at_most,
            issued_by: "ann".to_owned(),
            issued_at: at(0),
            seen_at: at(seen),
            ends_at: ends.map(at),
            idle_ms: idle.map(|seconds| seconds * 1000),
        }
    }

    #[test]
    fn a_pass_gives_the_lesser_of_its_own_and_its_accounts_rights() {
        for own in Role::ALL {
            let account = Account::new("ann".parse().unwrap(), own, "root", at(0));
            assert_eq!(account.rights(&pass(None, None, None, 0), at(1)), Some(own));
            for most in Role::ALL {
                assert_eq!(account.rights(&pass(Some(most), None, None, 0), at(1)), Some(own.min(most)));
            }
        }
    }

    #[test]
    fn a_disabled_account_and_a_strangers_pass_give_none() {
        let mut account = Account::new("ann".parse().unwrap(), Role::Admin, "root", at(0));
        let stranger = Account { name: "bob".parse().unwrap(), ..account.clone() };
        assert_eq!(stranger.rights(&pass(None, None, None, 0), at(1)), None);
        account.disabled = true;
        assert_eq!(account.rights(&pass(None, None, None, 0), at(1)), None);
    }

    #[test]
    fn a_pass_ends_at_its_end_and_when_it_lay_idle_whichever_comes_first() {
        for (ends, idle, seen, until) in [
            (None, None, 5, None),
            (Some(100), None, 5, Some(100)),
            (None, Some(10), 5, Some(15)),
            (Some(100), Some(10), 5, Some(15)),
            (Some(100), Some(10), 95, Some(100)),
        ] {
            let pass = pass(None, ends, idle, seen);
            assert_eq!(pass.until(), until.map(at));
            if let Some(until) = until {
                assert!(pass.stands(at(until - 1)) && !pass.stands(at(until)));
            }
        }
    }

    #[test]
    fn a_name_has_one_spelling_and_nothing_that_looks_like_another() {
        let longest = "a".repeat(LONGEST_NAME);
        for good in ["ann", "a", "7", "ann.lee@carrier-1.example", "a_b", &longest] {
            assert_eq!(good.parse::<AccountName>().unwrap().as_str(), good);
        }
        let longer = "a".repeat(LONGEST_NAME + 1);
        for bad in ["", "Ann", " ann", "ann ", ".ann", "@", "аnn", "a\0", "a\nb", "李", &longer] {
            assert!(bad.parse::<AccountName>().is_err(), "{bad}");
        }
    }
}
