//! A whole network: gateways, switches, and customers with an old and a new place, each in a network namespace.
//!
//! ```text
//! customer 1, old place ── c1a ┐                ┌ up1-1 ── ge1-1 ┐
//!                              ├── switch 1 ────┤                ├── gateway 1
//! customer 1, new place ── c1b ┘                └ up1-2 ── ge1-2 ┘
//! ```
//! Every switch has [`LINKS`] links to every gateway, which carry all VLANs. A customer has the same addresses at both places,
//! is in service at the old one over the first link, and can be moved to the new one over the second.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    agent::{self, Agent, Faults},
    customer::connect,
    daemon::{DaemonError, command, run},
    gateway::{self, Gateway},
    netns::{self, Namespaces},
    switch::{self, Forwarding, Switch},
};

pub use crate::customer::{Customer, Move, Place};

/// The links between a switch and a gateway: one for what is, one for what will be.
pub const LINKS: usize = 2;
/// The VLAN of ports without service, as the switches' driver has it.
pub const PARKING_VLAN: u16 = 4094;
/// The most gateways there can be, and the most switches: what fits into names.
pub const MOST: usize = 64;
/// The most customers: what fits into VLANs, of which each has two.
pub const MOST_CUSTOMERS: usize = 1000;
/// What netconfd calls before and after its commits.
const CODE: &str = include_str!("../sil/rehome-vlan.c");

/// What a network is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The lab's name: letters, digits and `-`.
    pub name: String,
    /// Where it keeps its files; none: in a directory that goes with it.
    pub directory: Option<PathBuf>,
    /// How many gateways, at most [`MOST`].
    pub gateways: usize,
    /// How many switches, at most [`MOST`].
    pub switches: usize,
    /// How many customers, at most [`MOST_CUSTOMERS`].
    pub customers: usize,
    /// Whether they have service at their old places from the start; else nobody has.
    pub served: bool,
    /// Where they move: customers take these in turn. None: all [`Move::Onward`].
    pub moves: Vec<Move>,
}

impl Options {
    /// The smallest one: a gateway, a switch, and a customer's two places.
    #[must_use]
    pub fn smallest(name: &str) -> Self {
        let (name, moves) = (name.to_owned(), Vec::new());
        Self { name, directory: None, gateways: 1, switches: 1, customers: 1, served: true, moves }
    }

    /// Whether there can be one.
    ///
    /// # Errors
    /// This is not root, the name is none, or there are too few or too many of something.
    pub fn check(&self) -> Result<(), DaemonError> {
        let failed = |detail: String| Err(DaemonError::Failed { program: "the lab".to_owned(), detail });
        if !rustix::process::geteuid().is_root() {
            return failed("real packets need root: run this as root, after scripts/setup".to_owned());
        }
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if self.name.is_empty() || self.name.len() > 40 || !self.name.chars().all(fits) {
            return failed(format!("`{}` is no name for it: use letters, digits and `-`", self.name));
        }
        let devices = [self.gateways, self.switches];
        if devices.iter().any(|count| !(1..=MOST).contains(count)) {
            return failed(format!("there can be 1 to {MOST} gateways and switches"));
        }
        if !(1..=MOST_CUSTOMERS).contains(&self.customers) {
            return failed(format!("there can be 1 to {MOST_CUSTOMERS} customers"));
        }
        Ok(())
    }
}

/// A network that runs. Ends with this.
#[derive(Debug)]
pub struct Network {
    /// The gateways, `gw1` first.
    pub gateways: Vec<Router>,
    /// The switches, `sw1` first.
    pub switches: Vec<Bridge>,
    /// The customers, number 1 first.
    pub customers: Vec<Customer>,
    directory: PathBuf,
    /// What keeps devices from coming back, as it was last told.
    wrong: Wrong,
    // Invariant: the last fields, so that namespaces and directory go after the processes that use them.
    _namespaces: Namespaces,
    _own_directory: Option<TempDir>,
}

