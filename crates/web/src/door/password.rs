//! Passwords: hashing and comparing them, slowly on purpose and off the threads that answer.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier},
};
use rehome_domain::{account::Password, lang::Lang};
use tokio::{sync::Semaphore, time::timeout};

use crate::texts;

/// The fewest characters a password may have.
pub const LEAST_PASSWORD: usize = 12;
/// The most bytes: more would only be work for us.
pub const MOST_PASSWORD: usize = 256;
/// Hashed at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// How long one may wait for its turn.
const TURN: Duration = Duration::from_secs(10);
/// The letters of a one-time password: none that look alike.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Its groups of letters, for people to type: 100 bits.
const GROUPS: usize = 4;
const GROUP: usize = 5;

/// A password could not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The system has no randomness.
    #[error("the system has no randomness: {0}")]
    NoRandomness(getrandom::Error),
    /// It can't be hashed.
    #[error("the password can't be hashed: {0}")]
    Hash(String),
    /// Too many others are being worked on.
    #[error("too many passwords are being checked")]
    Busy,
}

/// Why a text can't be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It has fewer than [`LEAST_PASSWORD`] characters.
    TooShort,
    /// It has more than [`MOST_PASSWORD`] bytes.
    TooLong,
}

impl Unfit {
    /// What a person reads.
    #[must_use]
    pub fn sentence(self, lang: Lang) -> String {
        match self {
            Self::TooShort => texts::password_too_short(lang, LEAST_PASSWORD),
            Self::TooLong => texts::password_too_long(lang, MOST_PASSWORD),
        }
    }
}

/// Whether a text can be a password.
///
/// # Errors
/// If it is too short or too long.
pub fn fits(clear: &str) -> Result<(), Unfit> {
    if clear.chars().count() < LEAST_PASSWORD {
        Err(Unfit::TooShort)
    } else if clear.len() > MOST_PASSWORD {
        Err(Unfit::TooLong)
    } else {
        Ok(())
    }
}

/// Hashes and compares passwords (argon2id, OWASP's parameters).
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// Compared with where there is none, so that it takes as long.
    nobodys: Arc<str>,
}

impl Passwords {
    /// Ready to work.
    ///
    /// # Errors
    /// If nothing can be hashed.
    pub fn new() -> Result<Self, PasswordError> {
        let nobodys = hash(b"nobody's")?;
        Ok(Self { turns: Arc::new(Semaphore::new(AT_ONCE)), nobodys: nobodys.into() })
    }

    /// What is kept of a password.
    ///
    /// # Errors
    /// If it can't be hashed, or too many others are.
    pub async fn keep(&self, clear: String, one_time: bool) -> Result<Password, PasswordError> {
        let hash = self.work(move || hash(clear.as_bytes())).await??;
        Ok(Password { hash, one_time })
    }

    /// Whether it is this one. As slow if there is none to compare with.
    ///
    /// # Errors
    /// If too many others are compared.
    pub async fn is(&self, clear: String, password: Option<&Password>) -> Result<bool, PasswordError> {
        let kept: Arc<str> = match password {
            Some(password) => password.hash.as_str().into(),
            None => Arc::clone(&self.nobodys),
        };
        let same = self.work(move || Argon2::default().verify_password(clear.as_bytes(), &*kept).is_ok());
        Ok(same.await? && password.is_some())
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = timeout(TURN, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(PasswordError::Busy) };
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|error| PasswordError::Hash(error.to_string()))
    }
}

fn hash(clear: &[u8]) -> Result<String, PasswordError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(PasswordError::NoRandomness)?;
    let hashed = Argon2::default().hash_password_with_salt(clear, &salt);
    hashed.map(|hash| hash.to_string()).map_err(|error| PasswordError::Hash(error.to_string()))
}

/// A password for one sign-in, for people to type.
///
/// # Errors
/// If the system has no randomness.
pub fn one_time() -> Result<String, PasswordError> {
    let mut bytes = [0; GROUPS * GROUP];
    getrandom::fill(&mut bytes).map_err(PasswordError::NoRandomness)?;
    // 32 letters: every byte leads to each as often.
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    let groups: Vec<String> = letters.chunks(GROUP).map(|group| group.iter().collect()).collect();
    Ok(groups.join("-"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other_is() {
        let passwords = Passwords::new().unwrap();
        let kept = passwords.keep("correct horse".to_owned(), true).await.unwrap();
        assert!(kept.one_time && kept.hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.hash);
        assert!(passwords.is("correct horse".to_owned(), Some(&kept)).await.unwrap());
        assert!(!passwords.is("correct horsf".to_owned(), Some(&kept)).await.unwrap());
        assert!(!passwords.is("nobody's".to_owned(), None).await.unwrap());
        let again = passwords.keep("correct horse".to_owned(), true).await.unwrap();
        assert_ne!(again.hash, kept.hash, "the salt is the same");
    }

    #[test]
    fn one_time_passwords_are_long_enough_and_differ() {
        let (first, second) = (one_time().unwrap(), one_time().unwrap());
        assert_ne!(first, second);
        assert!(first.len() >= LEAST_PASSWORD && first.len() == GROUPS * (GROUP + 1) - 1, "{first}");
    }
}
