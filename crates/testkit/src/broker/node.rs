//! A broker of one's own.

use std::{
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{
    Vhost,
    certificates::{CERTIFICATES, certify},
    number, run,
};

/// Saves what would be saved within five seconds, and tells the node's process.
const SAVE: &str =
    "lists:foreach(fun dets:sync/1, [Table || Table <- dets:all(), is_atom(Table)]), os:getpid().";
/// How long a broker may take to start, on a busy machine.
const STARTING: Duration = Duration::from_secs(120);

/// A broker of one's own: to be stopped, killed, starved of memory, or spoken to in secret. Needs root.
#[derive(Debug)]
pub struct Node {
    name: String,
    folder: TempDir,
    port: u16,
    tls_port: u16,
    dist_port: u16,
    /// Several beside what they serve share a machine's two cores. Then none may be starved by it, or one that was
    /// killed takes a minute to come back.
    is_one_of_many: bool,
    /// The first process of the broker's group, to which all its processes belong.
    running: Mutex<Option<Child>>,
}

impl Node {
    /// Starts one, and waits until it takes connections.
    ///
    /// # Panics
    /// If it can't be started.
    #[must_use]
    pub fn start() -> Self {
        let node = Self::prepare(false, |_| String::new());
        node.start_again();
        node
    }

    /// Starts one that takes a message back from a consumer which has not acknowledged it within this time, and looks
    /// whether it must once a second.
    ///
    /// # Panics
    /// If it can't be started.
    #[must_use]
    pub fn start_impatient(consumer_timeout_ms: u32) -> Self {
        let node = Self::prepare(false, |_| format!("consumer_timeout = {consumer_timeout_ms}\n"));
        node.start_again();
        // No key of its configuration file says it; channels opened from now on follow it.
        let looking = node.ctl(&["eval", "application:set_env(rabbit, channel_tick_interval, 1000)."]);
        assert!(looking.status.success(), "{}", String::from_utf8_lossy(&looking.stderr));
        node
    }

    /// Makes all that one needs to start. More configuration may be added, in which its name may stand.
    pub(super) fn prepare(is_one_of_many: bool, more: impl FnOnce(&str) -> String) -> Self {
        let name = format!("rehome-test-{}-{}@localhost", std::process::id(), number());
        let folder = tempfile::Builder::new().prefix("rehome-broker-").tempdir().unwrap();
        let [port, tls_port, dist_port] = free_ports();
        let node =
            Self { name, folder, port, tls_port, dist_port, is_one_of_many, running: Mutex::new(None) };
        certify(node.folder.path());
        let configuration = node.configuration() + &more(&node.name);
        std::fs::write(node.file("rabbitmq.conf"), configuration).unwrap();
        run("chown", &["-R", "rabbitmq", &node.folder.path().display().to_string()]);
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

    /// Its name among nodes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
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

    /// The URL of its plain port.
    #[must_use]
    pub fn url(&self, vhost: &Vhost) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/{}", self.port, vhost.name())
    }

    /// The URL of its encrypted port, which asks for a client's certificate.
    #[must_use]
    pub fn tls_url(&self, vhost: &Vhost) -> String {
        format!("amqps://guest:guest@localhost:{}/{}", self.tls_port, vhost.name())
    }

    /// Starts it again after [`Node::stop`] or [`Node::kill`], with all it had kept, and waits until it takes
    /// connections.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&self) {
        self.begin();
        self.until_up();
    }

    /// Begins to start it, and waits for nothing.
    ///
    /// # Panics
    /// If that needs rights which are not there.
    pub fn begin(&self) {
        let folder = |name: &str| self.file(name).display().to_string();
        let mut command = Command::new("nice");
        command
            .args([
                "-n",
                if self.is_one_of_many { "-10" } else { "0" },
                "runuser",
                "-u",
                "rabbitmq",
                "--",
                "env",
            ])
            .arg(format!("RABBITMQ_NODENAME={}", self.name))
            .arg(format!("RABBITMQ_DIST_PORT={}", self.dist_port))
            .arg(format!("RABBITMQ_MNESIA_BASE={}", folder("mnesia")))
            .arg(format!("RABBITMQ_LOG_BASE={}", folder("log")))
            .arg(format!("RABBITMQ_CONFIG_FILE={}", folder("rabbitmq.conf")))
            .arg(format!("RABBITMQ_ENABLED_PLUGINS_FILE={}", folder("plugins")))
            .arg("RABBITMQ_CONF_ENV_FILE=/dev/null")
            // All nodes of the machine have the cookie that is there.
            .arg("HOME=/var/lib/rabbitmq")
            .arg("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 1:1")
            .arg("/usr/lib/rabbitmq/bin/rabbitmq-server")
            .current_dir(self.folder.path())
            // Its wrappers and its virtual machine can then be ended together.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        *self.running.lock().unwrap() = Some(command.spawn().expect("a broker needs root to start"));
    }

    /// Waits until it takes connections.
    ///
    /// # Panics
    /// If it does not start.
    pub fn until_up(&self) {
        let begun = Instant::now();
        // The tool itself waits for the node, once there is one to ask.
        while !self.ctl(&["await_startup"]).status.success() || !self.takes_connections() {
            let log = self.file("log");
            assert!(begun.elapsed() < STARTING, "the broker does not start: see {}", log.display());
        }
    }

    /// Whether it takes connections.
    #[must_use]
    pub fn takes_connections(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    /// Whether it was started and neither stopped nor killed since.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.lock().unwrap().is_some()
    }

    /// Stops it in good order.
    pub fn stop(&self) {
        self.ctl(&["stop"]);
        if let Some(mut running) = self.running.lock().unwrap().take() {
            running.wait().unwrap();
        }
    }

    /// Kills it (`kill -9`), and waits until it is gone.
    ///
    /// As one that has been up for a while: RabbitMQ 3.10 saves what its queues' members have voted for every five seconds,
    /// and a queue whose first election was not saved yet stays without a leader for ever, through every restart. That is the
    /// broker's own loss, which no client can mend, so it is saved first.
    pub fn kill(&self) {
        let Some(mut running) = self.running.lock().unwrap().take() else { return };
        let told = String::from_utf8_lossy(&self.ctl(&["eval", SAVE]).stdout).into_owned();
        match told.trim().trim_matches('"').parse::<u32>() {
            // Its wrappers end when it has ended.
            Ok(process) => run("kill", &["-9", &process.to_string()]),
            // It is not there to be asked: it never started, or has died.
            Err(_) => end(&running),
        }
        drop(running.wait());
    }

    /// Makes it believe that it is short of memory, or takes that back.
    pub fn starve(&self, starving: bool) {
        self.ctl(&["set_vm_memory_high_watermark", if starving { "0.00001" } else { "0.8" }]);
    }

    pub(super) fn ctl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("rabbitmqctl");
        command.args(["-n", &self.name]).args(arguments).stdin(Stdio::null()).output().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.lock().unwrap().take() {
            end(&running);
            drop(running.wait());
        }
    }
}

/// Ends a broker with all its wrappers, which are a group of their own.
fn end(running: &Child) {
    run("kill", &["-9", "--", &format!("-{}", running.id())]);
}

fn free_ports() -> [u16; 3] {
    // Held until all three are known, so that they differ.
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
