//! Which receivers may be posted to. Whoever may ask for a webhook makes this process speak to an address of their choice,
//! from inside the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rehome_domain::webhook::URL_LIMIT;
use ureq::http::Uri;

/// What is not out in the internet: this machine's, the carrier's own networks, and where machines in clouds learn secrets
/// about themselves.
const INSIDE: [IpNet; 12] = [
    four([0, 0, 0, 0], 8),
    four([10, 0, 0, 0], 8),
    // Shared; Alibaba's machines learn secrets there.
    four([100, 64, 0, 0], 10),
    four([127, 0, 0, 0], 8),
    // Azure's.
    four([168, 63, 129, 16], 32),
    four([169, 254, 0, 0], 16),
    four([172, 16, 0, 0], 12),
    // Of protocols; Oracle's machines learn secrets there.
    four([192, 0, 0, 0], 24),
    four([192, 168, 0, 0], 16),
    // Of benchmarks.
    four([198, 18, 0, 0], 15),
    // Multicast, and what is reserved.
    four([224, 0, 0, 0], 4),
    four([240, 0, 0, 0], 4),
];
/// The part of IPv6 that is out in the internet. Local, private and multicast addresses are elsewhere.
const GLOBAL: IpNet = six([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// A tunnel that nobody needs today, and that hides which IPv4 address it leads to.
const TEREDO: IpNet = six([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);
/// An IPv4 address stands at their ends: NAT64, which machines without IPv4 reach all others by, and the oldest way.
const TRANSLATED: [IpNet; 2] = [six([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), six([0; 8], 96)];
/// An IPv4 address stands behind the first two bytes.
const SIX_TO_FOUR: IpNet = six([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);
/// A port to name where none is meant.
const DISCARD: u16 = 9;

const fn four([a, b, c, d]: [u8; 4], length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length))
}

const fn six([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length))
}

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
    /// Reads networks (`10.0.0.0/8`, or one address) and hosts (`receiver.example`, `*.example`). None at all: everybody
    /// out in the internet, so neither this machine itself nor private networks nor where clouds keep machines' secrets.
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
        let address = unfolded(address);
        if self.is_open() {
            return is_outside(address);
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

/// Whether it is an address out in the internet, and of another machine.
fn is_outside(address: IpAddr) -> bool {
    let public = match address {
        IpAddr::V4(_) => !INSIDE.iter().any(|network| network.contains(&address)),
        IpAddr::V6(_) => GLOBAL.contains(&address) && !TEREDO.contains(&address),
    };
    public && !is_own(address)
}

/// Whether it is this machine's own: the system sends to such an address from that address. Nothing is sent to find out.
fn is_own(address: IpAddr) -> bool {
    let any = match address {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let from = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, DISCARD))?;
        socket.local_addr()
    });
    // Where no way leads to it, it is not here.
    from.is_ok_and(|from| from.ip() == address)
}

/// The address that is meant: an IPv4 one written as IPv6, or reached through a translator, is that IPv4 one.
fn unfolded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address.to_canonical() else { return address.to_canonical() };
    let [.., a, b, c, d] = six.octets();
    let special = six.is_loopback() || six.is_unspecified();
    if !special && TRANSLATED.iter().any(|network| network.contains(&IpAddr::V6(six))) {
        return Ipv4Addr::new(a, b, c, d).into();
    }
    let [_, _, a, b, c, d, ..] = six.octets();
    if SIX_TO_FOUR.contains(&IpAddr::V6(six)) { Ipv4Addr::new(a, b, c, d).into() } else { six.into() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_is_known_as_its_own_whatever_network_it_is_of() {
        let to = |address: &str| {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.connect((address, DISCARD)).and_then(|()| socket.local_addr()).map(|from| from.ip())
        };
        for own in ["127.0.0.1", "192.0.2.1"].map(to).into_iter().flatten() {
            assert!(is_own(own), "{own}");
        }
        assert!(!is_own("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn an_ipv4_address_is_known_in_every_way_ipv6_writes_it() {
        for written in ["10.0.0.7", "::ffff:10.0.0.7", "::10.0.0.7", "64:ff9b::10.0.0.7", "2002:a00:7::1"] {
            assert_eq!(unfolded(written.parse().unwrap()).to_string(), "10.0.0.7", "{written}");
        }
        for other in ["::1", "2001:db8::a00:7"] {
            assert_eq!(unfolded(other.parse().unwrap()).to_string(), other);
        }
    }
}
