//! The broker's nodes: a URL each, tried in turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use lapin::uri::AMQPUri;

use super::{error::AmqpError, options::Options};

/// Frames no larger: each connection keeps 64 of them as buffers, and our messages are small.
const FRAME: u32 = 32 * 1024;

/// The nodes of one broker.
pub(super) struct Nodes {
    /// Invariant: at least one, all with the same virtual host, and with the same user unless one is given apart.
    uris: Vec<AMQPUri>,
    /// The one that last worked, which is tried first.
    preferred: AtomicUsize,
}

impl Nodes {
    /// Reads the URLs, with commas between them.
    pub(super) fn read(options: &Options) -> Result<Self, AmqpError> {
        let urls: Vec<&str> = options.url.split(',').map(str::trim).collect();
        let mut uris: Vec<AMQPUri> = Vec::with_capacity(urls.len());
        for (index, url) in urls.iter().enumerate() {
            let which = which(index, urls.len());
            let uri =
                read(url, options).map_err(|detail| AmqpError::BadUrl { which: which.clone(), detail })?;
            if let Some(first) = uris.first() {
                let differ = |what, here: &str, there: &str| AmqpError::UrlsDiffer {
                    which: which.clone(),
                    what,
                    here: here.to_owned(),
                    there: there.to_owned(),
                };
                let [here, there] = [&uri, first].map(|uri| uri.authority.userinfo.username.as_str());
                if options.user.is_none() && here != there {
                    return Err(differ("user", here, there));
                }
                if uri.vhost != first.vhost {
                    return Err(differ("virtual host", &uri.vhost, &first.vhost));
                }
            }
            uris.push(uri);
        }
        Ok(Self { uris, preferred: AtomicUsize::new(0) })
    }

    /// The user that the URLs name.
    pub(super) fn user(&self) -> &str {
        self.uris.first().map_or("", |uri| &uri.authority.userinfo.username)
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.uris.len()
    }

    /// All, by their numbers, beginning with the one that last worked.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = (usize, &AMQPUri)> {
        let first = self.preferred.load(Ordering::Relaxed);
        self.uris.iter().enumerate().cycle().skip(first).take(self.uris.len())
    }

    /// One of them works.
    pub(super) fn works(&self, node: usize) {
        self.preferred.store(node, Ordering::Relaxed);
    }

    /// One of them lets us in and yet does not work: whoever connects next begins with the one after it.
    pub(super) fn leave(&self, node: usize) {
        let next = (node + 1) % self.uris.len();
        // If another one is preferred meanwhile, that is as good.
        let _ = self.preferred.compare_exchange(node, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Names a URL without showing it: there is a password in it.
pub(super) fn which(index: usize, of: usize) -> String {
    if of == 1 { "the broker's URL".to_owned() } else { format!("URL {} of the broker's {of}", index + 1) }
}

/// Host and port.
pub(super) fn place(uri: &AMQPUri) -> String {
    format!("{}:{}", uri.authority.host, uri.authority.port)
}

fn read(url: &str, options: &Options) -> Result<AMQPUri, String> {
    if !["amqp://", "amqps://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(
            "it does not begin with amqp:// or amqps:// (a comma in a password is written %2c)".to_owned()
        );
    }
    let mut uri: AMQPUri = url.parse().map_err(|detail: String| detail.replace(url, "it"))?;
    uri.query.heartbeat.get_or_insert(u16::try_from(options.limits.heartbeat.as_secs()).unwrap_or(60));
    uri.query.frame_max.get_or_insert(FRAME);
    Ok(uri)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn nodes(urls: &str) -> Result<Nodes, AmqpError> {
        Nodes::read(&Options::new(urls))
    }

    fn order(nodes: &Nodes) -> Vec<String> {
        nodes.in_turn().map(|(_, uri)| uri.authority.host.clone()).collect()
    }

    #[test]
    fn all_are_tried_in_turn_beginning_with_the_one_that_last_worked() {
        let nodes = nodes("amqp://u:p@a/v, amqps://u:q@b:7/v,amqp://u:p@c/v").unwrap();
        assert_eq!((nodes.user(), nodes.len()), ("u", 3));
        assert_eq!(order(&nodes), ["a", "b", "c"]);
        nodes.works(1);
        assert_eq!(order(&nodes), ["b", "c", "a"]);
        nodes.leave(0);
        assert_eq!(order(&nodes), ["b", "c", "a"], "that one was left before");
        nodes.leave(1);
        assert_eq!(order(&nodes), ["c", "a", "b"]);
        nodes.leave(2);
        assert_eq!(order(&nodes), ["a", "b", "c"]);
    }

    #[test]
    fn a_wrong_one_is_named_by_its_position_and_no_password_is_shown() {
        for (urls, named) in [
            ("http://u:secret@a", "the broker's URL is not valid"),
            ("amqp://u:secret@a,", "URL 2 of the broker's 2 is not valid"),
            ("amqp://u:secret@a,u:secret@b", "URL 2 of the broker's 2 is not valid"),
            (
                "amqp://u:secret@a,amqp://u:secret@b:port,amqp://u:secret@c",
                "URL 2 of the broker's 3 is not valid",
            ),
            (
                "amqp://u:secret@a,amqp://x:secret@b",
                "URL 2 of the broker's 2 names the user `x`, the first `u`",
            ),
            ("amqp://u:secret@a/v,amqp://u:secret@b/w", "URL 2 of the broker's 2 names the virtual host `w`"),
        ] {
            let Err(error) = nodes(urls) else { panic!("{urls} is taken") };
            let said = error.to_string();
            assert!(said.starts_with(named) && !said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn a_user_given_apart_is_the_same_whatever_the_urls_name() {
        let options =
            Options { user: Some("cert".to_owned()), ..Options::new("amqps://a@a/v,amqps://b@b/v") };
        assert_eq!(Nodes::read(&options).unwrap().len(), 2);
    }
}
