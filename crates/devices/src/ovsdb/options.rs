//! What an inventory says of a switch.

use std::{fmt, path::PathBuf, time::Duration};

use rehome_domain::request::VLANS;
use serde::{Deserialize, Deserializer, de::Error as _};

/// What an inventory entry of a switch says. Only `address` has to be there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Where the switch's `ovsdb-server` listens: `unix:/path`, `tcp:host:port` or `tls:host:port`.
    pub address: Address,
    /// For TLS, in PEM: who vouches for the switch.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// For TLS, in PEM: who we are.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// For TLS, in PEM: the private key to it.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// For TLS: the name in the switch's certificate, if it is not the host of the address.
    #[serde(default)]
    pub server_name: Option<String>,
    /// The bridge whose ports these are.
    #[serde(default = "bridge")]
    pub bridge: String,
    /// The VLAN of ports that carry no service. It must lead nowhere: no trunk of the switch may carry it.
    #[serde(default = "parking", deserialize_with = "vlan")]
    pub parking_vlan: u16,
    /// A lock of the database that must be free for a change (RFC 7047, section 4.1.8): who holds it keeps the driver
    /// from changing anything. None: changes are guarded by what was found alone, which is enough among drivers.
    #[serde(default)]
    pub lock: Option<String>,
    /// How long connecting may take, in milliseconds; with TLS, its handshake too.
    #[serde(default = "five_seconds")]
    pub connect_ms: u32,
    /// How long an answer may take, in milliseconds.
    #[serde(default = "five_seconds")]
    pub answer_ms: u32,
    /// How long `ovs-vswitchd` may take to apply a change that is in the database, in milliseconds.
    #[serde(default = "ten_seconds")]
    pub applied_ms: u32,
    /// The pause after which a silent server is asked whether it still lives, in milliseconds. If it says nothing for as
    /// long again, the connection is given up.
    #[serde(default = "five_seconds")]
    pub keepalive_ms: u32,
}

impl Options {
    /// Those of a switch at this address that says nothing else.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            server_name: None,
            bridge: bridge(),
            parking_vlan: parking(),
            lock: None,
            connect_ms: five_seconds(),
            answer_ms: five_seconds(),
            applied_ms: ten_seconds(),
            keepalive_ms: five_seconds(),
        }
    }

    pub(super) fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms.into())
    }

    pub(super) fn answer(&self) -> Duration {
        Duration::from_millis(self.answer_ms.into())
    }

    pub(super) fn keepalive(&self) -> Duration {
        Duration::from_millis(self.keepalive_ms.max(1).into())
    }
}

fn bridge() -> String {
    "br0".to_owned()
}

/// The last one: what an operator is least likely to give to a customer.
const fn parking() -> u16 {
    *VLANS.end()
}

const fn five_seconds() -> u32 {
    5000
}

const fn ten_seconds() -> u32 {
    10_000
}

fn vlan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let tag = u16::deserialize(deserializer)?;
    if VLANS.contains(&tag) {
        return Ok(tag);
    }
    Err(D::Error::custom(format!("is {tag}, expected a VLAN from {} to {}", VLANS.start(), VLANS.end())))
}

/// Where an `ovsdb-server` listens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Address {
    /// A socket on this machine.
    Unix(PathBuf),
    /// In the clear: for a management network that is trusted, and for tests.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port, commonly 6640.
        port: u16,
    },
    /// Over mutual TLS.
    Tls {
        /// A name or an address.
        host: String,
        /// The port, commonly 6640.
        port: u16,
    },
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = || format!("is `{text}`, expected unix:/path, tcp:host:port or tls:host:port");
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        if kind == "unix" && rest.starts_with('/') {
            return Ok(Self::Unix(rest.into()));
        }
        let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = port.parse().map_err(|_| wrong())?;
        match kind {
            _ if host.is_empty() => Err(wrong()),
            "tcp" => Ok(Self::Tcp { host, port }),
            // Open vSwitch itself calls it so.
            "tls" | "ssl" => Ok(Self::Tls { host, port }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
            Self::Tls { host, port } => write!(f, "tls:{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Options};

    fn address(text: &str) -> Result<Address, String> {
        Address::try_from(text.to_owned())
    }

    #[test]
    fn an_address_says_the_way_and_the_place_and_nothing_else_is_one() {
        let tcp = |host: &str, port| Address::Tcp { host: host.to_owned(), port };
        assert_eq!(address("unix:/run/db.sock"), Ok(Address::Unix("/run/db.sock".into())));
        assert_eq!(address("tcp:sw-1.example:6640"), Ok(tcp("sw-1.example", 6640)));
        assert_eq!(address("tcp:[2001:db8::1]:6640"), Ok(tcp("2001:db8::1", 6640)));
        let tls = Address::Tls { host: "sw-1".to_owned(), port: 6640 };
        assert_eq!(address("tls:sw-1:6640"), Ok(tls.clone()));
        assert_eq!(address("ssl:sw-1:6640"), Ok(tls));
        for wrong in
            ["", "sw-1", "sw-1:6640", "unix:db.sock", "tcp:sw-1", "tcp::6640", "tcp:sw-1:65536", "http:a:1"]
        {
            assert!(address(wrong).is_err_and(|error| error.contains(wrong)), "{wrong}");
        }
    }

    #[test]
    fn an_entry_needs_its_address_alone_and_a_wrong_one_is_told_by_its_field() {
        let options: Options = toml::from_str("address = \"tcp:sw-1:6640\"").unwrap();
        assert_eq!(options, Options::new(address("tcp:sw-1:6640").unwrap()));
        for (wrong, field) in [
            ("address = \"sw-1\"", "address"),
            ("address = \"tcp:a:1\"\nparking_vlan = 4095", "parking_vlan"),
            ("address = \"tcp:a:1\"\nanswer_ms = -1", "answer_ms"),
        ] {
            let read = toml::Deserializer::parse(wrong).unwrap();
            let error = serde_path_to_error::deserialize::<_, Options>(read).unwrap_err();
            assert_eq!(error.path().to_string(), field, "{error}");
        }
        assert!(toml::from_str::<Options>("address = \"tcp:a:1\"\nbrigde = \"br1\"").is_err());
    }
}
