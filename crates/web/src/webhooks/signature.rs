//! Signatures, as Standard Webhooks has them: receivers check them with any of its libraries.
//!
//! `webhook-signature: v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, keyed with the bytes whose base64
//! follows `whsec_` in the secret.

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::hmac;

/// What secrets begin with.
pub const SECRET_PREFIX: &str = "whsec_";

/// A secret of these bytes.
#[must_use]
pub fn secret_of(bytes: &[u8]) -> String {
    format!("{SECRET_PREFIX}{}", BASE64_STANDARD.encode(bytes))
}

/// The signature of something told. A secret that was not made by [`secret_of`] counts by its own bytes.
#[must_use]
pub fn sign(secret: &str, id: &str, seconds: i64, body: &str) -> String {
    let encoded = secret.strip_prefix(SECRET_PREFIX).and_then(|text| BASE64_STANDARD.decode(text).ok());
    let bytes = encoded.unwrap_or_else(|| secret.as_bytes().to_vec());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
    let signed = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(signed.as_ref()))
}
