//! The data plane of a gateway: what forwards by the committed configuration. A sub-interface in service is a port of Open
//! vSwitch with its tag, in the gateway's namespace, with the gateway's address; there is one bridge for each physical port.
//! This needs neither VLANs nor VRFs of the kernel: a VRF is kept, but does not keep circuits apart here. Within one, an
//! address that overlaps with another sub-interface's is refused, as most gateways do.
//!
//! The server asks before each commit and tells after it (`sil/rehome-vlan.c` says how), and its client hears no "ok" before
//! packets go the new way.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::{
    daemon::{DaemonError, PATIENCE, command, pause, run},
    netns::batch,
};

/// How long Open vSwitch may take to apply a commit, in seconds.
const APPLY_S: u64 = 30;
/// After how many milliseconds a gateway asks a customer again for its MAC: the switch may move the customer between question
/// and answer, and a whole second would be measured instead of the outage.
const ARP_MS: u32 = 20;
/// The longest name of an interface that the kernel takes.
const NAME_MAX: usize = 15;

/// The file in a gateway's directory that is there while a commit is held up.
pub const HELD: &str = "held";

/// What a commit does to one sub-interface: what can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It is made, or half made, and does not forward.
    Reserve,
    /// It goes, and has not forwarded.
    Release,
    /// It begins to forward.
    Install,
    /// It ends forwarding.
    Teardown,
}

impl Step {
    const ALL: [Self; 4] = [Self::Reserve, Self::Release, Self::Install, Self::Teardown];

    const fn name(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Release => "release",
            Self::Install => "install",
            Self::Teardown => "teardown",
        }
    }
}

/// What a test wants a device to do wrong: lines in a file of the device's directory, so that it can be wanted by hand
/// too. For gateways `refuse STEP`, and `hold`: a commit is taken, and neither applied nor answered. For all `off`: what
/// keeps the configuration is dead as long as the line is there. What forwards goes on.
#[derive(Debug, Clone)]
pub struct Faults {
    file: PathBuf,
}

impl Faults {
    /// The faults of the device in this directory.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self { file: directory.join("faults") }
    }

    /// Refuses these steps from now on, and no others.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn refuse(&self, steps: &[Step]) -> Result<(), DaemonError> {
        self.write(&steps.iter().map(|step| format!("refuse {}\n", step.name())).collect::<String>())
    }

    /// Holds every commit up from now on, after it was taken and before it is applied.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn hold(&self) -> Result<(), DaemonError> {
        self.write("hold\n")
    }

    /// Nothing goes wrong any more; what was held up goes on.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn clear(&self) -> Result<(), DaemonError> {
        self.write("")
    }

    fn write(&self, text: &str) -> Result<(), DaemonError> {
        std::fs::write(&self.file, text)
            .map_err(|source| DaemonError::File { path: self.file.clone(), source })
    }

    fn has(&self, line: &str) -> bool {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().any(|wanted| wanted.trim() == line)
    }

    /// Whether it is to be off.
    pub(crate) fn is_off(&self) -> bool {
        self.has("off")
    }

    fn refused(&self) -> Vec<Step> {
        Step::ALL.into_iter().filter(|step| self.has(&format!("refuse {}", step.name()))).collect()
    }
}

/// A sub-interface or port, as the server tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Interface {
    enabled: bool,
    tags: Option<Tags>,
    vrf: Option<String>,
    address: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Tags {
    parent: String,
    vlan: String,
    inner: Option<String>,
}

type Interfaces = BTreeMap<String, Interface>;

impl Interface {
    fn forwards(&self) -> bool {
        self.enabled && self.tags.is_some() && self.address.is_some()
    }

    /// The first and the last address of its network, as numbers.
    fn network(&self) -> Option<(u32, u32)> {
        let (ip, length) = self.address.as_ref()?.split_once('/')?;
        let (ip, length): (Ipv4Addr, u32) = (ip.parse().ok()?, length.parse().ok()?);
        let hosts = u32::MAX.checked_shr(length).unwrap_or_default();
        Some((u32::from(ip) & !hosts, u32::from(ip) | hosts))
    }

