//! Secrets that nobody can guess: of sessions and of tokens.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rehome_domain::account::{PassKey, PassKind};
use sha2::{Digest, Sha256};

use super::password::PasswordError;

/// What a token's secret begins with, so that people and scanners know one when they see it.
pub const TOKEN_PREFIX: &str = "rht_";
/// Its random bytes: nobody guesses 256 bits, so a fast digest is enough to keep it by.
const BYTES: usize = 32;

/// A pass's secret, in clear: shown once, never kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn new(kind: PassKind) -> Result<Self, PasswordError> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(PasswordError::NoRandomness)?;
        let prefix = match kind {
            PassKind::Session => "",
            PassKind::Token => TOKEN_PREFIX,
        };
        Ok(Self(format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// In clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What it is kept by.
    #[must_use]
    pub fn key(&self) -> PassKey {
        key(&self.0)
    }
}

/// What a secret is kept by, whoever shows it.
pub(super) fn key(shown: &str) -> PassKey {
    PassKey(Sha256::digest(shown.as_bytes()).into())
}
