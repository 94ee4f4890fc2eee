//! RabbitMQ for tests: a vhost of one's own on the broker that is there, or a broker of one's own.
//!
//! Both need RabbitMQ's tools and the right to use them (root, or the user `rabbitmq`). `REHOME_TEST_AMQP` names the
//! broker that is there, by default `amqp://guest:guest@127.0.0.1:5672`.

#![allow(clippy::unwrap_used)]

use std::{
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// The environment's name for the broker's URL.
pub const BROKER: &str = "REHOME_TEST_AMQP";

/// Gives each vhost of this process a name of its own.
static VHOSTS: AtomicU32 = AtomicU32::new(0);

/// A vhost that is deleted when it is dropped, with all that is in it.
#[derive(Debug)]
pub struct Vhost {
    name: String,
    server: String,
    node: Option<String>,
}

impl Vhost {
    /// Makes one on the broker that is there, in which its user may do all.
    ///
    /// # Panics
    /// If there is no broker, or it can't be managed from here.
    #[must_use]
    pub fn new() -> Self {
        let server = std::env::var(BROKER).unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672".to_owned());
        Self::on(server, None)
    }

    fn on(server: String, node: Option<String>) -> Self {
        let number = VHOSTS.fetch_add(1, Ordering::Relaxed);
        let name = format!("rehome-test-{}-{number}", std::process::id());
        let vhost = Self { name, server, node };
        let user = vhost.user();
        vhost.eval(&format!(
            "rabbit_vhost:add(<<\"{0}\">>, <<\"test\">>), {1}",
            vhost.name,
            permissions(&user, &vhost.name, ".*", ".*", ".*")
        ));
        vhost
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, for the broker's own user.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Its URL for another user, made by [`Vhost::user_may`].
    #[must_use]
    pub fn url_of(&self, user: &str) -> String {
        let place = self.server.rsplit('@').next().unwrap();
        format!("amqp://{0}:{0}@{place}/{1}", self.named(user), self.name)
    }

    /// The broker's name for a user of this vhost: others may run the same test.
    #[must_use]
    pub fn named(&self, user: &str) -> String {
        format!("{}-{user}", self.name)
    }

    /// Makes a user who may configure, write and read what matches.
    pub fn user_may(&self, user: &str, configure: &str, write: &str, read: &str) {
        let user = self.named(user);
        self.eval(&format!(
            "rabbit_auth_backend_internal:add_user(<<\"{user}\">>, <<\"{user}\">>, <<\"test\">>), {}",
            permissions(&user, &self.name, configure, write, read)
        ));
    }

    /// Closes every connection to it, as an administrator would.
    pub fn close_all_connections(&self) {
        self.ctl(&["close_all_connections", "--vhost", &self.name, "a test closes it"]);
    }

    /// Runs `rabbitmqctl`.
    ///
    /// # Panics
    /// If that fails.
    pub fn ctl(&self, arguments: &[&str]) -> String {
        let output = self.try_ctl(arguments);
        assert!(
            output.status.success(),
            "rabbitmqctl {arguments:?} failed: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// How many messages a queue holds, ready or in somebody's hand; none if there is no such queue.
    #[must_use]
    pub fn messages(&self, queue: &str) -> Option<u64> {
        let listed = self.ctl(&["-q", "-p", &self.name, "list_queues", "name", "messages"]);
        listed.lines().find_map(|line| line.strip_prefix(queue)?.trim().parse().ok())
    }

    fn user(&self) -> String {
        let (_, rest) = self.server.split_once("://").unwrap();
        rest.split(':').next().unwrap().to_owned()
    }

    fn try_ctl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("rabbitmqctl");
        if let Some(node) = &self.node {
            command.args(["-n", node]);
        }
        command.args(arguments).stdin(Stdio::null()).output().expect("rabbitmqctl must be installed")
    }

    /// One call of the tool may do several things, and each costs half a second.
    fn eval(&self, expression: &str) {
        let told = self.ctl(&["eval", &format!("{expression}.")]);
        assert!(told.contains("ok"), "{expression}: {told}");
    }
}

impl Default for Vhost {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        let users = format!(
            "[rabbit_auth_backend_internal:delete_user(User, <<\"test\">>) || U <- \
             rabbit_auth_backend_internal:list_users(), User <- [proplists:get_value(user, U)], \
             binary:match(User, <<\"{0}-\">>) =/= nomatch], rabbit_vhost:delete(<<\"{0}\">>, <<\"test\">>).",
            self.name
        );
        // A node of one's own that is gone has taken its vhosts along.
        drop(self.try_ctl(&["eval", &users]));
    }
}

fn permissions(user: &str, vhost: &str, configure: &str, write: &str, read: &str) -> String {
    format!(
        "rabbit_auth_backend_internal:set_permissions(<<\"{user}\">>, <<\"{vhost}\">>, <<\"{configure}\">>, \
         <<\"{write}\">>, <<\"{read}\">>, <<\"test\">>)"
    )
}
