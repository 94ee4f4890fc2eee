//! Network namespaces of one lab, and the cables between them. Their names begin with the lab's, so that what is left of a
//! lab can be found and labs stand side by side.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::daemon::{DaemonError, command, run};

/// What every namespace's name begins with.
const PREFIX: &str = "rehome";
/// What every namespace is told, one `key=value` each: nothing is announced that nobody has asked for, save by ARP, when an
/// interface comes up: so switches learn at once where a gateway's address is now.
const SETTINGS: [&str; 5] = [
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv6.conf.default.disable_ipv6=1",
    "net.ipv4.conf.default.arp_notify=1",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.conf.all.rp_filter=0",
];

/// The namespaces of one lab. They go with this.
#[derive(Debug)]
pub struct Namespaces {
    lab: String,
    made: Vec<String>,
}

impl Namespaces {
    /// None yet, for the lab of this name.
    #[must_use]
    pub fn new(lab: &str) -> Self {
        Self { lab: lab.to_owned(), made: Vec::new() }
    }

    /// Makes those of these roles, in one call of `ip`: a lab may have hundreds.
    ///
    /// # Errors
    /// This is not root, or one of them is there already; then none is made.
    pub fn add(&mut self, roles: &[String]) -> Result<(), DaemonError> {
        let names: Vec<_> = roles.iter().map(|role| full_name(&self.lab, role)).collect();
        let there = all()?;
        if let Some(name) = names.iter().find(|name| there.contains(name)) {
            let detail = format!("the namespace {name} is there already: `rehome lab down` ends its lab");
            return Err(DaemonError::Failed { program: "ip".to_owned(), detail });
        }
        let sysctl = format!("sysctl -qw {}", SETTINGS.join(" "));
        let made = |name: &String| format!("netns add {name}\nnetns exec {name} {sysctl}\n");
        let lines: String = names.iter().map(made).collect();
        self.made.extend(names.iter().cloned());
        feed(&[], &lines)?;
        names.iter().try_for_each(|name| batch(name, "link set lo up"))
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        let lines: String = self.made.iter().map(|name| format!("netns del {name}\n")).collect();
        // Somebody may have removed one already: `-force` goes on with the others.
        let _ = feed(&["-force"], &lines);
    }
}

/// The name of a lab's namespace.
#[must_use]
pub fn full_name(lab: &str, role: &str) -> String {
    format!("{PREFIX}-{lab}-{role}")
}

/// All namespaces that a lab has on this machine, whoever made them.
///
/// # Errors
/// `ip` is not installed.
pub fn of_lab(lab: &str) -> Result<Vec<String>, DaemonError> {
    let roles = ["gw", "sw", "old", "new"].map(|role| full_name(lab, role));
    // A number follows the role: so another lab, whose name begins with this one's, is not taken for it.
    let is_ours = |name: &String| {
        let rest = roles.iter().find_map(|role| name.strip_prefix(role.as_str()));
        rest.is_some_and(|rest| rest.chars().all(|digit| digit.is_ascii_digit()))
    };
    Ok(all()?.into_iter().filter(is_ours).collect())
}

fn all() -> Result<Vec<String>, DaemonError> {
    let told = run(command("ip").args(["netns", "list"]))?;
    let names = told.lines().filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}

/// A command inside a namespace. `ip` becomes the command, so its process id is the command's.
#[must_use]
pub fn inside(namespace: &str, program: &str) -> Command {
    let mut outer = command("ip");
    outer.args(["netns", "exec", namespace]).arg(command(program).get_program());
    outer
}

/// A cable: each end is up, in its namespace and by its name.
///
/// # Errors
/// In the words of `ip`.
pub fn cable(one: (&str, &str), other: (&str, &str)) -> Result<(), DaemonError> {
    batch(one.0, &format!("link add {} type veth peer name {} netns {}", one.1, other.1, other.0))?;
    batch(one.0, &format!("link set {} up", one.1))?;
    batch(other.0, &format!("link set {} up", other.1))
}

/// Lines for `ip`, in a namespace.
///
/// # Errors
/// In the words of `ip`, at the first line that it refuses.
pub fn batch(namespace: &str, lines: &str) -> Result<(), DaemonError> {
    feed(&["-n", namespace], lines)
}

fn feed(options: &[&str], lines: &str) -> Result<(), DaemonError> {
    let failed = |detail: String| DaemonError::Failed { program: "ip".to_owned(), detail };
    let mut ip = command("ip");
    ip.args(options).args(["-batch", "-"]);
    ip.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let started = ip.spawn();
    let mut child = started.map_err(|source| DaemonError::Start { program: "ip".to_owned(), source })?;
    let written = child.stdin.take().map(|mut to| to.write_all(lines.as_bytes()));
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match written {
        Some(Err(error)) if told.is_empty() => Err(failed(error.to_string())),
        _ if output.status.success() => Ok(()),
        _ => Err(failed(format!("{told} (ip {}: {lines})", options.join(" ")))),
    }
}
