//! PostgreSQL for tests: a database of one's own on a server that runs, and servers of one's own to stop and start.
//!
//! Through PostgreSQL's own programs, not a driver: only `crates/store` links one.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
};

use uuid::Uuid;

/// Says which server the tests may make databases on.
pub const SERVER: &str = "REHOME_TEST_POSTGRES";
/// The server if nothing is said.
const DEFAULT_SERVER: &str = "postgres://postgres@127.0.0.1:5432";
/// Where Debian keeps what is not on the path.
const DEBIAN: &str = "/usr/lib/postgresql";

// ---------------------------------------------------------------------------------------------------------------
// Databases

/// An empty database, dropped with this.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// On the server that [`SERVER`] names; else on this machine's, if it lets us; else on one of this process's own.
    ///
    /// # Panics
    /// If there is no server to be had.
    #[must_use]
    pub fn create() -> Self {
        static OWN: OnceLock<Option<Cluster>> = OnceLock::new();
        if let Ok(server) = std::env::var(SERVER) {
            return Self::on(&server);
        }
        let lets_us = || psql(&format!("{DEFAULT_SERVER}/postgres"), "SELECT 1").status.success();
        match OWN.get_or_init(|| (!lets_us()).then(Cluster::start)) {
            None => Self::on(DEFAULT_SERVER),
            Some(own) => Self::on(&own.url()),
        }
    }

    /// On a server, by its URL without a database.
    ///
    /// # Panics
    /// If there is no server that lets us make one.
    #[must_use]
    pub fn on(server: &str) -> Self {
        let name = format!("rehome_test_{}", Uuid::now_v7().simple());
        let server = server.trim_end_matches('/').to_owned();
        let made = Self { server, name };
        made.on_server(&format!("CREATE DATABASE {}", made.name));
        made
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Executes SQL behind the store's back. Answers what comes of it, a line a row, `|` between columns.
    ///
    /// # Panics
    /// If it fails.
    pub fn sql(&self, sql: &str) -> String {
        told(psql(&self.url(), sql), &self.url())
    }

    /// Locks a table against everybody, as a person's forgotten transaction does, until the lock is dropped.
    ///
    /// # Panics
    /// If it can't be had.
    #[must_use]
    pub fn lock(&self, table: &str) -> Locked {
        self.keep_open(&format!("LOCK TABLE {table}"))
    }

    /// Does something in a transaction that stays open until the answer is dropped, such as locking a row.
    ///
    /// # Panics
    /// If it can't be done.
    #[must_use]
    pub fn keep_open(&self, sql: &str) -> Locked {
        let psql = program("psql");
        let mut holder = Command::new(&psql)
            .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", &self.url()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| not_installed(&psql, &error));
        let locking = format!("\\o /dev/null\nBEGIN; {sql};\n\\o\n\\echo locked\n");
        holder.stdin.as_mut().unwrap().write_all(locking.as_bytes()).unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "locked\n");
        Locked(holder)
    }

    fn on_server(&self, sql: &str) {
        let url = format!("{}/postgres", self.server);
        let output = psql(&url, sql);
        assert!(
            output.status.success(),
            "these tests need a PostgreSQL server that lets them make databases, and {url} says: {}Name another in \
             {SERVER}.",
            String::from_utf8_lossy(&output.stderr),
        );
    }
}

/// A lock on a table, until it is dropped.
#[derive(Debug)]
pub struct Locked(Child);

