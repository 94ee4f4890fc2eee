//! RabbitMQ for tests: a vhost of one's own on the broker that is there, or a broker of one's own.
//!
//! Both need RabbitMQ's tools and the right to use them (root, or the user `rabbitmq`). `REHOME_TEST_AMQP` names the
//! broker that is there, by default `amqp://guest:guest@127.0.0.1:5672`.

#![allow(clippy::unwrap_used)]

use std::{
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The environment's name for the broker's URL.
pub const BROKER: &str = "REHOME_TEST_AMQP";

/// Gives each vhost of this process a name of its own.
static VHOSTS: AtomicU32 = AtomicU32::new(0);

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

    fn on(server: String, node: Option<String>) -> Self {
        let number = VHOSTS.fetch_add(1, Ordering::Relaxed);
        let name = format!("rehome-test-{}-{number}", std::process::id());
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

// ---------------------------------------------------------------------------------------------------------------
// A broker of one's own

/// How long a broker may take to start, on a busy machine.
const STARTING: Duration = Duration::from_secs(120);
/// What a private broker's certificates are called.
const CERTIFICATES: [&str; 5] = ["ca.pem", "server.pem", "server.key", "client.pem", "client.key"];

/// A broker of one's own: to be stopped, killed, starved of memory, or spoken to in secret. Needs root.
#[derive(Debug)]
pub struct Node {
    name: String,
    folder: TempDir,
    port: u16,
    tls_port: u16,
    dist_port: u16,
    running: Mutex<Option<Child>>,
}

impl Node {
    /// Starts one, and waits until it takes connections.
    ///
    /// # Panics
    /// If it can't be started.
    #[must_use]
    pub fn start() -> Self {
        let number = VHOSTS.fetch_add(1, Ordering::Relaxed);
        let name = format!("rehome-test-{}-{number}@localhost", std::process::id());
        let folder = tempfile::Builder::new().prefix("rehome-broker-").tempdir().unwrap();
        let [port, tls_port, dist_port] = free_ports();
        let node = Self { name, folder, port, tls_port, dist_port, running: Mutex::new(None) };
        node.certify();
        std::fs::write(node.file("rabbitmq.conf"), node.configuration()).unwrap();
        run("chown", &["-R", "rabbitmq", &node.folder.path().display().to_string()]);
        node.start_again();
        node
    }

    fn configuration(&self) -> String {
        let file = |name| self.file(name).display().to_string();
        let (port, tls_port) = (self.port, self.tls_port);
        let [ca, certificate, key, ..] = CERTIFICATES.map(file);
        format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\nlisteners.ssl.1 = 127.0.0.1:{tls_port}\n\
             ssl_options.cacertfile = {ca}\nssl_options.certfile = {certificate}\nssl_options.keyfile = {key}\n\
             ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n\
             log.console = false\n"
        )
    }

    /// A file of the node's folder: `ca.pem`, `client.pem`, `client.key` are for those who connect.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A vhost of one's own on it.
    #[must_use]
    pub fn vhost(&self) -> Vhost {
        let server = format!("amqp://guest:guest@127.0.0.1:{}", self.port);
        Vhost::on(server, Some(self.name.clone()))
    }

    /// The URL of its encrypted port, which asks for a client's certificate.
    #[must_use]
    pub fn tls_url(&self, vhost: &Vhost) -> String {
        format!("amqps://guest:guest@localhost:{}/{}", self.tls_port, vhost.name())
    }

    /// Starts it again after [`Node::stop`] or [`Node::kill`], with all it had kept.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&self) {
        let folder = |name: &str| self.file(name).display().to_string();
        let mut command = Command::new("runuser");
        command
            .args(["-u", "rabbitmq", "--", "env"])
            .arg(format!("RABBITMQ_NODENAME={}", self.name))
            .arg(format!("RABBITMQ_DIST_PORT={}", self.dist_port))
            .arg(format!("RABBITMQ_MNESIA_BASE={}", folder("mnesia")))
            .arg(format!("RABBITMQ_LOG_BASE={}", folder("log")))
            .arg(format!("RABBITMQ_CONFIG_FILE={}", folder("rabbitmq.conf")))
            .arg(format!("RABBITMQ_ENABLED_PLUGINS_FILE={}", folder("plugins")))
            .arg("RABBITMQ_CONF_ENV_FILE=/dev/null")
            .arg("HOME=/var/lib/rabbitmq")
            // One scheduler: it shares the machine with the test.
            .arg("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 1:1")
            .arg("/usr/lib/rabbitmq/bin/rabbitmq-server")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        *self.running.lock().unwrap() = Some(command.spawn().expect("a broker needs root to start"));
        let begun = Instant::now();
        // The tool itself waits for the node, once there is one to ask.
        while !self.ctl(&["await_startup"]).status.success() || !self.takes_connections() {
            assert!(begun.elapsed() < STARTING, "the broker does not start: see {}", folder("log"));
        }
    }

    fn takes_connections(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    /// Stops it in good order.
    pub fn stop(&self) {
        self.ctl(&["stop"]);
        if let Some(mut running) = self.running.lock().unwrap().take() {
            running.wait().unwrap();
        }
    }

    /// Kills it (`kill -9`).
    pub fn kill(&self) {
        let Some(mut running) = self.running.lock().unwrap().take() else { return };
        let told = String::from_utf8_lossy(&self.ctl(&["eval", "os:getpid()."]).stdout).into_owned();
        match told.trim().trim_matches('"').parse::<u32>() {
            Ok(process) => run("kill", &["-9", &process.to_string()]),
            // It is not there to be asked: it never started, or has died.
            Err(_) => drop(running.kill()),
        }
        drop(running.wait());
    }

    /// Makes it believe that it is short of memory, or takes that back.
    pub fn starve(&self, starving: bool) {
        self.ctl(&["set_vm_memory_high_watermark", if starving { "0.00001" } else { "0.8" }]);
    }

    fn ctl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("rabbitmqctl");
        command.args(["-n", &self.name]).args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// An authority, and certificates by it for the broker and for who connects.
    fn certify(&self) {
        let file = |name: &str| self.file(name).display().to_string();
        let [ca, ..] = CERTIFICATES.map(file);
        let key = file("ca.key");
        let new =
            ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority"];
        openssl(&[&new[..], &["-keyout", &key, "-out", &ca]].concat());
        for (who, name) in [("server", "localhost"), ("client", "guest")] {
            let [request, extensions] = ["csr", "ext"].map(|end| file(&format!("{who}.{end}")));
            let [own_key, certificate] = ["key", "pem"].map(|end| file(&format!("{who}.{end}")));
            std::fs::write(&extensions, "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
            let subject = format!("/CN={name}");
            let new = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", &subject];
            openssl(&[&new[..], &["-keyout", &own_key, "-out", &request]].concat());
            let sign = ["x509", "-req", "-days", "2", "-CAcreateserial", "-in", &request, "-CA", &ca];
            openssl(&[&sign[..], &["-CAkey", &key, "-extfile", &extensions, "-out", &certificate]].concat());
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_ports() -> [u16; 3] {
    // Held until all three are known, so that they differ.
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn openssl(arguments: &[&str]) {
    run("openssl", arguments);
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