    /// Whether a router could not tell which of the two a packet is for.
    fn overlaps(&self, other: &Self) -> bool {
        self.vrf == other.vrf
            && self
                .network()
                .zip(other.network())
                .is_some_and(|(one, other)| one.0 <= other.1 && other.0 <= one.1)
    }
}

/// The data plane of one gateway, while it runs. Ends with this.
#[derive(Debug)]
pub struct Agent {
    socket: PathBuf,
    plane: Arc<Mutex<Plane>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Plane {
    directory: PathBuf,
    namespace: String,
    ports: Vec<String>,
    faults: Faults,
    applied: Interfaces,
    took: Vec<Duration>,
}

impl Agent {
    /// Serves the gateway in this directory, whose Open vSwitch runs there too and has a bridge for each of these ports.
    ///
    /// # Errors
    /// The socket can't be made.
    pub fn start(directory: &Path, namespace: &str, ports: &[String]) -> Result<Self, DaemonError> {
        let socket = directory.join("agent.sock");
        let listener = UnixListener::bind(&socket)
            .map_err(|source| DaemonError::File { path: socket.clone(), source })?;
        let plane = Arc::new(Mutex::new(Plane {
            directory: directory.to_owned(),
            namespace: namespace.to_owned(),
            ports: ports.to_vec(),
            faults: Faults::of(directory),
            applied: Interfaces::new(),
            took: Vec::new(),
        }));
        let serving = Arc::clone(&plane);
        let thread = std::thread::spawn(move || serve(&listener, &serving));
        Ok(Self { socket, plane, thread: Some(thread) })
    }

