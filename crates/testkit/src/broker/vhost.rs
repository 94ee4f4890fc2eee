//! A virtual host of one's own.

use std::{
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use super::number;

/// The environment's name for the broker's URL.
pub const BROKER: &str = "REHOME_TEST_AMQP";

/// The broker counts every five seconds.
const COUNTING: Duration = Duration::from_secs(30);

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

    pub(super) fn on(server: String, node: Option<String>) -> Self {
        let name = format!("rehome-test-{}-{}", std::process::id(), number());
        let vhost = Self { name, server, node };
        let user = vhost.user();
        vhost.eval(&format!(
            "rabbit_vhost:add(<<\"{0}\">>, <<\"{1}\">>, [], <<\"test\">>), {2}",
            vhost.name,
            owner(),
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

    /// Waits until a queue holds so many messages: the broker counts a little behind.
    ///
    /// # Panics
    /// If it never does.
    pub fn until_messages(&self, queue: &str, expected: u64) {
        let begun = Instant::now();
        while self.messages(queue) != Some(expected) {
            let counted = self.messages(queue);
            assert!(begun.elapsed() < COUNTING, "{queue} should hold {expected} and holds {counted:?}");
        }
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

/// Whose a vhost is, for its description: `rabbitmqctl list_vhosts name description` tells a leftover, whose process is
/// gone, from one that somebody else's test is using.
fn owner() -> String {
    let place = std::env::current_dir().map(|place| place.display().to_string()).unwrap_or_default();
    let plain = place.chars().filter(|c| c.is_ascii_alphanumeric() || "/-_.".contains(*c));
    format!("process {} in {}", std::process::id(), plain.collect::<String>())
}

fn permissions(user: &str, vhost: &str, configure: &str, write: &str, read: &str) -> String {
    format!(
        "rabbit_auth_backend_internal:set_permissions(<<\"{user}\">>, <<\"{vhost}\">>, <<\"{configure}\">>, \
         <<\"{write}\">>, <<\"{read}\">>, <<\"test\">>)"
    )
}
