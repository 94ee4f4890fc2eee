//! Which receivers may be posted to. Whoever may ask for a webhook makes this process speak to an address of their choice,
//! from inside the network.

use std::net::IpAddr;

use ipnet::IpNet;
use rehome_domain::webhook::URL_LIMIT;
use ureq::http::Uri;

/// Where machines in clouds learn secrets about themselves, beside the link-local addresses.
const METADATA: [&str; 2] = ["100.100.100.200", "fd00:ec2::254"];

/// A receiver that may not be posted to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReached {
    /// It is no address of a receiver.
    #[error("`{0}` is no address that can be posted to, expected `https://host/path` or `http://host/path`")]
    NoUrl(String),
    /// It is too long.
    #[error("the address has more than {URL_LIMIT} characters")]
    TooLong,
    /// It holds a user or a password, which others would read.
    #[error("the address holds a user or a password: receivers check signatures instead")]
    UserInfo,
    /// Its host is not among those allowed.
    #[error("`{host}` may not be posted to: the setting `webhooks.allow` says who may")]
    Host {
        /// Which.
        host: String,
    },
}

/// Who may be posted to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    hosts: Vec<String>,
    networks: Vec<IpNet>,
}

impl Reach {
    /// Reads networks (`10.0.0.0/8`, or one address) and hosts (`receiver.example`, `*.example`). None at all: everybody,
    /// but this machine itself, link-local addresses and those where clouds keep machines' secrets.
    ///
    /// # Errors
    /// The line that is neither.
    pub fn read(lines: &[String]) -> Result<Self, String> {
        let mut reach = Self::default();
        for line in lines {
            let network = line.parse::<IpNet>().or_else(|_| line.parse::<IpAddr>().map(IpNet::from));
            let name = line.strip_prefix("*.").unwrap_or(line);
            let in_names = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
            match network {
                Ok(network) => reach.networks.push(network),
                Err(_) if !name.is_empty() && name.chars().all(in_names) => {
                    reach.hosts.push(line.to_ascii_lowercase());
                }
                Err(_) => return Err(line.clone()),
            }
        }
        Ok(reach)
    }

    /// Looks at an address when a webhook is asked for. A host's name is looked up when it is posted to, each time anew.
    ///
    /// # Errors
    /// If it may not be posted to, whatever its host's address.
    pub fn admits_url(&self, url: &str) -> Result<(), NotReached> {
        if url.chars().count() > URL_LIMIT {
            return Err(NotReached::TooLong);
        }
        let no_url = || NotReached::NoUrl(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| no_url())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(no_url)?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || url.contains('#') {
            return Err(no_url());
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(NotReached::UserInfo);
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let admitted = match bare.parse::<IpAddr>() {
            Ok(address) => self.admits(host, address),
            Err(_) => self.is_open() || !self.networks.is_empty() || self.names(host),
        };
        if admitted { Ok(()) } else { Err(NotReached::Host { host: host.to_owned() }) }
    }

    /// Whether a host may be posted to at this address.
    #[must_use]
    pub fn admits(&self, host: &str, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if self.is_open() {
            return is_elsewhere(address);
        }
        self.names(host) || self.networks.iter().any(|network| network.contains(&address))
    }

    fn is_open(&self) -> bool {
        self.hosts.is_empty() && self.networks.is_empty()
    }

    fn names(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.hosts.iter().any(|name| match name.strip_prefix('*') {
            Some(end) => host.ends_with(end),
            None => *name == host,
        })
    }
}

/// Whether it is an address of another machine, as far as addresses say, and none of the special ones.
fn is_elsewhere(address: IpAddr) -> bool {
    let special = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast() || address.octets()[0] == 0,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let metadata = METADATA.iter().any(|known| known.parse() == Ok(address));
    !(special || metadata || address.is_loopback() || address.is_unspecified() || address.is_multicast())
}