    /// Where the server asks.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// How long each commit that changed forwarding took to apply, the oldest first: the gateway's own time, which no
    /// client can shorten. Forgets them.
    #[must_use]
    pub fn took(&self) -> Vec<Duration> {
        std::mem::take(&mut self.plane.lock().unwrap_or_else(PoisonError::into_inner).took)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let end = || UnixStream::connect(&self.socket)?.write_all(b"end\n");
        if end().is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

/// Answers one question after the other: a gateway has one data plane.
fn serve(listener: &UnixListener, plane: &Mutex<Plane>) {
    while let Ok((mut stream, _)) = listener.accept() {
        let mut question = String::new();
        if stream.read_to_string(&mut question).is_err() {
            continue;
        }
        let (word, told) = question.split_once('\n').unwrap_or((&question, ""));
        let told = interfaces(told);
        let mut plane = plane.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match word {
            "check" => plane.check(&told),
            "apply" => plane.apply(told).map_err(|error| error.to_string()),
            "end" => return,
            _ => Err(format!("no such question: {word}")),
        };
        // The server may be gone by now: what was applied stays, as on a device whose session was lost.
        let _ = stream.write_all(answer.err().unwrap_or_else(|| "ok".to_owned()).as_bytes());
        let _ = stream.shutdown(Shutdown::Both);
    }
}

impl Plane {
    fn check(&self, told: &Interfaces) -> Result<(), String> {
        let refused = self.faults.refused();
        if let Some((step, name)) = steps(&self.applied, told).find(|(step, _)| refused.contains(step)) {
            return Err(format!("{} of {name} refused", step.name()));
        }
        for (name, interface) in told {
            let Some(tags) = &interface.tags else { continue };
            if !self.ports.contains(&tags.parent) {
                return Err(format!("{name}: there is no port {}", tags.parent));
            }
            if tags.inner.is_some() {
                return Err(format!("{name}: this gateway's ports take no inner VLAN"));
            }
            if name.len() > NAME_MAX {
                return Err(format!("{name}: a name has at most {NAME_MAX} characters here"));
            }
        }
        match overlapping(told) {
            Some((one, other)) => {
                Err(format!("{one}: its address overlaps with that of {other}, in the same VRF"))
            }
            None => Ok(()),
        }
    }

    /// Waits as long as commits are held up. Meanwhile there is a file [`HELD`], for whoever waits for that.
    fn hold(&self) -> Result<(), DaemonError> {
        let (since, held) = (Instant::now(), self.directory.join(HELD));
        while self.faults.has("hold") {
            std::fs::write(&held, "").map_err(|source| DaemonError::File { path: held.clone(), source })?;
            if since.elapsed() > PATIENCE {
                let detail = "a held commit was not let go".to_owned();
                return Err(DaemonError::Late { what: "applying".to_owned(), detail });
            }
            pause();
        }
        // There is none if nothing was held up.
        let _ = std::fs::remove_file(held);
        Ok(())
    }

    fn apply(&mut self, told: Interfaces) -> Result<(), DaemonError> {
        self.hold()?;
        let since = Instant::now();
        let gone: Vec<_> = changed(&self.applied, &told).collect();
        let come: Vec<_> = changed(&told, &self.applied).collect();
        if !gone.is_empty() || !come.is_empty() {
            forward(&self.directory, &self.namespace, &gone, &come)?;
            self.took.push(since.elapsed());
        }
        self.applied = told;
        Ok(())
    }
}

/// Two that forward and want the same addresses. No two of one VRF can: where the old place of a circuit stays, the new one
/// can't be put on the same gateway.
fn overlapping(told: &Interfaces) -> Option<(&String, &String)> {
    let forwarding: Vec<_> = told.iter().filter(|(_, interface)| interface.forwards()).collect();
    forwarding.iter().enumerate().find_map(|(place, (name, interface))| {
        let others = forwarding.iter().take(place);
        others.clone().find(|(_, other)| other.overlaps(interface)).map(|(other, _)| (*name, *other))
    })
}

/// What forwards in the first and not, or otherwise, in the second.
fn changed<'a>(
    these: &'a Interfaces,
    those: &'a Interfaces,
) -> impl Iterator<Item = (&'a String, &'a Interface)> {
    these.iter().filter(|(name, this)| this.forwards() && those.get(*name) != Some(this))
}

fn steps<'a>(before: &'a Interfaces, after: &'a Interfaces) -> impl Iterator<Item = (Step, &'a String)> {
    let ending = before.iter().filter_map(|(name, interface)| {
        let after = after.get(name);
        let teardown = interface.forwards() && !after.is_some_and(Interface::forwards);
        let release = !interface.forwards() && after.is_none();
        teardown
            .then_some(Step::Teardown)
            .or_else(|| release.then_some(Step::Release))
            .map(|step| (step, name))
    });
    let beginning = after.iter().filter_map(|(name, interface)| {
        let before = before.get(name);
        let install = interface.forwards() && before != Some(interface);
        let reserve = !interface.forwards() && before.is_none();
        install.then_some(Step::Install).or_else(|| reserve.then_some(Step::Reserve)).map(|step| (step, name))
    });
    ending.chain(beginning)
}

/// Changes what is forwarded, in one transaction of Open vSwitch, and gives the new ports their addresses.
fn forward(
    directory: &Path,
    namespace: &str,
    gone: &[(&String, &Interface)],
    come: &[(&String, &Interface)],
) -> Result<(), DaemonError> {
    let mut vsctl = vsctl(directory);
    for (name, _) in gone {
        vsctl.args(["--", "--if-exists", "del-port", name]);
    }
    let mut lines = String::new();
    for (name, interface) in come {
        let (Some(tags), Some(address)) = (&interface.tags, &interface.address) else { continue };
        vsctl.args(["--", "--may-exist", "add-port", &bridge(&tags.parent), name]);
        vsctl.arg(format!("tag={}", tags.vlan));
        vsctl.args(["--", "set", "interface", name, "type=internal"]);
        vsctl.arg(format!("mac=\"{}\"", mac_of(address)));
        lines.push_str(&format!(
            "ntable change name arp_cache dev {name} retrans {ARP_MS}\naddr add {address} dev {name}\nlink set {name} up\n"
        ));
    }
    run(&mut vsctl)?;
    if lines.is_empty() { Ok(()) } else { batch(namespace, &lines) }
}

fn vsctl(directory: &Path) -> Command {
    let mut vsctl = command("ovs-vsctl");
    vsctl
        .arg(format!("--db=unix:{}", directory.join("db.sock").display()))
        .arg(format!("--timeout={APPLY_S}"));
    vsctl
}

/// The bridge of a physical port.
#[must_use]
pub fn bridge(port: &str) -> String {
    format!("br-{port}")
}

/// The MAC that goes with a gateway's address, on whichever gateway and port it is: as with a first-hop redundancy protocol,
/// whoever has it in its ARP table finds the gateway after the move too.
#[must_use]
pub fn mac_of(address: &str) -> String {
    let address = address.split_once('/').map_or(address, |(address, _)| address);
    let [a, b, c, d] = address.parse().unwrap_or(Ipv4Addr::UNSPECIFIED).octets();
    format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

/// The lines that the server sends: see `sil/rehome-vlan.c`.
fn interfaces(told: &str) -> Interfaces {
    let parse = |line: &str| {
        let mut words = line.split('\t').map(|word| Some(word.to_owned()).filter(|word| word != "-"));
        let mut next = || words.next().flatten();
        let (name, enabled) = (next()?, next().is_some_and(|word| word == "true"));
        let (parent, vlan, inner, vrf) = (next(), next(), next(), next());
        let tags = parent.zip(vlan).map(|(parent, vlan)| Tags { parent, vlan, inner });
        let address = next().zip(next()).map(|(ip, length)| format!("{ip}/{length}"));
        Some((name, Interface { enabled, tags, vrf, address }))
    };
    told.lines().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "ge1\ttrue\t-\t-\t-\t-\t-\t-\nge1.100\ttrue\tge1\t100\t-\tblue\t10.9.1.1\t30\n";
    const NEW: &str = "ge1\ttrue\t-\t-\t-\t-\t-\t-\nge1.200\ttrue\tge1\t200\t-\t-\t10.9.1.1\t30\n";
    const RESERVED: &str = "ge1\ttrue\t-\t-\t-\t-\t-\t-\nge1.200\tfalse\t-\t-\t-\t-\t-\t-\n";

    fn names(before: &str, after: &str) -> Vec<(Step, String)> {
        let (before, after) = (interfaces(before), interfaces(after));
        steps(&before, &after).map(|(step, name)| (step, name.clone())).collect()
    }

    #[test]
    fn a_commit_is_told_apart_into_what_it_takes_away_and_what_it_puts_there() {
        let (old, new) = ("ge1.100".to_owned(), "ge1.200".to_owned());
        assert_eq!(names(OLD, NEW), [(Step::Teardown, old.clone()), (Step::Install, new.clone())]);
        assert_eq!(names("", RESERVED), [(Step::Reserve, "ge1".to_owned()), (Step::Reserve, new.clone())]);
        assert_eq!(names(RESERVED, OLD), [(Step::Release, new.clone()), (Step::Install, old)]);
        assert_eq!(names(RESERVED, NEW), [(Step::Install, new)]);
        assert_eq!(names(OLD, OLD), []);
    }

    #[test]
    fn two_sub_interfaces_of_one_vrf_can_not_have_overlapping_addresses() {
        let told = |vrf: &str, address: &str, length: &str, enabled: &str| {
            let new = format!("ge2.200\t{enabled}\tge2\t200\t-\t{vrf}\t{address}\t{length}\n");
            overlapping(&interfaces(&(OLD.to_owned() + &new)))
                .map(|(one, other)| (one.clone(), other.clone()))
        };
        let refused = Some(("ge2.200".to_owned(), "ge1.100".to_owned()));
        assert_eq!(told("blue", "10.9.1.1", "30", "true"), refused);
        assert_eq!(told("blue", "10.9.0.1", "16", "true"), refused);
        assert_eq!(told("blue", "0.0.0.1", "0", "true"), refused);
        assert_eq!(told("blue", "10.9.1.5", "30", "true"), None);
        assert_eq!(told("red", "10.9.1.1", "30", "true"), None);
        assert_eq!(told("blue", "10.9.1.1", "30", "false"), None, "what is shut down has no route");
    }

    #[test]
    fn a_gateways_address_has_one_mac_wherever_it_is() {
        assert_eq!(mac_of("10.9.1.1/30"), "02:00:0a:09:01:01");
    }
}
