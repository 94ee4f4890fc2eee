//! An identity provider (OpenID Connect): people sign in there, and it tells us who they are.
//!
//! The authorization code flow with PKCE. What must be remembered between going there and coming back is the browser's to
//! keep ([`Way`]): any process can take it up. Asking blocks, so it is done off the threads that answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
    core::{CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreProviderMetadata},
};
use rehome_domain::{
    identity::{Unwelcome, Vouched},
    lang::Lang,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{sync::Semaphore, time::timeout};

use super::claims::{Claims, Unclear};
use crate::texts;

/// How long what the provider says of itself and its keys is believed.
const KNOWN: Duration = Duration::from_secs(600);
/// A token that can't be verified is looked at again with new keys, if those at hand are older: providers change them.
const RENEWED: Duration = Duration::from_secs(10);
/// Asked at once; and how long one may wait for its turn.
const AT_ONCE: usize = 4;
const TURN: Duration = Duration::from_secs(10);
/// The most that is read of an answer.
const MOST: u64 = 1 << 20;

/// A provider, and what this site is to it.
pub struct ProviderParts {
    /// Its URL, as it calls itself.
    pub issuer: String,
    /// What it calls this site.
    pub client_id: String,
    /// By what it knows this site; empty: it trusts PKCE alone.
    pub client_secret: String,
    /// Where it sends people back to: this site's URL with [`super::BACK`].
    pub callback: String,
    /// What it is asked to tell, beside `openid`.
    pub scopes: Vec<String>,
    /// What is made of that.
    pub claims: Claims,
    /// What people call it; empty: by its host.
    pub label: String,
    /// Asks it.
    pub agent: ureq::Agent,
}

/// What the browser keeps while its owner is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Way {
    /// Comes back with them: nobody else has sent them there.
    state: String,
    /// Comes back in the token: it is made for this sign-in.
    nonce: String,
    /// Whoever has the code alone can do nothing with it.
    verifier: String,
    /// Where they wanted to go.
    pub(crate) next: String,
}

impl Way {
    /// As a cookie's value.
    pub(crate) fn packed(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Out of a cookie's value.
    pub(crate) fn unpacked(packed: &str) -> Option<Self> {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(packed).ok()?).ok()
    }
}

/// Why a provider lets nobody in, this time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotVouched {
    /// It can't be asked, or what it says can't be used.
    #[error("the identity provider can't be asked: {0}")]
    Away(String),
    /// It has refused, in its words.
    #[error("the identity provider has refused: {0}")]
    Denied(String),
    /// They did not come back from where this browser sent them, or too late.
    #[error("the sign-in was not begun in this browser, or too long ago")]
    Astray,
    /// What it says of them is not signed as it must be, or is not for this sign-in.
    #[error("the identity provider's token can't be believed: {0}")]
    Unproven(String),
    /// What it says of them is not enough.
    #[error(transparent)]
    Unclear(#[from] Unclear),
    /// They are not welcome here.
    #[error(transparent)]
    Unwelcome(#[from] Unwelcome),
}

impl NotVouched {
    /// What a person reads, and what to do.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        match self {
            Self::Away(why) => texts::provider_away(lang, why),
            Self::Denied(why) => texts::provider_denied(lang, why),
            Self::Astray => texts::provider_astray(lang),
            Self::Unproven(why) => texts::provider_unproven(lang, why),
            Self::Unclear(unclear) => unclear.sentence(lang),
            Self::Unwelcome(unwelcome) => unwelcome.sentence(lang),
        }
    }
}

/// What somebody comes back with.
#[derive(Debug, Deserialize)]
pub(crate) struct Returned {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A provider.
pub struct Provider(Arc<Asked>, Semaphore);

struct Asked {
    parts: ProviderParts,
    known: Mutex<Option<(Instant, CoreProviderMetadata)>>,
}

impl Provider {
    /// A provider, of which nothing is asked yet.
    #[must_use]
    pub fn new(parts: ProviderParts) -> Self {
        Self(Arc::new(Asked { parts, known: Mutex::default() }), Semaphore::new(AT_ONCE))
    }

    /// What people call it.
    #[must_use]
    pub fn label(&self) -> &str {
        let ProviderParts { label, issuer, .. } = &self.0.parts;
        let host = issuer.split_once("://").map_or(issuer.as_str(), |(_, rest)| rest);
        if label.is_empty() { host.split('/').next().unwrap_or(host) } else { label }
    }

    /// Whether it can be asked and says of itself what it must.
    ///
    /// # Errors
    /// If not.
    pub async fn look(&self) -> Result<(), NotVouched> {
        self.ask(|asked| asked.metadata(Duration::ZERO).map(drop)).await
    }

    /// Makes what is known of it so much older.
    #[cfg(test)]
    pub(crate) fn age(&self, by: Duration) {
        if let Some((at, _)) = &mut *self.0.known.lock().unwrap_or_else(PoisonError::into_inner) {
            *at -= by;
        }
    }

    /// Where to send somebody who wants to sign in, and what their browser keeps meanwhile.
    pub(crate) async fn begin(&self, next: String) -> Result<(String, Way), NotVouched> {
        self.ask(move |asked| {
            let client = asked.client(asked.metadata(KNOWN)?)?;
            let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
            let mut request = client.authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            );
            for scope in &asked.parts.scopes {
                request = request.add_scope(Scope::new(scope.clone()));
            }
            let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
            let way = Way {
                state: state.secret().clone(),
                nonce: nonce.secret().clone(),
                verifier: verifier.into_secret(),
                next,
            };
            Ok((url.into(), way))
        })
        .await
    }

