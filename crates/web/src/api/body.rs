//! Reads what was sent along.

use serde::de::DeserializeOwned;

use crate::frame::Problem;

/// A body's JSON as what it should be.
///
/// # Errors
/// If it is no JSON, or which field is not as it must be.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|error| Problem::Malformed(error.to_string()))?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "body" } else { path.as_str() };
        Problem::field(field, error.inner().to_string())
    })
}
