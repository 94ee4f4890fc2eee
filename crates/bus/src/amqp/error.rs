//! What can be wrong with a broker before it carries a message.

use std::path::PathBuf;

/// The broker can't be used as the options say.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AmqpError {
    /// The URL is not one.
    #[error("{which} is not valid: {detail}")]
    BadUrl {
        /// Which it is, by its position if there are several.
        which: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The URLs are not those of one cluster.
    #[error(
        "{which} names the {what} `{here}`, the first `{there}`: the nodes of a cluster are one broker, which knows \
         us by one user in one virtual host"
    )]
    UrlsDiffer {
        /// Which URL, by its position.
        which: String,
        /// In what it differs.
        what: &'static str,
        /// What it says.
        here: String,
        /// What the first one says.
        there: String,
    },
    /// A certificate or key can't be read.
    #[error("the file {} of the broker's TLS settings can't be read: {detail}", path.display())]
    BadTls {
        /// Which file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// The broker could not be reached, or refused us.
    #[error(
        "no connection to the broker at {place}: {detail}; see that RabbitMQ runs and listens there (amqp.url)"
    )]
    Unreachable {
        /// Host and port.
        place: String,
        /// Why.
        detail: String,
    },
    /// None of a cluster's nodes could be used.
    #[error("none of the broker's nodes can be used: {}", .tried.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NoNode {
        /// Why not, each.
        tried: Vec<AmqpError>,
    },
    /// A queue or exchange is there, but made otherwise.
    #[error(
        "{what} is declared with other arguments than ours: ours are {ours}; the broker says: {theirs}. Delete it \
         and it is declared anew (a queue once it is empty: `rabbitmqctl -p <vhost> delete_queue <queue>`; an exchange \
         holds nothing: `rabbitmqadmin -V <vhost> delete exchange name=<exchange>`), or choose another `prefix`"
    )]
    Differs {
        /// The queue or exchange.
        what: String,
        /// What we declare.
        ours: String,
        /// What is there, in the broker's words.
        theirs: String,
    },
    /// The user may not do what is needed.
    #[error(
        "the broker does not let us declare {what}: {detail}. Give the user the right to configure it, or set \
         `declare` to false if others declare it"
    )]
    MayNotDeclare {
        /// What.
        what: String,
        /// The broker's words.
        detail: String,
    },
    /// Something else went wrong while declaring.
    #[error("{what} could not be declared: {detail}")]
    Declaring {
        /// What.
        what: String,
        /// Why.
        detail: String,
    },
    /// What was declared could not be deleted.
    #[error(
        "{what} could not be deleted: {detail}. Delete it by hand (`rabbitmqctl -p <vhost> delete_queue <queue>`)"
    )]
    Removing {
        /// What.
        what: String,
        /// Why.
        detail: String,
    },
}

impl AmqpError {
    /// None of the nodes could be used; of one alone its own words are enough.
    pub(super) fn none_of(tried: Vec<Self>) -> Self {
        match <[Self; 1]>::try_from(tried) {
            Ok([error]) => error,
            Err(tried) => Self::NoNode { tried },
        }
    }
}
