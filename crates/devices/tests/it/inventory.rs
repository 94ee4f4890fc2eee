//! The inventory's file: what it takes, and what it says of what it does not take.

use std::sync::Arc;

use rehome_devices::inventory::Inventory;
use rehome_domain::{order::Layer, ports::Inventory as _};
use rehome_testkit::memory::InMemory;

use crate::world::network;

const GATEWAY: &str = r#"
[[device]]
name = "gw1"
layer = "l3"
driver = "netconf"
profile = "ietf-interfaces"
ssh = { address = "127.0.0.1:1", user = "rehome", password_env = "NO_SUCH_VARIABLE", host_keys = ["SHA256:x"] }

[[device]]
name = "sw1"
layer = "l2"
driver = "simulated"
"#;

fn read(text: &str) -> Result<Inventory, String> {
    let simulated = Arc::new(network(&Arc::<InMemory>::default()));
    Inventory::parse(text, Some(simulated)).map_err(|error| error.to_string())
}

#[test]
fn a_device_is_opened_by_its_layer_and_name_and_nothing_else_is_there() {
    let inventory = read(GATEWAY).unwrap();
    for (layer, name, there) in [
        (Layer::L3, "gw1", true),
        (Layer::L2, "gw1", false),
        (Layer::L2, "sw1", true),
        (Layer::L3, "gw2", false),
    ] {
        assert_eq!(inventory.open(layer, name).is_some(), there, "{layer} {name}");
    }
    assert!(inventory.swaps("gw1") && !inventory.swaps("sw1"));
}

#[test]
fn an_error_names_the_device_and_the_field() {
    for (from, to, says) in [
        ("user = \"rehome\", ", "", ["device gw1", "missing field `user`"]),
        ("address =", "adress =", ["device gw1: at `ssh.adress`", "unknown field"]),
        ("layer = \"l2\"", "layer = \"l4\"", ["device sw1: at `layer`", "neither l3"]),
        ("driver = \"simulated\"", "driver = \"telnet\"", ["device sw1: at `driver`", "no driver `telnet`"]),
        ("name = \"sw1\"\n", "", ["device number 2: at `name`", "is missing"]),
        ("profile = \"ietf-interfaces\"", "profile = \"ietf\"", ["device gw1: at `profile`", "openconfig"]),
        (
            "[[device]]\nname = \"gw1\"",
            "[[devices]]\n[[device]]\nname = \"gw1\"",
            ["`devices`", "[[device]]"],
        ),
    ] {
        let text = GATEWAY.replacen(from, to, 1);
        assert_ne!(text, GATEWAY, "{from}");
        let told = read(&text).err().unwrap();
        assert!(says.iter().all(|part| told.contains(part)), "{told}");
    }
}

#[test]
fn two_devices_of_one_layer_and_name_are_refused() {
    let told = read(&format!("{GATEWAY}{GATEWAY}")).err().unwrap();
    assert!(told.contains("two L3 devices") || told.contains("two l3 devices"), "{told}");
}

#[test]
fn the_example_is_read_and_has_a_device_of_each_kind_in_it() {
    let inventory = read(include_str!("../../../../config/examples/inventory.toml")).unwrap();
    let names: Vec<_> = inventory.names().collect();
    assert_eq!(names, [(Layer::L3, "gw-1"), (Layer::L3, "gw-2"), (Layer::L2, "sw-1")]);
}
