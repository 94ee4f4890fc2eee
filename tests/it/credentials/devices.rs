//! The devices of the search: real ones, rightly and wrongly signed in to.

use std::path::Path;

use rehome_lab::{
    certificates::{Authority, Identity},
    shell::Shell,
    switch::{Options, Switch},
};

use super::{DEVICE_FILE, haystack::Secret};
use crate::{lab::Lab, running::repository};

/// The devices: the lab's, and for each way to be refused one that refuses us so.
pub(super) struct Devices {
    pub(super) lab: Lab,
    _shell: Shell,
    switch: Switch,
    /// A certificate that the switch does not trust, and a device's password.
    stranger: tempfile::TempDir,
}

impl Devices {
    pub(super) fn start() -> Self {
        let lab = Lab::up("secret", &["--gateways", "1"]);
        let shell = Shell::start("gw-password", &[]).unwrap();
        let switch = Switch::start(Options { tls: true, ..Options::default() }).unwrap();
        for port in ["p1", "p2"] {
            switch.add_port(port, Some(4094)).unwrap();
        }
        let stranger = tempfile::tempdir().unwrap();
        let untrusted = Authority::make(stranger.path()).unwrap().vouch("stranger").unwrap();
        let ours = switch.authority().unwrap().vouch("rehome").unwrap();
        let ca = switch.authority().unwrap().certificate();
        let file = stranger.path().join("password");
        std::fs::write(&file, format!("{DEVICE_FILE}\n")).unwrap();
        let tls = |name: &str, identity: &Identity| {
            format!(
                "[[device]]\nname = {name:?}\nlayer = \"l2\"\ndriver = \"ovsdb\"\naddress = {:?}\nca_file = {ca:?}\n\
                 certificate_file = {:?}\nkey_file = {:?}\n",
                switch.tls().unwrap(),
                identity.certificate,
                identity.key
            )
        };
        let gateway = |name: &str, driver: &str, profile: &Path, address: &str, rest: &str| {
            format!(
                "[[device]]\nname = {name:?}\nlayer = \"l3\"\ndriver = {driver:?}\nprofile = {profile:?}\nssh = {{ address = \
                 {address:?}, user = \"root\", {rest} }}\n"
            )
        };
        let at = lab.told["devices"][0]["address"].as_str().unwrap();
        let room = lab.path("directory").join("gw1");
        let (key, wrong, known) = (room.join("user_key"), room.join("other_key"), room.join("known_hosts"));
        let ietf = Path::new("ietf-interfaces");
        let ios = repository("config/profiles/cli-ios.toml");
        let shell_at = format!("127.0.0.1:{}", shell.port());
        let shell_key = shell.fingerprint().unwrap();
        let more = [
            tls("swt", &ours),
            tls("sw-untrusted", &untrusted),
            gateway("gw-key", "netconf", ietf, at, &format!("key_file = {wrong:?}, known_hosts = {known:?}")),
            gateway(
                "gw-host",
                "netconf",
                ietf,
                at,
                &format!("key_file = {key:?}, host_keys = [\"SHA256:another\"]"),
            ),
            gateway("gw-gone", "netconf", ietf, "127.0.0.1:1", &format!("key_file = {key:?}")),
            gateway(
                "gw-env",
                "netconf",
                ietf,
                at,
                &format!("password_env = \"DEVICE_PASSWORD\", known_hosts = {known:?}"),
            ),
            gateway(
                "gw-file",
                "cli",
                &ios,
                &shell_at,
                &format!("password_file = {file:?}, host_keys = [{shell_key:?}]"),
            ),
        ];
        let lab = lab.with_inventory(|text| text + &more.concat());
        Self { lab, _shell: shell, switch, stranger }
    }

    /// The keys that open devices, without the lines that all keys have.
    pub(super) fn keys(&self) -> Vec<Secret> {
        let room = self.lab.path("directory").join("gw1");
        let tls = self.switch.directory().join("rehome.key");
        let files =
            [room.join("user_key"), room.join("other_key"), tls, self.stranger.path().join("stranger.key")];
        let mut secrets = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with("-----"));
            // The first one says which kind of key it is, the last one may be too short to be anybody's.
            let own = lines.skip(1).filter(|line| line.len() > 20);
            secrets.extend(own.map(|line| Secret::new(&file.display().to_string(), line)));
        }
        assert!(secrets.len() >= 6, "{secrets:?}");
        secrets
    }

    /// The lab's sheet, and a relocation to each of the others.
    pub(super) fn sheet(&self) -> String {
        let mut text = std::fs::read_to_string(self.lab.path("sheet")).unwrap();
        let header: Vec<String> = text.lines().next().unwrap().split(',').map(str::to_owned).collect();
        let others = [
            ("TLS", "gw1", "swt"),
            ("UNTRUSTED", "gw1", "sw-untrusted"),
            ("KEY", "gw-key", "sw1"),
            ("HOST", "gw-host", "sw1"),
            ("GONE", "gw-gone", "sw1"),
            ("ENV", "gw-env", "sw1"),
            ("FILE", "gw-file", "sw1"),
        ];
        for (number, (service, l3, l2)) in others.into_iter().enumerate() {
            let vlan = (301 + number).to_string();
            let cell = |column: &String| match column.as_str() {
                "service_id" | "customer" | "description" => service,
                "old_l3_device" => "gw1",
                "old_l3_port" => "ge1-1",
                "old_l2_device" => "sw1",
                "old_l2_port" => "c1a",
                "old_vlan" | "new_vlan" => &vlan,
                "new_l3_device" => l3,
                "new_l3_port" => "ge1-2",
                "new_l2_device" => l2,
                "new_l2_port" => "p2",
                "ip" => "10.98.0.1/30",
                _ => "",
            };
            text += &(header.iter().map(cell).collect::<Vec<_>>().join(",") + "\n");
        }
        let path = self.lab.path("directory").join("all.csv");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}