    /// Who has come back.
    pub(crate) async fn finish(&self, way: Way, returned: Returned) -> Result<Vouched, NotVouched> {
        // Equal or not is all that the time it takes can tell, of a value that is good for one try.
        if returned.state.is_empty() || returned.state != way.state {
            return Err(NotVouched::Astray);
        }
        if !returned.error.is_empty() {
            let Returned { error, error_description, .. } = returned;
            let words = [error, error_description].into_iter().filter(|part| !part.is_empty());
            return Err(NotVouched::Denied(words.collect::<Vec<_>>().join(": ")));
        }
        self.ask(move |asked| asked.redeem(way, returned.code)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Asked) -> Result<T, NotVouched> + Send + 'static,
    ) -> Result<T, NotVouched> {
        let Ok(Ok(_turn)) = timeout(TURN, self.1.acquire()).await else {
            return Err(NotVouched::Away("too many others are being signed in".to_owned()));
        };
        let asked = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || ask(&asked));
        done.await.map_err(|error| NotVouched::Away(error.to_string()))?
    }
}

impl Asked {
    /// What it says of itself, no older than this.
    fn metadata(&self, newest: Duration) -> Result<CoreProviderMetadata, NotVouched> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, metadata)) = &*known()
            && at.elapsed() < newest
        {
            return Ok(metadata.clone());
        }
        let issuer = IssuerUrl::new(self.parts.issuer.clone()).map_err(|error| away(&error))?;
        let metadata = CoreProviderMetadata::discover(&issuer, &|request| self.send(request))
            .map_err(|error| away(&error))?;
        *known() = Some((Instant::now(), metadata.clone()));
        Ok(metadata)
    }

    fn client(&self, metadata: CoreProviderMetadata) -> Result<Client, NotVouched> {
        let ProviderParts { client_id, client_secret, callback, .. } = &self.parts;
        let secret = (!client_secret.is_empty()).then(|| ClientSecret::new(client_secret.clone()));
        let callback = RedirectUrl::new(callback.clone()).map_err(|error| away(&error))?;
        let client = CoreClient::from_provider_metadata(metadata, ClientId::new(client_id.clone()), secret);
        Ok(client.set_redirect_uri(callback))
    }

    /// A code for what it says of whoever has it.
    fn redeem(&self, way: Way, code: String) -> Result<Vouched, NotVouched> {
        let client = self.client(self.metadata(KNOWN)?)?;
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| away(&error))?;
        let answer = request
            .set_pkce_verifier(PkceCodeVerifier::new(way.verifier))
            .request(&|request| self.send(request))
            .map_err(|error| match error {
                openidconnect::RequestTokenError::ServerResponse(refusal) => {
                    NotVouched::Denied(refusal.to_string())
                }
                other => away(&other),
            })?;
        let token =
            answer.id_token().ok_or_else(|| NotVouched::Unproven("it sent no ID token".to_owned()))?;
        let nonce = Nonce::new(way.nonce);
        if let Err(why) = proven(&client, token, answer.access_token(), &nonce) {
            tracing::info!(why, "a token is looked at again with the provider's newest keys");
            let renewed = self.client(self.metadata(RENEWED)?)?;
            proven(&renewed, token, answer.access_token(), &nonce).map_err(NotVouched::Unproven)?;
        }
        let claims =
            payload(token).ok_or_else(|| NotVouched::Unproven("its claims can't be read".to_owned()))?;
        let subject = claims["sub"].as_str().unwrap_or_default();
        Ok(self.parts.claims.read(&self.parts.issuer, subject, &claims)?)
    }

    /// Asks it, and follows it nowhere else.
    fn send(&self, request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
        let agent = &self.parts.agent;
        let request = agent.configure_request(request).http_status_as_error(false).max_redirects(0).build();
        let (head, mut body) = agent.run(request)?.into_parts();
        let body = body.with_config().limit(MOST).read_to_vec()?;
        Ok(HttpResponse::from_parts(head, body))
    }
}

/// That the token is the provider's, for us, for this sign-in, in time, and goes with the access token.
fn proven(
    client: &Client,
    token: &CoreIdToken,
    access: &openidconnect::AccessToken,
    nonce: &Nonce,
) -> Result<(), String> {
    let verifier = client.id_token_verifier();
    let claims = token.claims(&verifier, nonce).map_err(|error| told(&error))?;
    let Some(expected) = claims.access_token_hash() else { return Ok(()) };
    let algorithm = token.signing_alg().map_err(|error| told(&error))?;
    let key = token.signing_key(&verifier).map_err(|error| told(&error))?;
    let actual = AccessTokenHash::from_token(access, algorithm, key).map_err(|error| told(&error))?;
    if actual == *expected { Ok(()) } else { Err("the access token is another one's".to_owned()) }
}

/// The claims of a token that was verified, all of them.
fn payload(token: &CoreIdToken) -> Option<Value> {
    let token = token.to_string();
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

fn away(error: &dyn std::error::Error) -> NotVouched {
    NotVouched::Away(told(error))
}

/// An error with what it comes from.
fn told(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        words = format!("{words}: {next}");
        cause = next.source();
    }
    words
}
