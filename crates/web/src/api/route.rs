//! A route as data: what serves it, and what the document says of it.

use actix_web::FromRequest;
use actix_web::{Handler, Responder, http::Method, web};
use rehome_domain::role::Role;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Gives a type's schema.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// A parameter of the query or a header.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) is: &'static str,
    pub(super) shape: Shape,
    /// It may be given several times.
    pub(super) many: bool,
    /// It must be given.
    pub(super) required: bool,
}

impl Parameter {
    pub(super) const fn one<T: JsonSchema>(name: &'static str, is: &'static str) -> Self {
        Self { name, is, shape: shape::<T>, many: false, required: false }
    }

    pub(super) const fn many<T: JsonSchema>(name: &'static str, is: &'static str) -> Self {
        Self { name, is, shape: shape::<T>, many: true, required: false }
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

pub(super) fn shape<T: JsonSchema>(types: &mut SchemaGenerator) -> Schema {
    types.subschema_for::<T>()
}

/// What an answer carries.
pub(super) enum Content {
    Nothing,
    Json(Shape),
    /// Server-sent events.
    Events,
    /// A JSON document a line.
    Lines,
    /// Comma-separated values, with a header.
    Csv,
}

/// An answer that is no problem.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) is: &'static str,
    pub(super) content: Content,
}

/// A route.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) handler: actix_web::Route,
    /// Its name for programs, unique.
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) is: &'static str,
    /// The least role; none: nobody is asked who they are.
    pub(super) needs: Option<Role>,
    pub(super) query: Vec<Parameter>,
    pub(super) headers: Vec<Parameter>,
    /// What may be sent: the media types, each with how it looks.
    pub(super) bodies: Vec<(&'static str, Shape)>,
    /// Nobody may by a token.
    pub(super) in_session: bool,
    pub(super) answers: Vec<Answer>,
    /// The statuses of problems, beside those any route may have.
    pub(super) problems: Vec<u16>,
}

impl Route {
    pub(super) fn new<F, Args>(method: Method, path: &'static str, name: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self {
            handler: web::method(method.clone()).to(handler),
            method,
            path,
            name,
            is: "",
            needs: Some(Role::Viewer),
            query: Vec::new(),
            headers: Vec::new(),
            bodies: Vec::new(),
            in_session: false,
            answers: Vec::new(),
            problems: Vec::new(),
        }
    }

    pub(super) const fn is(mut self, is: &'static str) -> Self {
        self.is = is;
        self
    }

    pub(super) const fn needs(mut self, role: Option<Role>) -> Self {
        self.needs = role;
        self
    }

    pub(super) fn query(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.query.extend(parameters);
        self
    }

    pub(super) fn header(mut self, parameter: Parameter) -> Self {
        self.headers.push(parameter);
        self
    }

    pub(super) fn body<T: JsonSchema>(mut self) -> Self {
        self.bodies.push(("application/json", shape::<T>));
        self
    }

    /// Text of this media type may be sent too.
    pub(super) fn text(mut self, media_type: &'static str) -> Self {
        self.bodies.push((media_type, shape::<String>));
        self
    }

    pub(super) const fn in_session(mut self) -> Self {
        self.in_session = true;
        self
    }

    pub(super) fn answers<T: JsonSchema>(self, status: u16, is: &'static str) -> Self {
        self.with(Answer { status, is, content: Content::Json(shape::<T>) })
    }

    pub(super) fn with(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    pub(super) fn problems(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.problems.extend(statuses);
        self
    }
}
