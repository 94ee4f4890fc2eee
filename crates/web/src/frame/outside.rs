//! What stands between the listener and the clients: who is believed about where a request comes from.

use std::net::IpAddr;

use actix_web::HttpRequest;

/// What stands between the listener and the clients.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// Proxies of ours: what they say of a client's address is believed.
    pub proxies: Vec<IpAddr>,
    /// Clients reach it by TLS alone: cookies are for TLS only, and browsers are told to use nothing else.
    pub secure: bool,
}

impl Outside {
    /// What was given to the app.
    pub(crate) fn of(request: &HttpRequest) -> &Self {
        const NONE: &Outside = &Outside { proxies: Vec::new(), secure: false };
        request.app_data().unwrap_or(NONE)
    }

    /// The client's address: the nearest one that no proxy of ours has. None: it is not known.
    pub(crate) fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip().to_canonical();
        // From the nearest to the farthest: what a stranger has put there stands beyond the first that is not ours.
        let values = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
        let said: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
        let mut nearest = peer;
        for address in said.into_iter().rev() {
            if !self.proxies.contains(&nearest) {
                break;
            }
            let Ok(address) = address.parse::<IpAddr>() else { break };
            nearest = address.to_canonical();
        }
        Some(nearest)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_what_a_proxy_of_ours_says_of_an_address_is_believed() {
        let proxies = ["10.0.0.1", "10.0.0.2"].map(|proxy| proxy.parse().unwrap()).to_vec();
        let outside = Outside { proxies, secure: false };
        for (peer, said, client) in [
            ("9.9.9.9", "", "9.9.9.9"),
            ("9.9.9.9", "1.1.1.1", "9.9.9.9"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "8.8.8.8", "8.8.8.8"),
            ("10.0.0.1", "1.1.1.1, 8.8.8.8", "8.8.8.8"),
            ("10.0.0.1", "1.1.1.1, 8.8.8.8, 10.0.0.2", "8.8.8.8"),
            ("10.0.0.1", "1.1.1.1, nonsense", "10.0.0.1"),
            ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ] {
            let peer = std::net::SocketAddr::new(peer.parse().unwrap(), 1);
            let request = TestRequest::default().peer_addr(peer).insert_header(("x-forwarded-for", said));
            let found = outside.client(&request.to_http_request());
            assert_eq!(found, Some(client.parse().unwrap()), "{peer} {said}");
        }
    }
}
