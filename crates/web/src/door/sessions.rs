//! Signing in and out, and choosing a password.

use std::net::IpAddr;

use jiff::Timestamp;
use rehome_domain::{
    account::{Account, AccountName, Pass, PassKind},
    identity::{Vouched, Welcome, welcome},
    ports::Revoke,
};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Door, NotVouched, SignedIn,
    password::{self, MOST_PASSWORD, PasswordError},
    secret::Secret,
    signed,
};
use crate::{
    frame::{FieldProblem, Problem},
    texts,
};
use rehome_domain::lang::Lang;

/// Sessions of one account at once: each browser it is used in, with room. The oldest ends for a new one.
const SESSIONS: usize = 32;
/// What is kept of a browser's name for itself, in characters.
const LABEL: usize = 200;

/// A try to sign in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SignIn")]
pub struct Tried {
    /// The account's name.
    pub name: String,
    /// The password.
    pub password: String,
}

/// A new password, with the one it replaces.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The one they have.
    pub(crate) old: String,
    /// The one they choose.
    pub(crate) new: String,
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::Unavailable(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl Door {
    /// Signs in: a new session, whatever the browser had before.
    ///
    /// # Errors
    /// If name or password are wrong, the account is disabled, or it was tried too often.
    pub(crate) async fn sign_in(
        &self,
        tried: Tried,
        address: Option<IpAddr>,
        browser: &str,
    ) -> Result<(Secret, SignedIn), Problem> {
        let now = self.now();
        // What can't be a name shares one bucket, and takes as long.
        let name: Option<AccountName> = tried.name.parse().ok();
        let bucket = name.as_ref().map_or("", AccountName::as_str);
        self.throttle().take(bucket, address, now).map_err(|again| Problem::TooManyTries { again })?;
        let account = match name.clone() {
            Some(name) => self.accounts.account(name).await?,
            None => None,
        };
        let may = tried.password.len() <= MOST_PASSWORD;
        let clear = if may { tried.password } else { String::new() };
        let password = account.as_ref().and_then(|account| account.password.as_ref());
        let right = self.passwords.is(clear, password).await?;
        let Some(account) = account.filter(|account| right && may && !account.disabled) else {
            tracing::warn!(name = bucket, address = address.map(tracing::field::display), "a sign-in failed");
            return Err(Problem::SignInFailed);
        };
        self.throttle().give_back(bucket, address, now);
        self.open(account, browser, now).await
    }

    /// Lets somebody in whom the identity provider vouches for.
    ///
    /// # Errors
    /// If they are not welcome, or the store fails.
    pub(crate) async fn let_in(
        &self,
        vouched: Vouched,
        browser: &str,
    ) -> Result<(Secret, SignedIn), Problem> {
        let now = self.now();
        // Twice: they may be signing in in two windows, for the first time.
        for _ in 0..2 {
            let found = self.accounts.account(vouched.name.clone()).await?;
            match welcome(found, vouched.clone(), now).map_err(NotVouched::from)? {
                Welcome::Known(account) => return self.open(account, browser, now).await,
                Welcome::Changed(account) if self.accounts.keep_account(account.clone()).await? => {
                    self.forget();
                    return self.open(account, browser, now).await;
                }
                Welcome::Changed(_) => {}
            }
        }
        Err(changed_meanwhile())
    }

    /// Opens a session for an account that somebody has vouched for.
    async fn open(
        &self,
        account: Account,
        browser: &str,
        now: Timestamp,
    ) -> Result<(Secret, SignedIn), Problem> {
        self.accounts.revoke(Revoke::Ended(now)).await?;
        let passes = self.accounts.passes(Some(account.name.clone())).await?;
        let sessions: Vec<Uuid> =
            passes.iter().filter(|pass| pass.kind == PassKind::Session).map(|pass| pass.id).collect();
        for oldest in sessions.iter().take((sessions.len() + 1).saturating_sub(SESSIONS)) {
            self.accounts.revoke(Revoke::One(*oldest)).await?;
        }
        let secret = Secret::new(PassKind::Session)?;
        let pass = Pass {
            id: Uuid::now_v7(),
            kind: PassKind::Session,
            account: account.name.clone(),
            label: browser.chars().take(LABEL).collect(),
            at_most: None,
            issued_by: account.name.to_string(),
            issued_at: now,
            seen_at: now,
            ends_at: Some(now.saturating_add(signed(self.lifetimes.session)).unwrap_or(Timestamp::MAX)),
            idle_ms: Some(i64::try_from(self.lifetimes.idle.as_millis()).unwrap_or(i64::MAX)),
        };
        self.accounts.issue(secret.key(), pass.clone()).await?;
        tracing::info!(name = %account.name, session = %pass.id, "signed in");
        let role = account.role;
        Ok((secret, SignedIn { account, pass, role }))
    }

    /// Ends the session by which somebody came in.
    ///
    /// # Errors
    /// If they came by a token, which is not signed out; or the store's.
    pub(crate) async fn sign_out(&self, who: &SignedIn) -> Result<(), Problem> {
        who.needs_session()?;
        self.end(&who.pass).await
    }

    async fn end(&self, pass: &Pass) -> Result<(), Problem> {
        self.accounts.revoke(Revoke::One(pass.id)).await?;
        self.forget();
        Ok(())
    }

    /// Ends whatever session a browser still has, when it signs in anew.
    pub(crate) async fn leave_behind(&self, shown: &str) -> Result<(), Problem> {
        if let Some((_, pass)) = self.accounts.holder(super::secret::key(shown)).await?
            && pass.kind == PassKind::Session
        {
            self.end(&pass).await?;
        }
        Ok(())
    }

    /// Chooses a password of one's own. All sessions end but the new one that is opened.
    ///
    /// # Errors
    /// If the old one is wrong or was tried too often, or the new one can't be one.
    pub(crate) async fn choose_password(
        &self,
        who: &SignedIn,
        chosen: NewPassword,
        address: Option<IpAddr>,
        lang: Lang,
    ) -> Result<(Secret, SignedIn), Problem> {
        let (now, name) = (self.now(), &who.account.name);
        fits(&chosen, lang)?;
        self.throttle().take(name.as_str(), address, now).map_err(|again| Problem::TooManyTries { again })?;
        // As it is now: what was looked up a moment ago may be an older version.
        let account = self.accounts.account(name.clone()).await?.ok_or(Problem::NotSignedIn)?;
        if !self.passwords.is(chosen.old, account.password.as_ref()).await? {
            return Err(Problem::field("old", texts::password_wrong(lang)));
        }
        self.throttle().give_back(name.as_str(), address, now);
        let password = self.passwords.keep(chosen.new, false).await?;
        let changed = Account { password: Some(password), ..account.next(name.as_str(), now) };
        if !self.accounts.keep_account(changed.clone()).await? {
            return Err(changed_meanwhile());
        }
        self.accounts.revoke(Revoke::Sessions { of: name.clone(), but: None }).await?;
        self.forget();
        self.open(changed, &who.pass.label, now).await
    }
}

fn changed_meanwhile() -> Problem {
    Problem::Unavailable("the account was changed by somebody else meanwhile".to_owned())
}

fn fits(chosen: &NewPassword, lang: Lang) -> Result<(), Problem> {
    let NewPassword { old, new } = chosen;
    let problem = match password::fits(new) {
        Err(unfit) => unfit.sentence(lang),
        Ok(()) if new == old => texts::password_same(lang),
        Ok(()) => return Ok(()),
    };
    Err(Problem::Invalid(vec![FieldProblem::new("new", problem)]))
}