/// A gateway that forwards.
#[derive(Debug)]
pub struct Router {
    /// Its name in inventories and sheets.
    pub name: String,
    /// What keeps its configuration.
    pub server: Gateway,
    /// What applies it.
    pub agent: Agent,
    /// What it is to do wrong.
    pub faults: Faults,
    _forwarder: Switch,
}

/// A switch of the network.
#[derive(Debug)]
pub struct Bridge {
    /// Its name in inventories and sheets.
    pub name: String,
    /// What keeps its configuration and forwards.
    pub server: Switch,
    /// What it is to do wrong.
    pub faults: Faults,
}

impl Network {
    /// Starts one, and waits until every customer's old place can have service.
    ///
    /// # Errors
    /// This is not root, a package is not installed, or something did not start: with the end of its log. What had started
    /// ends again.
    pub fn start(options: &Options) -> Result<Self, DaemonError> {
        options.check()?;
        let own_directory = match &options.directory {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix("rehome-lab-")
                    .tempdir()
                    .map_err(|source| DaemonError::File { path: std::env::temp_dir(), source })?,
            ),
        };
        let given = options.directory.clone();
        let directory = given.or_else(|| Some(own_directory.as_ref()?.path().to_owned())).unwrap_or_default();
        let code = build(&directory)?;
        let customers: Vec<_> = (0..options.customers).map(|number| Customer::of(options, number)).collect();
        let namespaces = lay_out(options, &customers)?;
        let (gateways, switches) = start_devices(options, &directory, &code, &customers)?;
        Ok(Self {
            gateways,
            switches,
            customers,
            directory,
            wrong: Wrong::default(),
            _namespaces: namespaces,
            _own_directory: own_directory,
        })
    }

    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends the devices that are to be [off](Faults::off), and starts those again that are not and have ended, by themselves
    /// or because somebody killed them: a device comes back. To be called again and again; what does not start is tried again
    /// the next time, and told once.
    pub fn tend(&mut self) {
        let wrong = &mut self.wrong;
        let gateways = self.gateways.iter_mut().map(|gateway| {
            let Router { name, server, faults, .. } = gateway;
            (name, turned(faults, server, Gateway::off, Gateway::on))
        });
        let switches = self.switches.iter_mut().map(|switch| {
            let Bridge { name, server, faults } = switch;
            (name, turned(faults, server, Switch::off, Switch::on))
        });
        for (name, done) in gateways.chain(switches) {
            if wrong.is_news(name, done.as_ref().err())
                && let Err(error) = done
            {
                tracing::error!(device = name.as_str(), %error, "a device does not come back");
            }
        }
    }

    /// The gateway of this name.
    pub fn gateway(&mut self, name: &str) -> Option<&mut Router> {
        self.gateways.iter_mut().find(|gateway| gateway.name == name)
    }

    /// The switch of this name.
    pub fn switch(&mut self, name: &str) -> Option<&mut Bridge> {
        self.switches.iter_mut().find(|switch| switch.name == name)
    }
}

/// What is wrong with each device that does not come back. It is tried again many times a second.
#[derive(Debug, Default)]
struct Wrong(BTreeMap<String, String>);

impl Wrong {
    /// Whether this is to be told: it is not what was wrong with the device the last time.
    fn is_news(&mut self, device: &str, error: Option<&DaemonError>) -> bool {
        let Some(error) = error else {
            self.0.remove(device);
            return false;
        };
        // The end of a log is another one each time.
        let what = match error {
            DaemonError::Missing { program } => format!("{program} is missing"),
            DaemonError::Start { program, source } => format!("{program} can't be started: {source}"),
            DaemonError::Failed { program, .. } => format!("{program} failed"),
            DaemonError::Late { what, .. } => format!("{what} is late"),
            DaemonError::File { path, source } => format!("{}: {source}", path.display()),
        };
        self.0.insert(device.to_owned(), what.clone()) != Some(what)
    }
}

/// Ends what is to be off; else starts it, if it has ended.
fn turned<T>(
    faults: &Faults,
    server: &mut T,
    off: fn(&mut T),
    on: fn(&mut T) -> Result<(), DaemonError>,
) -> Result<(), DaemonError> {
    if faults.is_off() {
        off(server);
        return Ok(());
    }
    on(server)
}

