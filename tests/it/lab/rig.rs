//! A lab of a test's own, a system that works on it, and what the devices say by themselves.

use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use rehome_devices::netconf::{Options, client::Client, xml::Element};
use rehome_domain::ports::DriverError;
use rehome_lab::{agent::HELD, left};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    operations::Serving,
    over_http::token_of,
    running::{Said, rehome},
};

/// Long enough for any machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// The service of the lab's first customer.
pub(super) const SERVICE: &str = "LAB-1";

/// A lab that ends with this.
pub(crate) struct Lab {
    pub(super) name: String,
    pub(crate) told: Value,
    /// Where its systems keep what they keep.
    data: TempDir,
    inventory: Option<PathBuf>,
}

impl Lab {
    pub(crate) fn up(name: &str, more: &[&str]) -> Self {
        let name = format!("{name}{}", std::process::id());
        let told = Said::of(rehome(&["lab", "up", "--json", "--name", &name]).args(more)).json(0);
        Self { name, told, data: TempDir::new().unwrap(), inventory: None }
    }

    /// The same with another inventory: what is made of the text of its own.
    pub(crate) fn with_inventory(mut self, make: impl FnOnce(String) -> String) -> Self {
        let text = std::fs::read_to_string(self.path("inventory")).unwrap();
        let path = self.data.path().join("inventory.toml");
        std::fs::write(&path, make(text)).unwrap();
        self.inventory = Some(path);
        self
    }

    /// A file that `up` has told.
    pub(crate) fn path(&self, which: &str) -> PathBuf {
        PathBuf::from(self.told[which].as_str().unwrap())
    }

    /// `rehome` with the lab's configuration.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = rehome(args);
        command.arg("--config").arg(self.path("config"));
        if let Some(inventory) = &self.inventory {
            command.env("REHOME__DEVICES__INVENTORY", inventory);
        }
        command
    }

    /// A verb about the lab's sheet.
    pub(super) fn verb(&self, verb: &str, more: &[&str]) -> Said {
        Said::of(self.command(&[verb, self.path("sheet").to_str().unwrap()]).args(more))
    }

    pub(super) fn status(&self) -> String {
        Said::of(&mut rehome(&["lab", "status", "--name", &self.name])).stdout
    }

    /// Whether the first customer has service at the old place, and at the new one: by ping.
    pub(super) fn served(&self) -> (bool, bool) {
        self.all_served()[0]
    }

    /// The same of every customer.
    pub(super) fn all_served(&self) -> Vec<(bool, bool)> {
        let status = Said::of(&mut rehome(&["lab", "status", "--json", "--name", &self.name])).stdout;
        let status: Value = serde_json::from_str(&status).unwrap();
        let of = |customer: &Value| {
            let at = |place: &str| customer[place].as_bool().unwrap();
            (at("answered_at_old"), at("answered_at_new"))
        };
        status["customers"].as_array().unwrap().iter().map(of).collect()
    }

    fn device(&self, name: &str) -> &Value {
        self.told["devices"].as_array().unwrap().iter().find(|device| device["name"] == name).unwrap()
    }

    /// Lets a device do wrong from now on what this says; nothing, and all is well again.
    pub(super) fn fault(&self, device: &str, text: &str) {
        std::fs::write(self.device(device)["faults"].as_str().unwrap(), text).unwrap();
    }

    /// Waits until a gateway holds a commit up.
    pub(super) fn until_held(&self, gateway: &str) {
        let held = Path::new(self.device(gateway)["faults"].as_str().unwrap()).with_file_name(HELD);
        until("a held commit", || held.exists());
    }

    /// Waits until a gateway takes no connections, or does again.
    pub(super) fn until_listening(&self, gateway: &str, listening: bool) {
        let address = self.device(gateway)["address"].as_str().unwrap();
        until("the gateway", || TcpStream::connect(address).is_ok() == listening);
    }

    /// What a person types at a switch.
    pub(super) fn vsctl(&self, switch: &str, args: &[&str]) -> String {
        let database = format!("--db={}", self.device(switch)["address"].as_str().unwrap());
        Said::of(Command::new("ovs-vsctl").args([&database, "--timeout=10"]).args(args)).stdout
    }

    /// The VLAN of a port, as the switch says; 0 if there is no such port, or the switch is off.
    pub(super) fn tag(&self, switch: &str, port: &str) -> u16 {
        let told = self.vsctl(switch, &["--if-exists", "get", "port", port, "tag"]);
        told.trim().parse().unwrap_or_default()
    }

    /// What a gateway has at a sub-interface, as it says to another client: `-`, `reserved`, or `in service`; `?` if it is
    /// off.
    pub(super) fn at(&self, gateway: &str, name: &str) -> &'static str {
        let address = self.device(gateway)["address"].as_str().unwrap();
        if TcpStream::connect(address).is_err() {
            return "?";
        }
        let running = self.running(gateway);
        let Some(found) = running.at(&format!("data/interfaces/interface[name={name}]")) else { return "-" };
        match (found.text_at("enabled"), found.at("encapsulation"), found.text_at("ipv4/address/ip")) {
            (Some("true"), Some(_), Some(_)) => "in service",
            (Some("false"), None, None) => "reserved",
            _ => panic!("{found:?}"),
        }
    }

    fn running(&self, gateway: &str) -> Element {
        self.ask(gateway, &["<get-config><source><running/></source></get-config>"]).unwrap()
    }

    /// Another client of a gateway puts this among its interfaces.
    pub(super) fn edit(&self, gateway: &str, interface: &str) {
        let edit = format!(
            "<edit-config><target><candidate/></target><config><interfaces \
             xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\">{interface}</interfaces></config></edit-config>"
        );
        self.ask(gateway, &[&edit, "<commit/>"]).unwrap();
    }

    /// Whether a commit of Rehome's waits to be confirmed, so that the gateway would take it back sooner or later. Takes it back.
    pub(super) fn is_pending(&self, gateway: &str) -> bool {
        self.takes_back(gateway, &format!("rehome-{gateway}"))
    }

    /// Whether a gateway holds a relocation's cutover. Takes it back.
    pub(super) fn is_held(&self, gateway: &str, relocation: &str) -> bool {
        self.takes_back(gateway, &format!("rehome-{gateway}-{relocation}"))
    }

    fn takes_back(&self, gateway: &str, persist: &str) -> bool {
        let cancel = format!("<cancel-commit><persist-id>{persist}</persist-id></cancel-commit>");
        self.ask(gateway, &[&cancel]).is_ok()
    }

    /// What a gateway answers another client's last request.
    fn ask(&self, gateway: &str, requests: &[&str]) -> Result<Element, DriverError> {
        let text = std::fs::read_to_string(self.path("inventory")).unwrap();
        let mut file: toml::Table = toml::from_str(&text).unwrap();
        let devices = file["device"].as_array_mut().unwrap();
        let mut entry = devices.iter().find(|entry| entry["name"].as_str() == Some(gateway)).unwrap().clone();
        for common in ["name", "layer", "driver"] {
            entry.as_table_mut().unwrap().remove(common);
        }
        let options: Options = entry.try_into().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut client = Client::connect(gateway, &options).await.unwrap();
            let mut answer = Element::default();
            for request in requests {
                answer = client.call("answer", request).await?;
            }
            Ok(answer)
        })
    }

    /// A system that works on it, with all it has kept.
    pub(super) fn serve(&self) -> System<'_> {
        let data = self.data.path().join("data");
        let token = self.data.path().join("token");
        if !token.exists() {
            std::fs::write(&token, token_of(&data, "ann", "supervisor")).unwrap();
        }
        let mut command = self.command(&["serve"]);
        command.arg("--data").arg(&data).stdout(std::process::Stdio::null());
        for stage in ["RESERVE", "CUTOVER", "ROLLBACK", "INSPECT"] {
            command.env(format!("REHOME__DEADLINES__{stage}_MS"), "60000");
        }
        // A gateway of the lab that was killed comes back within a second or two.
        command.env("REHOME__RETRY__MAX_TRIES", "6").env("REHOME__RETRY__FIRST_MS", "200");
        System { lab: self, serving: Serving::start(command), token }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let down = Said::of(&mut rehome(&["lab", "down", "--name", &self.name]));
        if !std::thread::panicking() {
            down.is(0, &[]);
            let directory = left::directory(&self.name);
            assert!(!directory.exists() && left::processes(&self.name, &directory).is_empty());
        }
    }
}

