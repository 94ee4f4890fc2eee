//! Posting. It blocks: for threads where that is allowed.
//!
//! By ureq, because it is in the tree already (with ring and the system's certificates), and because its resolver can be
//! ours: what is checked is the address that is connected to, so a name that changes its mind in between gains nothing.

use std::{fmt, time::Duration};

use ureq::{
    Agent, Error,
    config::Config,
    http::Uri,
    tls::TlsConfig,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

use super::reach::Reach;

/// Something to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// To whom.
    pub url: String,
    /// Its headers, beside those of any JSON.
    pub headers: Vec<(&'static str, String)>,
    /// What.
    pub body: String,
}

/// Posts.
pub trait Post: Send + Sync {
    /// Posts, and waits for the answer.
    ///
    /// # Errors
    /// Why the receiver has not taken it, for people.
    fn post(&self, posting: &Posting) -> Result<(), String>;
}

/// Posts over HTTP.
pub struct Client(Agent);

impl Client {
    /// A client that reaches these receivers and waits so long for each answer.
    #[must_use]
    pub fn new(reach: Reach, patience: Duration, tls: TlsConfig) -> Self {
        let config = Config::builder()
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            // Where a receiver sends us on to, nobody has checked; and a proxy would look names up by itself.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .tls_config(tls)
            .user_agent("rehome-webhooks")
            .build();
        let names = DefaultResolver::default();
        Self(Agent::with_parts(config, DefaultConnector::new(), Checked { reach, names }))
    }
}

impl Post for Client {
    fn post(&self, posting: &Posting) -> Result<(), String> {
        let mut request = self.0.post(&posting.url).content_type("application/json");
        for (name, value) in &posting.headers {
            request = request.header(*name, value);
        }
        let answer = request.send(posting.body.as_str()).map_err(|error| error.to_string())?;
        match answer.status().as_u16() {
            200..300 => Ok(()),
            status @ 300..400 => {
                Err(format!("it answered {status}: redirects are not followed, name the address it leads to"))
            }
            status => Err(format!("it answered {status}")),
        }
    }
}

/// Looks names up, and leaves out the addresses that may not be posted to.
struct Checked {
    reach: Reach,
    names: DefaultResolver,
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().unwrap_or_default();
        let mut admitted = self.empty();
        for found in &self.names.resolve(uri, config, timeout)? {
            if self.reach.admits(host, found.ip()) {
                admitted.push(*found);
            }
        }
        if admitted.is_empty() {
            let refused =
                format!("`{host}` has no address that may be posted to: see the setting `webhooks.allow`");
            return Err(Error::Other(refused.into()));
        }
        Ok(admitted)
    }
}
