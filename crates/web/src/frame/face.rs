//! How a problem is told to whoever asked: as RFC 9457, as TM Forum's errors, as a page, or in a line.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
};
use rehome_domain::lang::Lang;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    headers, language,
    outside::Outside,
    problem::{FieldProblem, Problem},
};
use crate::pages;

/// What problems of the API are called: `type` is this and [`Problem::kind`].
const TYPES: &str = "urn:rehome:problem:";

/// Who reads an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    /// A program, of the API.
    Api,
    /// A program, of TMF641.
    Tmf,
    /// A person, in a browser.
    Page,
    /// Whoever else.
    Line,
}

impl Face {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let under = |scope: &str| {
            request.path().strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        if under("/api") {
            Self::Api
        } else if under("/tmf-api") {
            Self::Tmf
        } else if accepts.is_some_and(|accept| accept.contains("text/html")) {
            Self::Page
        } else {
            Self::Line
        }
    }
}

/// What must be known of a request to answer it when it is not there any more.
pub(super) struct Asked {
    face: Face,
    lang: Lang,
    path: String,
    /// Where a browser would be after its owner has signed in.
    next: String,
    secure: bool,
    cookies: Vec<HeaderValue>,
}

impl Asked {
    pub(super) fn new(request: &HttpRequest) -> Self {
        let secure = Outside::of(request).secure;
        let whole = request.uri().path_and_query().map_or("/", |whole| whole.as_str());
        let next = if request.method() == Method::GET { whole } else { "/" };
        let cookies = [language::cookie(request, secure), pages::Theme::cookie(request, secure)];
        let cookies = cookies.into_iter().flatten();
        Self {
            face: Face::of(request),
            lang: language::of(request),
            path: request.path().to_owned(),
            next: next.to_owned(),
            secure,
            cookies: cookies.filter_map(|cookie| HeaderValue::from_str(&cookie.to_string()).ok()).collect(),
        }
    }

    /// Adds what every answer has.
    pub(super) fn finish(&self, headers: &mut HeaderMap) {
        headers::add(headers, self.secure);
        for cookie in &self.cookies {
            headers.append(header::SET_COOKIE, cookie.clone());
        }
    }

    /// Tells a problem.
    pub(super) fn tell(&self, problem: &Problem) -> HttpResponse {
        let Self { face, lang, path, next, .. } = self;
        match problem {
            Problem::Failed(_) => tracing::error!(path, %problem, "a request failed"),
            Problem::Unavailable(_) | Problem::TooSlow => {
                tracing::warn!(path, %problem, "a request was not served");
            }
            _ => tracing::debug!(path, %problem, "a request was refused"),
        }
        if *face == Face::Page
            && let Some(elsewhere) = pages::instead(problem, next)
        {
            return elsewhere;
        }
        let mut answer = HttpResponse::build(problem.status_code());
        if let Some(seconds) = problem.retry_after() {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        if *problem == Problem::NotSignedIn && *face != Face::Page {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        match face {
            Face::Api => api(answer, problem, path, *lang),
            Face::Tmf => tmf(answer, problem, *lang),
            Face::Page => pages::problem(answer, problem, *lang),
            Face::Line => answer.content_type(header::ContentType::plaintext()).body(format!(
                "{}: {}\n",
                problem.title(*lang),
                problem.detail(*lang)
            )),
        }
    }
}

/// A problem as RFC 9457 has it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Details<'a> {
    /// What kind of problem, for programs: `urn:rehome:problem:` and its name, never translated.
    r#type: String,
    /// What it is, in a few words, for people.
    title: String,
    /// The answer's status.
    status: u16,
    /// What is wrong here, and what to do, for people.
    detail: String,
    /// The path that was asked.
    instance: &'a str,
    /// What is wrong with which fields or parameters.
    #[serde(default, skip_serializing_if = "<[FieldProblem]>::is_empty")]
    errors: &'a [FieldProblem],
}

fn api(mut answer: HttpResponseBuilder, problem: &Problem, path: &str, lang: Lang) -> HttpResponse {
    let errors = match problem {
        Problem::Invalid(errors) | Problem::BadSheet { errors, .. } => errors.as_slice(),
        _ => &[],
    };
    let details = Details {
        r#type: format!("{TYPES}{}", problem.kind()),
        title: problem.title(lang),
        status: problem.status_code().as_u16(),
        detail: problem.detail(lang),
        instance: path,
        errors,
    };
    answer.insert_header((header::CONTENT_TYPE, "application/problem+json")).json(details)
}

/// A problem as TMF630 has it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct TmfError {
    code: &'static str,
    reason: String,
    message: String,
    status: String,
}

fn tmf(mut answer: HttpResponseBuilder, problem: &Problem, lang: Lang) -> HttpResponse {
    // TMF641 has no 422: what is wrong with fields is a bad request there.
    let status = match problem {
        Problem::Invalid(_) => StatusCode::BAD_REQUEST,
        problem => problem.status_code(),
    };
    answer.status(status).json(TmfError {
        code: problem.kind(),
        reason: problem.title(lang),
        message: problem.detail(lang),
        status: status.as_u16().to_string(),
    })
}