pub(crate) fn gateway_port(switch: usize, link: usize) -> String {
    format!("ge{switch}-{link}")
}

fn switch_port(gateway: usize, link: usize) -> String {
    format!("up{gateway}-{link}")
}

/// Makes the namespaces and the cables between them.
fn lay_out(options: &Options, customers: &[Customer]) -> Result<Namespaces, DaemonError> {
    let mut namespaces = Namespaces::new(&options.name);
    let named = |kind: &str, count| (1..=count).map(|number| format!("{kind}{number}")).collect::<Vec<_>>();
    let devices = [named("sw", options.switches), named("gw", options.gateways)];
    let places = [named("old", customers.len()), named("new", customers.len())];
    namespaces.add(&[devices, places].concat().concat())?;
    for gateway in 1..=options.gateways {
        let inside = netns::full_name(&options.name, &format!("gw{gateway}"));
        for switch in 1..=options.switches {
            let other = netns::full_name(&options.name, &format!("sw{switch}"));
            for link in 1..=LINKS {
                let (port, uplink) = (gateway_port(switch, link), switch_port(gateway, link));
                netns::cable((&inside, &port), (&other, &uplink))?;
            }
        }
    }
    connect(&options.name, customers)?;
    Ok(namespaces)
}

/// Starts all devices at the same time. If one does not start, the others end.
fn start_devices(
    options: &Options,
    directory: &Path,
    code: &Path,
    customers: &[Customer],
) -> Result<(Vec<Router>, Vec<Bridge>), DaemonError> {
    std::thread::scope(|scope| {
        let gateways: Vec<_> = (1..=options.gateways)
            .map(|number| scope.spawn(move || start_gateway(options, directory, code, customers, number)))
            .collect();
        let switches: Vec<_> = (1..=options.switches)
            .map(|number| scope.spawn(move || start_switch(options, directory, customers, number)))
            .collect();
        let gateways = gateways.into_iter().map(joined).collect::<Vec<_>>();
        let switches = switches.into_iter().map(joined).collect::<Vec<_>>();
        Ok((gateways.into_iter().collect::<Result<_, _>>()?, switches.into_iter().collect::<Result<_, _>>()?))
    })
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T, DaemonError>>) -> Result<T, DaemonError> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn start_gateway(
    options: &Options,
    directory: &Path,
    code: &Path,
    customers: &[Customer],
    number: usize,
) -> Result<Router, DaemonError> {
    let name = format!("gw{number}");
    let directory = room(directory, &name)?;
    let namespace = netns::full_name(&options.name, &name);
    let ports: Vec<_> = (1..=options.switches)
        .flat_map(|switch| (1..=LINKS).map(move |link| gateway_port(switch, link)))
        .collect();
    let forwarder = Switch::start(switch::Options {
        bridge: ports.first().map(|port| agent::bridge(port)).unwrap_or_default(),
        forwarding: Forwarding::Userspace { namespace: Some(namespace.clone()) },
        directory: Some(directory.clone()),
        tls: false,
    })?;
    let not_learning = not_learning(customers);
    for port in &ports {
        let bridge = agent::bridge(port);
        let netdev = ["--", "set", "bridge", &bridge, "datapath_type=netdev", &not_learning];
        let add = ["--may-exist", "add-br", &bridge];
        let link = ["--", "--may-exist", "add-port", &bridge, port];
        forwarder.vsctl(&[&add[..], &netdev[..], &link[..]].concat())?;
    }
    let agent = Agent::start(&directory, &namespace, &ports)?;
    let ours = customers.iter().filter(|customer| options.served && customer.old.gateway == name);
    let server = Gateway::start(gateway::Options {
        ports,
        interfaces: ours.map(Customer::at_the_start).collect(),
        directory: Some(directory.clone()),
        code: Some(code.to_owned()),
        environment: vec![("REHOME_LAB_AGENT".to_owned(), agent.socket().display().to_string())],
        model: None,
    })?;
    Ok(Router { name, server, agent, faults: Faults::of(&directory), _forwarder: forwarder })
}

