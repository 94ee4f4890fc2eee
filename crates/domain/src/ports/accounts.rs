//! Where accounts and their passes are kept.

use jiff::Timestamp;
use uuid::Uuid;

use super::{StoreError, Wait};
use crate::account::{Account, AccountName, Pass, PassKey};

/// Which passes to take away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoke {
    /// This one.
    One(Uuid),
    /// All sessions of an account, but perhaps one.
    Sessions {
        /// Whose.
        of: AccountName,
        /// The one to leave.
        but: Option<Uuid>,
    },
    /// Those that have ended by themselves.
    Ended(Timestamp),
}

/// Accounts and their passes. There are as many as there are people and programs, so they are read as a whole.
pub trait AccountStore: Send + Sync {
    /// An account as it is now.
    fn account(&self, name: AccountName) -> Wait<'_, Result<Option<Account>, StoreError>>;

    /// Every account as it is now, by name.
    fn accounts(&self) -> Wait<'_, Result<Vec<Account>, StoreError>>;

    /// Every version of an account, the first one first. Only the last has its password.
    fn account_history(&self, name: AccountName) -> Wait<'_, Result<Vec<Account>, StoreError>>;

    /// Adds a version: the first, if there is no such account, or the one after the last. False: somebody else has
    /// added it, or it is none of these; look again. Durable when it resolves.
    fn keep_account(&self, account: Account) -> Wait<'_, Result<bool, StoreError>>;

    /// The same, but only if there is no account at all.
    fn keep_first_account(&self, account: Account) -> Wait<'_, Result<bool, StoreError>>;

    /// Keeps a new pass.
    fn issue(&self, key: PassKey, pass: Pass) -> Wait<'_, Result<(), StoreError>>;

    /// The pass with this key and its account, whether or not they still let anybody in.
    fn holder(&self, key: PassKey) -> Wait<'_, Result<Option<(Account, Pass)>, StoreError>>;

    /// All passes, or those of one account, in the order they were issued.
    fn passes(&self, of: Option<AccountName>) -> Wait<'_, Result<Vec<Pass>, StoreError>>;

    /// Keeps when a pass was last shown, if it is still there.
    fn seen(&self, pass: Pass) -> Wait<'_, Result<(), StoreError>>;

    /// Takes passes away. Answers how many.
    fn revoke(&self, which: Revoke) -> Wait<'_, Result<u64, StoreError>>;
}
