//! What can be wrong with a request, whoever it is told to: a program (RFC 9457) or a person.

use std::time::Duration;

use actix_web::{
    HttpResponse, ResponseError,
    error::{JsonPayloadError, UrlencodedError},
    http::StatusCode,
};
use rehome_domain::{
    action::WhyNot, id::RelocationId, lang::Lang, message::Rejection, ports::StoreError, role::Role,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{asker::AskError, door::NotVouched, texts};

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldProblem {
    /// Of a sheet: in which line, or which object; from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Which: its path, as it was sent.
    pub field: String,
    /// What is wrong and what was expected, for people.
    pub problem: String,
}

impl FieldProblem {
    /// What is wrong with a field.
    #[must_use]
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { line: None, field: field.into(), problem: problem.into() }
    }
}

/// What is wrong with a request. A handler answers it as its error; the frame tells it as the one who asked reads it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is nothing here.
    #[error("not found")]
    NotFound,
    /// Not by this method.
    #[error("method not allowed")]
    NoMethod,
    /// Nobody came in.
    #[error("not signed in")]
    NotSignedIn,
    /// Their role does not allow it.
    #[error("needs the role {needs}, has {has}")]
    NotAllowed {
        /// The role they have.
        has: Role,
        /// The role it takes.
        needs: Role,
    },
    /// They came by a token, and it takes a session.
    #[error("needs a session")]
    NotByToken,
    /// They have a one-time password, and must choose another first.
    #[error("the password must be changed first")]
    PasswordToChange,
    /// A browser sent it for another site's page.
    #[error("sent from another site")]
    CrossSite,
    /// Wrong name or password.
    #[error("sign-in failed")]
    SignInFailed,
    /// The identity provider's word does not let them in.
    #[error("not vouched for: {0}")]
    NotVouched(NotVouched),
    /// Too many tries to sign in.
    #[error("too many tries")]
    TooManyTries {
        /// After how long another one is allowed.
        again: Duration,
    },
    /// Fields are not as they must be.
    #[error("fields are wrong")]
    Invalid(Vec<FieldProblem>),
    /// A sheet has faults.
    #[error("a sheet has {count} faults")]
    BadSheet {
        /// The first of them.
        errors: Vec<FieldProblem>,
        /// How many there are.
        count: usize,
    },
    /// It can't be read at all: why, for people.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The ticket does not allow it.
    #[error("refused: {}", .0.wire())]
    Refused(WhyNot),
    /// The ticket is not any more as whoever asked saw it.
    #[error("version {expected} was seen, it is {is}")]
    Stale {
        /// The version they saw.
        expected: u64,
        /// The version it has.
        is: u64,
    },
    /// It does not go with what is there: why, for people.
    #[error("conflict: {0}")]
    Conflict(String),
    /// Something else was submitted before as this relocation.
    #[error("something else was submitted as {id}: {} differ", differ.join(", "))]
    SubmittedOtherwise {
        /// As which.
        id: RelocationId,
        /// The fields that differ.
        differ: Vec<&'static str>,
    },
    /// Another command was given to this relocation under the same key.
    #[error("another command was given to {0} under this key")]
    CommandedOtherwise(RelocationId),
    /// A device holds something else by now than the plan says that a command goes by.
    #[error("the devices of {0} are not any more as the plan says")]
    Drifted(RelocationId),
    /// It could not be given to any ticket.
    #[error("rejected: {0}")]
    Rejected(Rejection),
    /// The supervisors could not be asked.
    #[error("not asked: {0}")]
    NotAsked(AskError),
    /// This process stops, and begins nothing that takes long.
    #[error("stopping")]
    Stopping,
    /// It is larger than is read.
    #[error("too large")]
    TooLarge,
    /// It took too long.
    #[error("too slow")]
    TooSlow,
    /// Something it takes is away: what, for people.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// It is our fault: what, for the log.
    #[error("failed: {0}")]
    Failed(String),
}