impl Drop for Locked {
    fn drop(&mut self) {
        // The end of its input ends the session, and the server takes the transaction back.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that is down takes its databases with it; and a test that failed has its own say.
        let _ =
            psql(&format!("{}/postgres", self.server), &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn psql(url: &str, sql: &str) -> Output {
    let asked = [
        "--no-psqlrc",
        "--quiet",
        "--tuples-only",
        "--no-align",
        "--set=ON_ERROR_STOP=1",
        "--command",
        sql,
        url,
    ];
    let psql = program("psql");
    Command::new(&psql).args(asked).output().unwrap_or_else(|error| not_installed(&psql, &error))
}

fn not_installed(program: &Path, error: &std::io::Error) -> ! {
    panic!(
        "these tests need PostgreSQL's programs (Debian: apt install postgresql), and {} can't be run: {error}",
        program.display()
    )
}

/// A program of PostgreSQL: of the newest version that is installed, or whichever the path leads to.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|version| version.path()).max_by_key(|path| number(path));
    let there = newest.map(|version| version.join("bin").join(name)).filter(|program| program.exists());
    there.unwrap_or_else(|| PathBuf::from(name))
}

fn told(output: Output, whom: &str) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{whom} says: {said}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

// ---------------------------------------------------------------------------------------------------------------
// Servers

/// A PostgreSQL server of one's own, stopped and thrown away with this, or with the process however that ends.
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    port: u16,
    /// Waits for the end of its input, which is ours to end, and cleans up then.
    keeper: Child,
}

/// What the keeper does, given the program that stops a server, and the server's directory.
const KEEP: &str =
    r#"trap '' INT TERM; cat > /dev/null; "$1" -D "$2/data" -m immediate -s stop; rm -rf "$2""#;

impl Cluster {
    /// Makes and starts one on a free port of this machine.
    ///
    /// # Panics
    /// If PostgreSQL's programs are not installed, or the server does not start.
    #[must_use]
    pub fn start() -> Self {
        let cluster = Self::make();
        cluster.begin();
        cluster
    }

    /// The same, and connections may be encrypted, as a server that [`Self::certificate`] vouches for.
    ///
    /// # Panics
    /// As there, and if `openssl` is not installed.
    #[must_use]
    pub fn start_with_tls() -> Self {
        let cluster = Self::make();
        cluster.run(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=a test's own",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-addext",
                "basicConstraints=critical,CA:FALSE",
                "-keyout",
                "data/server.key",
                "-out",
                "data/server.crt",
            ],
        );
        cluster.run("sh", &["-c", "echo ssl=on >> data/postgresql.conf"]);
        cluster.begin();
        cluster
    }

    fn make() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = std::env::temp_dir().join(format!("rehome-postgres-{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&dir).unwrap();
        if is_root() {
            told(Command::new("chown").arg("postgres").arg(&dir).output().unwrap(), "chown");
        }
        let pg_ctl = program("pg_ctl");
        let keeper =
            as_postgres("sh", &["-c", KEEP, "keeper", pg_ctl.to_str().unwrap(), dir.to_str().unwrap()])
                .current_dir(&dir)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
        let cluster = Self { dir, port, keeper };
        cluster.run(
            program("initdb").to_str().unwrap(),
            &["--pgdata=data", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"],
        );
        cluster
    }

    /// Its URL, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}", self.port)
    }

    /// The certificate that vouches for it, if it was started with one.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.dir.join("data/server.crt")
    }

    /// Starts it (again).
    ///
    /// # Panics
    /// If it does not start.
    pub fn begin(&self) {
        let options = format!("-p {} -k {} -h 127.0.0.1", self.port, self.dir.display());
        self.pg_ctl(&["-w", "-l", "log", "-o", &options, "start"]);
    }

    /// Stops it as a crash does: nothing is written any more, nobody is waited for.
    ///
    /// # Panics
    /// If it does not stop.
    pub fn crash(&self) {
        self.pg_ctl(&["-m", "immediate", "stop"]);
    }

    fn pg_ctl(&self, args: &[&str]) {
        let program = program("pg_ctl");
        let args: Vec<_> = ["-D", "data", "-s"].iter().chain(args).copied().collect();
        self.run(program.to_str().unwrap(), &args);
    }

    /// Runs a program where the server's files are.
    fn run(&self, program: &str, args: &[&str]) {
        let output = as_postgres(program, args).current_dir(&self.dir).output();
        told(output.unwrap_or_else(|error| not_installed(program.as_ref(), &error)), program);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // A test that failed has its own say.
        let _ = self.keeper.wait();
    }
}

/// A program as a user that PostgreSQL runs as: it refuses to be root.
fn as_postgres(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(if is_root() { "runuser" } else { program });
    if is_root() {
        command.args(["-u", "postgres", "--", program]);
    }
    command.args(args);
    command
}

fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output().unwrap();
    user.stdout.trim_ascii() == b"0"
}