fn start_switch(
    options: &Options,
    directory: &Path,
    customers: &[Customer],
    number: usize,
) -> Result<Bridge, DaemonError> {
    let name = format!("sw{number}");
    let namespace = netns::full_name(&options.name, &name);
    let directory = room(directory, &name)?;
    let server = Switch::start(switch::Options {
        forwarding: Forwarding::Userspace { namespace: Some(namespace) },
        directory: Some(directory.clone()),
        ..switch::Options::default()
    })?;
    server.vsctl(&["set", "bridge", switch::Options::default().bridge.as_str(), &not_learning(customers)])?;
    let uplinks = (1..=options.gateways)
        .flat_map(|gateway| (1..=LINKS).map(move |link| (switch_port(gateway, link), None)));
    let places = customers.iter().flat_map(|customer| {
        let old = if options.served { customer.old.vlan } else { PARKING_VLAN };
        [(&customer.old, old), (&customer.new, PARKING_VLAN)]
            .map(|(place, vlan)| (&place.switch, place.switch_port.clone(), vlan))
    });
    let ours = places.filter(|(switch, ..)| **switch == name).map(|(_, port, vlan)| (port, Some(vlan)));
    server.add_ports(&uplinks.chain(ours).collect::<Vec<_>>())?;
    Ok(Bridge { name, server, faults: Faults::of(&directory) })
}

/// Circuits have a VLAN of their own between two ends, in which no switch has to learn who is where. Nor may it: Open vSwitch
/// learns from what it has forwarded when it counts it, up to half a second later, and would take a gateway's address that
/// was moved within a VLAN, and announced where it is now, back to where it was.
fn not_learning(customers: &[Customer]) -> String {
    let vlans = customers.iter().flat_map(|customer| [customer.old.vlan, customer.new.vlan]);
    let vlans: BTreeSet<String> = vlans.map(|vlan| vlan.to_string()).collect();
    format!("flood_vlans={}", vlans.into_iter().collect::<Vec<_>>().join(","))
}

fn room(directory: &Path, name: &str) -> Result<PathBuf, DaemonError> {
    let path = directory.join(name);
    match std::fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(DaemonError::File { path, source }),
    }
}

/// Builds what netconfd calls before and after its commits; answers the directory that it is in.
fn build(directory: &Path) -> Result<PathBuf, DaemonError> {
    let source = directory.join("rehome-vlan.c");
    std::fs::write(&source, CODE)
        .map_err(|error| DaemonError::File { path: source.clone(), source: error })?;
    let headers = ["", "/agt", "/mgr", "/ncx", "/platform"].map(|part| format!("-I/usr/include/yuma{part}"));
    let mut compiler = command("gcc");
    compiler.args(["-shared", "-fPIC", "-O1", "-I/usr/include/libxml2"]).args(headers);
    compiler.arg("-o").arg(directory.join("librehome-vlan.so")).arg(&source);
    run(&mut compiler).map_err(|error| match error {
        DaemonError::Failed { program, detail } if detail.contains("No such file") => {
            let detail = format!(
                "headers of libyuma-dev or libxml2-dev are missing: run scripts/setup as root: {detail}"
            );
            DaemonError::Failed { program, detail }
        }
        other => other,
    })?;
    Ok(directory.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_device_from_coming_back_is_told_once_until_it_is_something_else() {
        let mut wrong = Wrong::default();
        let failed = |program: &str, detail: &str| DaemonError::Failed {
            program: program.to_owned(),
            detail: detail.to_owned(),
        };
        assert!(wrong.is_news("gw1", Some(&failed("netconfd", "10:00:01 no socket"))));
        assert!(!wrong.is_news("gw1", Some(&failed("netconfd", "10:00:02 no socket"))));
        assert!(wrong.is_news("gw2", Some(&failed("netconfd", "no socket"))), "each device by itself");
        assert!(wrong.is_news("gw1", Some(&failed("sshd", "no key"))));
        assert!(!wrong.is_news("gw1", None), "it came back");
        assert!(wrong.is_news("gw1", Some(&failed("sshd", "no key"))), "and is gone again");
    }
}
