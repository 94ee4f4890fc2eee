//! Who may come in.
//!
//! A browser signs in and has a session's secret in a cookie; a program shows a token's. Either names a pass, the pass
//! its account, the account its role: looked up anew for each request (at most [`RECENT`] ago), so whoever is disabled is
//! out at once. A handler asks for a [`Caller`] and says what role it takes. Who an account is can be for an identity provider
//! to say ([`Provider`]); what comes of it is a session like any other.

mod caller;
mod claims;
mod cookie;
mod passes;
mod password;
mod provider;
mod recent;
mod secret;
mod sessions;
mod signing;
mod throttle;
mod whence;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rehome_domain::ports::AccountStore;

pub use caller::{Caller, SignedIn};
pub use claims::{Claims, Unclear};
pub(crate) use cookie::{cookie, taken_back, way, way_taken_back};
pub use passes::{DAYS, MOST_DAYS, NewToken, PassError, issue, revoke};
pub use password::{LEAST_PASSWORD, MOST_PASSWORD, PasswordError, Passwords, Unfit, fits, one_time};
pub(crate) use provider::Returned;
pub use provider::{NotVouched, Provider, ProviderParts};
pub use recent::RECENT;
pub use secret::{Secret, TOKEN_PREFIX};
pub(crate) use sessions::NewPassword;
pub use sessions::Tried;
pub(crate) use signing::{signed_in, vouched_for};

use recent::Recent;
use throttle::Throttle;

/// Where an identity provider sends people back to, within this site.
pub const BACK: &str = "/sign-in/back";

/// The clock.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How long sessions last.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// From the sign-in on, however much it is used.
    pub session: Duration,
    /// Without being used.
    pub idle: Duration,
}

impl Default for Lifetimes {
    /// A working day; an hour.
    fn default() -> Self {
        Self { session: Duration::from_secs(12 * 3600), idle: Duration::from_secs(3600) }
    }
}

/// The door.
pub struct Door {
    accounts: Arc<dyn AccountStore>,
    now: Now,
    lifetimes: Lifetimes,
    passwords: Passwords,
    provider: Option<Provider>,
    throttle: Mutex<Throttle>,
    recent: Mutex<Recent>,
}

impl Door {
    /// A door to these accounts.
    ///
    /// # Errors
    /// If no password can be hashed on this machine.
    pub fn new(
        accounts: Arc<dyn AccountStore>,
        now: Now,
        lifetimes: Lifetimes,
    ) -> Result<Self, PasswordError> {
        Ok(Self {
            accounts,
            now,
            lifetimes,
            passwords: Passwords::new()?,
            provider: None,
            throttle: Mutex::default(),
            recent: Mutex::default(),
        })
    }

    /// With somebody else who says who people are.
    #[must_use]
    pub fn with_provider(self, provider: Option<Provider>) -> Self {
        Self { provider, ..self }
    }

    /// Who else says who people are, if anybody.
    #[must_use]
    pub const fn provider(&self) -> Option<&Provider> {
        self.provider.as_ref()
    }

    /// The accounts.
    #[must_use]
    pub fn accounts(&self) -> &dyn AccountStore {
        &*self.accounts
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing that was looked up lately is believed any more: to be called after each change of accounts or passes.
    pub fn forget(&self) {
        *self.recent() = Recent::default();
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