/// `rehome serve` on a lab. Killed with this, as by `kill -9`.
pub(super) struct System<'a> {
    lab: &'a Lab,
    serving: Serving,
    token: PathBuf,
}

impl System<'_> {
    /// A command to it.
    pub(super) fn said(&self, args: &[&str]) -> Said {
        let mut command = rehome(args);
        command.env("REHOME_URL", self.serving.at()).arg("--token-file").arg(&self.token);
        Said::of(&mut command)
    }

    /// Submits the lab's sheet, if that was not done, and waits until nothing is under way.
    pub(super) fn rest(&self) -> Value {
        self.rest_of(&[])
    }

    /// The same of a sheet that is submitted with these options.
    pub(super) fn rest_of(&self, how: &[&str]) -> Value {
        let sheet = self.lab.path("sheet");
        let submit = ["submit", sheet.to_str().unwrap(), "--wait", "--json"];
        let said = self.said(&[&submit, how].concat());
        assert!(matches!(said.code, Some(0 | 1)), "{}{}", said.stdout, said.stderr);
        self.said(&["show", SERVICE, "--json"]).json(0)["ticket"].clone()
    }

    /// Does something to the ticket, which is taken.
    pub(super) fn act(&self, act: &[&str]) {
        self.said(&[act, &[SERVICE, "--reason", "a test"]].concat()).is(0, &["taken"]);
    }

    /// The rows of the table that it has taken, in order, with what it said to be wrong.
    pub(super) fn rows(&self) -> Vec<String> {
        let journal = self.said(&["export", SERVICE]).stdout;
        let entries = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let rows = |entry: Value| entry["rows"].as_array().cloned().unwrap_or_default();
        entries.flat_map(rows).map(|row| row.as_str().unwrap().to_owned()).collect()
    }
}

/// Waits for what another process does.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come");
        std::thread::yield_now();
    }
}
