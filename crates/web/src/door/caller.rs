//! Who asks.

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use futures::future::LocalBoxFuture;
use jiff::SignedDuration;
use rehome_domain::{
    account::{Account, Pass, PassKind},
    command::By,
    role::Role,
};

use super::{Door, cookie, secret, whence::from_here};
use crate::{frame::Problem, site::Workbench};

/// It is kept to the minute when a pass was last shown: a write a minute, not one a request.
const NOTED: SignedDuration = SignedDuration::from_secs(60);

/// What an open page adds to the requests that nobody made it send.
const BY_ITSELF: &str = "rehome-by-itself";

/// Whoever has come in, even if all they may do is choose a password. What handlers take is [`Caller`].
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Their account.
    pub account: Account,
    /// The session or token.
    pub pass: Pass,
    /// What they may do.
    pub role: Role,
}

/// Whoever asks, with what they may do.
#[derive(Debug, Clone)]
pub struct Caller(SignedIn);

impl SignedIn {
    /// That they came by a session: a token may do its work; it may not take over its account.
    ///
    /// # Errors
    /// If they came by a token.
    pub fn needs_session(&self) -> Result<(), Problem> {
        if self.pass.kind == PassKind::Session { Ok(()) } else { Err(Problem::NotByToken) }
    }
}

impl Caller {
    /// That they came by a session.
    ///
    /// # Errors
    /// If they came by a token.
    pub fn needs_session(&self) -> Result<(), Problem> {
        self.0.needs_session()
    }

    /// That they may do what takes this role.
    ///
    /// # Errors
    /// If they may not.
    pub fn needs(&self, needs: Role) -> Result<(), Problem> {
        let has = self.0.role;
        if has < needs { Err(Problem::NotAllowed { has, needs }) } else { Ok(()) }
    }

    /// What they may do.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.0.role
    }

    /// Their account.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.0.account
    }

    /// The session or token they came by.
    #[must_use]
    pub const fn pass(&self) -> &Pass {
        &self.0.pass
    }

    /// Who they are to the journal.
    #[must_use]
    pub fn by(&self) -> By {
        let via = match self.0.pass.kind {
            PassKind::Session => "web",
            PassKind::Token => "api",
        };
        By::Person { name: self.0.account.name.to_string(), via: via.to_owned(), role: self.0.role }
    }
}

impl FromRequest for SignedIn {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { come_in(&request).await })
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let signed_in = come_in(&request).await?;
            // A token was issued to be used without a password.
            let one_time = signed_in.account.password.as_ref().is_some_and(|password| password.one_time);
            if one_time && signed_in.pass.kind == PassKind::Session {
                return Err(Problem::PasswordToChange);
            }
            Ok(Self(signed_in))
        })
    }
}

async fn come_in(request: &HttpRequest) -> Result<SignedIn, Problem> {
    let workbench = request.app_data::<web::Data<Workbench>>().ok_or(Problem::NotFound)?;
    let (shown, kind) = match bearer(request)? {
        Some(token) => (token, PassKind::Token),
        None => (cookie::shown(request).ok_or(Problem::NotSignedIn)?, PassKind::Session),
    };
    // A browser sends its cookie along whoever made it send the request; a token no browser sends by itself.
    if kind == PassKind::Session && !from_here(request, false) {
        return Err(Problem::CrossSite);
    }
    let used = kind == PassKind::Token || !by_itself(request);
    let signed_in = workbench.door.look_up(&shown, used).await?;
    signed_in.filter(|found| found.pass.kind == kind).ok_or(Problem::NotSignedIn)
}

/// Whether a page sent it by itself. Streams come again by themselves, and can't add a header.
fn by_itself(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT);
    request.headers().contains_key(BY_ITSELF) || accept.is_some_and(|accept| accept == "text/event-stream")
}

/// `Authorization: Bearer …`. Another scheme is nobody's here: it is not passed over for a cookie.
fn bearer(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(header::AUTHORIZATION) else { return Ok(None) };
    let (scheme, token) =
        value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or(Problem::NotSignedIn)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(token.trim().to_owned()))
    } else {
        Err(Problem::NotSignedIn)
    }
}

impl Door {
    /// Whose secret it is and what they may do; none: nobody's that may come in. A pass that nobody uses lies idle, whoever
    /// shows it.
    pub(super) async fn look_up(&self, shown: &str, used: bool) -> Result<Option<SignedIn>, Problem> {
        let (key, now) = (secret::key(shown), self.now());
        let to_note = |pass: &Pass| used && now.duration_since(pass.seen_at) >= NOTED;
        let recent = self.recent().get(key, now).filter(|(_, pass)| !to_note(pass));
        let known = recent.is_some();
        let found = match recent {
            Some(found) => Some(found),
            None => self.accounts.holder(key).await?,
        };
        let Some((account, mut pass)) = found else { return Ok(None) };
        let Some(role) = account.rights(&pass, now) else { return Ok(None) };
        if !known {
            if to_note(&pass) {
                pass.seen_at = now;
                self.accounts.seen(pass.clone()).await?;
            }
            self.recent().put(key, now, &account, &pass);
        }
        Ok(Some(SignedIn { account, pass, role }))
    }
}