impl Problem {
    /// What is wrong with one field.
    #[must_use]
    pub fn field(field: &str, problem: String) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, problem)])
    }

    /// Its name for programs, never translated.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::NoMethod => "method-not-allowed",
            Self::NotSignedIn => "not-signed-in",
            Self::NotAllowed { .. } => "not-allowed",
            Self::NotByToken => "not-by-token",
            Self::PasswordToChange => "password-to-change",
            Self::CrossSite => "cross-site",
            Self::SignInFailed => "sign-in-failed",
            Self::NotVouched(_) => "not-vouched-for",
            Self::TooManyTries { .. } => "too-many-tries",
            Self::Invalid(_) | Self::BadSheet { .. } => "invalid",
            Self::Malformed(_) => "malformed",
            Self::Refused(why) => why.wire(),
            Self::Stale { .. } => "stale",
            Self::Drifted(_) => "drifted",
            Self::Conflict(_) | Self::SubmittedOtherwise { .. } | Self::CommandedOtherwise(_) => "conflict",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::Unavailable(_) | Self::Rejected(_) | Self::NotAsked(_) | Self::Stopping => "unavailable",
            Self::Failed(_) => "failed",
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn title(&self, lang: Lang) -> String {
        match self {
            Self::NotFound => texts::not_found(lang),
            Self::NoMethod => texts::no_method(lang),
            Self::NotSignedIn => texts::not_signed_in(lang),
            Self::NotAllowed { .. } => texts::not_allowed(lang),
            Self::NotByToken => texts::not_by_token(lang),
            Self::PasswordToChange => texts::password_to_change(lang),
            Self::CrossSite => texts::cross_site(lang),
            Self::SignInFailed | Self::NotVouched(_) => texts::sign_in_failed(lang),
            Self::TooManyTries { .. } => texts::too_many_tries(lang),
            Self::Invalid(_) => texts::invalid(lang),
            Self::BadSheet { .. } => texts::bad_sheet(lang),
            Self::Malformed(_) => texts::malformed(lang),
            Self::Refused(_) | Self::Stale { .. } => texts::refused(lang),
            Self::Conflict(_)
            | Self::SubmittedOtherwise { .. }
            | Self::CommandedOtherwise(_)
            | Self::Drifted(_) => texts::conflict(lang),
            Self::TooLarge => texts::too_large(lang),
            Self::TooSlow => texts::too_slow(lang),
            Self::Unavailable(_) | Self::Rejected(_) | Self::NotAsked(_) | Self::Stopping => {
                texts::unavailable(lang)
            }
            Self::Failed(_) => texts::failed(lang),
        }
    }

    /// What is wrong here, and what to do.
    #[must_use]
    pub fn detail(&self, lang: Lang) -> String {
        match self {
            Self::NotFound => texts::not_found_more(lang),
            Self::NoMethod => texts::no_method_more(lang),
            Self::NotSignedIn => texts::not_signed_in_more(lang),
            Self::NotAllowed { has, needs } => {
                texts::not_allowed_more(lang, needs.label(lang), has.label(lang))
            }
            Self::NotByToken => texts::not_by_token_more(lang),
            Self::PasswordToChange => texts::password_to_change_more(lang),
            Self::CrossSite => texts::cross_site_more(lang),
            Self::SignInFailed => texts::sign_in_failed_more(lang),
            Self::NotVouched(why) => why.sentence(lang),
            Self::TooManyTries { again } => texts::too_many_tries_more(lang, seconds(*again)),
            Self::Invalid(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|FieldProblem { field, problem, .. }| format!("{field}: {problem}"))
                    .collect();
                texts::invalid_more(lang, fields.join("; "))
            }
            Self::BadSheet { count, .. } => texts::bad_sheet_more(lang, count),
            Self::Malformed(why) => texts::malformed_more(lang, why),
            Self::Refused(why) => texts::refused_more(lang, why.sentence(lang)),
            Self::Stale { expected, is } => {
                let why = WhyNot::Stale { expected: *expected, is: *is };
                texts::refused_more(lang, why.sentence(lang))
            }
            Self::Conflict(why) => texts::refused_more(lang, why),
            Self::SubmittedOtherwise { id, differ } => {
                texts::refused_more(lang, texts::submitted_otherwise(lang, id, differ.join(", ")))
            }
            Self::CommandedOtherwise(id) => texts::refused_more(lang, texts::commanded_otherwise(lang, id)),
            Self::Drifted(id) => texts::refused_more(lang, texts::drifted(lang, id)),
            Self::Rejected(why) => texts::unavailable_more(lang, why.sentence(lang)),
            Self::Stopping => texts::stopping(lang),
            Self::NotAsked(why) => texts::unavailable_more(lang, why.sentence(lang)),
            Self::TooLarge => texts::too_large_more(lang),
            Self::TooSlow => texts::too_slow_more(lang),
            Self::Unavailable(why) => texts::unavailable_more(lang, why),
            Self::Failed(_) => texts::failed_more(lang),
        }
    }

    /// In how many seconds to try again, if that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyTries { again } => Some(seconds(*again)),
            _ => None,
        }
    }

    /// What an answer of this status says that has no words of its own.
    pub(super) const fn of(status: StatusCode) -> Option<Self> {
        match status {
            StatusCode::NOT_FOUND => Some(Self::NotFound),
            StatusCode::METHOD_NOT_ALLOWED => Some(Self::NoMethod),
            StatusCode::PAYLOAD_TOO_LARGE => Some(Self::TooLarge),
            StatusCode::REQUEST_TIMEOUT => Some(Self::TooSlow),
            _ => None,
        }
    }
}

/// Never too early.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NoMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotSignedIn | Self::SignInFailed => StatusCode::UNAUTHORIZED,
            Self::NotVouched(NotVouched::Away(_))
            | Self::TooSlow
            | Self::Unavailable(_)
            | Self::Rejected(_)
            | Self::NotAsked(_)
            | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotAllowed { .. }
            | Self::NotByToken
            | Self::PasswordToChange
            | Self::CrossSite
            | Self::NotVouched(_) => StatusCode::FORBIDDEN,
            Self::TooManyTries { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Invalid(_) | Self::BadSheet { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Refused(_)
            | Self::Conflict(_)
            | Self::SubmittedOtherwise { .. }
            | Self::CommandedOtherwise(_)
            | Self::Drifted(_) => StatusCode::CONFLICT,
            Self::Stale { .. } => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Without a body: the frame knows who reads it.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl From<NotVouched> for Problem {
    fn from(why: NotVouched) -> Self {
        Self::NotVouched(why)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        Self::NotAsked(error)
    }
}

impl From<JsonPayloadError> for Problem {
    fn from(error: JsonPayloadError) -> Self {
        match error {
            JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
                Self::TooLarge
            }
            JsonPayloadError::ContentType => Self::Malformed(
                "it is not said to be JSON, expected `Content-Type: application/json`".to_owned(),
            ),
            other => Self::Malformed(other.to_string()),
        }
    }
}

impl From<UrlencodedError> for Problem {
    fn from(error: UrlencodedError) -> Self {
        match error {
            UrlencodedError::Overflow { .. } => Self::TooLarge,
            other => Self::Malformed(other.to_string()),
        }
    }
}
