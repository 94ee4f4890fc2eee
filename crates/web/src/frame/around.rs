//! What goes around every handler.

use std::time::Duration;

use actix_web::{
    Error, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    middleware::Next,
};
use tokio::time::timeout;

use super::{face::Asked, problem::Problem};

/// How long an answer may take to begin, what the client sends along included. A stream that has begun may go on.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time.
    pub answer: Duration,
}

impl Default for Limits {
    /// Longer than a command waits for its answer, and than the store is waited for.
    fn default() -> Self {
        Self { answer: Duration::from_secs(30) }
    }
}

/// Bounds the time, tells problems as the one who asked reads them, and adds the headers.
pub(crate) async fn around<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // Not the request itself: the router must have it alone.
    let asked = Asked::new(request.request());
    let limits = request.app_data::<Limits>().copied().unwrap_or_default();
    let done = timeout(limits.answer, next.call(request)).await;
    let problem = match done {
        Ok(Ok(response)) => {
            let mut response = response.map_into_boxed_body();
            if let Some(problem) = unsaid(response.response()) {
                return Ok(told(response, &asked, &problem));
            }
            asked.finish(response.headers_mut());
            return Ok(response);
        }
        Ok(Err(error)) => said(&error),
        Err(_) => Problem::TooSlow,
    };
    let mut answer = asked.tell(&problem);
    asked.finish(answer.headers_mut());
    Err(InternalError::from_response(problem, answer).into())
}

/// A response with a problem's own words, and what says more than they do: which methods there are, cookies taken back.
fn told(response: ServiceResponse, asked: &Asked, problem: &Problem) -> ServiceResponse {
    let mut answer = asked.tell(problem);
    for (name, value) in response.headers() {
        if !answer.headers().contains_key(name) {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    asked.finish(answer.headers_mut());
    response.into_response(answer)
}

/// The problem of a response that does not tell it yet.
fn unsaid(response: &HttpResponse) -> Option<Problem> {
    if let Some(error) = response.error() {
        return Some(said(error));
    }
    // What actix answers by itself: nothing there, no such method.
    let empty = matches!(response.body().size(), BodySize::None | BodySize::Sized(0));
    Problem::of(response.status()).filter(|_| empty)
}

/// What an error is to whoever asked.
fn said(error: &Error) -> Problem {
    if let Some(problem) = error.as_error::<Problem>() {
        return problem.clone();
    }
    let status = error.as_response_error().status_code();
    match Problem::of(status) {
        Some(problem) => problem,
        None if status.is_client_error() => Problem::Malformed(error.to_string()),
        None => Problem::Failed(error.to_string()),
    }
}
