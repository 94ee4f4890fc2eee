//! People that somebody else vouches for: an identity provider (OpenID Connect) says who they are and what they may do.
//!
//! An account made so is bound to the identity, not to the name: the name is what the provider's people can often choose
//! themselves, and nobody is to become somebody else here by being called so there.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, AccountName},
    lang::Lang,
    role::Role,
};

/// Who made and changed an account that follows an identity provider.
pub const PROVIDER: &str = "oidc";

/// Somebody, as a provider knows them for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// What it calls them; never given to another.
    pub subject: String,
}

/// What a provider has said of somebody who has just signed in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// Who it is.
    pub identity: Identity,
    /// What journals are to call them.
    pub name: AccountName,
    /// What people call them; may be empty.
    pub display_name: String,
    /// What they may do.
    pub role: Role,
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Welcome {
    /// The account is as the provider says.
    Known(Account),
    /// This version of it is to be kept first.
    Changed(Account),
}

/// Why somebody that a provider vouches for can't come in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwelcome {
    /// The name is somebody else's here.
    #[error("`{name}` is another account's name")]
    Taken {
        /// The name.
        name: AccountName,
        /// What the provider calls them.
        subject: String,
    },
    /// The account is disabled.
    #[error("the account `{0}` is disabled")]
    Disabled(AccountName),
}

crate::texts! {
    taken(name, subject): "There is an account `{name}` here already that is not bound to you. If it is yours, ask an \
        administrator to bind it: `rehome user bind {name} {subject}`",
        "此处已有帐户“{name}”，但未与您绑定。如果属于您，请管理员绑定：`rehome user bind {name} {subject}`";
    disabled(name): "The account `{name}` is disabled here; an administrator can enable it",
        "帐户“{name}”在此处已停用，可由管理员启用";
}

impl Unwelcome {
    /// What a person reads, and what to do.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        match self {
            Self::Taken { name, subject } => taken(lang, name, subject),
            Self::Disabled(name) => disabled(lang, name),
        }
    }
}

/// Lets somebody in whom a provider vouches for: as a new account, or as the one that is theirs, with the role they have
/// there now.
///
/// # Errors
/// If the name is another account's, or theirs is disabled.
pub fn welcome(found: Option<Account>, vouched: Vouched, at: Timestamp) -> Result<Welcome, Unwelcome> {
    let Vouched { identity, name, display_name, role } = vouched;
    let Some(found) = found else {
        let new = Account::new(name, role, PROVIDER, at);
        return Ok(Welcome::Changed(Account { display_name, identity: Some(identity), ..new }));
    };
    if found.identity.as_ref() != Some(&identity) {
        return Err(Unwelcome::Taken { name, subject: identity.subject });
    }
    if found.disabled {
        return Err(Unwelcome::Disabled(name));
    }
    if found.role == role && found.display_name == display_name {
        return Ok(Welcome::Known(found));
    }
    Ok(Welcome::Changed(Account { role, display_name, ..found.next(PROVIDER, at) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn vouched(subject: &str, role: Role) -> Vouched {
        Vouched {
            identity: Identity { issuer: "https://id.example".to_owned(), subject: subject.to_owned() },
            name: "ann".parse().unwrap(),
            display_name: "Ann".to_owned(),
            role,
        }
    }

    fn made(subject: &str, role: Role) -> Account {
        match welcome(None, vouched(subject, role), at(1)) {
            Ok(Welcome::Changed(account)) => account,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_stranger_becomes_an_account_without_a_password_and_comes_in_again_as_it() {
        let account = made("s1", Role::Operator);
        assert_eq!((account.version, account.role, &account.password), (1, Role::Operator, &None));
        let again = welcome(Some(account.clone()), vouched("s1", Role::Operator), at(2));
        assert_eq!(again, Ok(Welcome::Known(account)));
    }

    #[test]
    fn a_role_that_changed_there_is_a_new_version_here_also_a_lesser_one() {
        let account = made("s1", Role::Supervisor);
        let Ok(Welcome::Changed(next)) = welcome(Some(account), vouched("s1", Role::Viewer), at(2)) else {
            panic!("it stayed as it was");
        };
        assert_eq!((next.version, next.role, next.changed_by.as_str()), (2, Role::Viewer, PROVIDER));
    }

    #[test]
    fn nobody_becomes_another_by_the_name_they_have_at_the_provider() {
        let local = Account::new("ann".parse().unwrap(), Role::Admin, "root", at(0));
        let elsewhere = Identity { issuer: "https://other.example".to_owned(), subject: "s1".to_owned() };
        let other_issuer = Account { identity: Some(elsewhere), ..local.clone() };
        for found in [local, other_issuer, made("s2", Role::Admin)] {
            let taken = welcome(Some(found), vouched("s1", Role::Admin), at(2));
            assert_eq!(
                taken,
                Err(Unwelcome::Taken { name: "ann".parse().unwrap(), subject: "s1".to_owned() })
            );
        }
    }

    #[test]
    fn who_is_disabled_here_stays_out_whatever_the_provider_says() {
        let disabled = Account { disabled: true, ..made("s1", Role::Admin) };
        let refused = welcome(Some(disabled), vouched("s1", Role::Viewer), at(2));
        assert_eq!(refused, Err(Unwelcome::Disabled("ann".parse().unwrap())));
    }
}
