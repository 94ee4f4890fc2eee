//! What a lab writes down: what it consists of, the inventory and configuration to work on it, and a sheet.

use std::path::{Path, PathBuf};

use rehome_lab::{
    inventory::inventory as inventory_of,
    left,
    network::{Customer, Network, Options, Place},
};
use serde::{Deserialize, Serialize};

use crate::{cli::Failure, sheet};

/// What a lab consists of.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Papers {
    pub(super) name: String,
    pub(super) directory: PathBuf,
    /// A configuration file that names the inventory, for `--config`.
    pub(super) config: PathBuf,
    pub(super) inventory: PathBuf,
    /// Moves every customer.
    pub(super) sheet: PathBuf,
    /// How many processes it had when it stood.
    pub(super) processes: usize,
    pub(super) devices: Vec<Device>,
    pub(super) customers: Vec<Person>,
}

/// A device of the lab.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Device {
    pub(super) name: String,
    pub(super) driver: String,
    pub(super) address: String,
    /// Where to write what it is to do wrong (`refuse install`, `off`).
    faults: PathBuf,
}

/// A customer of the lab.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) service_id: String,
    pub(super) gateway_ip: String,
    pub(super) old_namespace: String,
    pub(super) new_namespace: String,
    /// What to type to see service at the new place.
    pub(super) ping: String,
}

impl Papers {
    /// Those of a lab that stands.
    pub(super) fn of(network: &Network, options: &Options) -> Result<Self, Failure> {
        let directory = network.directory().to_owned();
        let (config, inventory) = (directory.join("rehome.toml"), directory.join("inventory.toml"));
        let sheet = directory.join("sheet.csv");
        std::fs::write(&inventory, inventory_of(network)?)?;
        // Data of an earlier lab would speak of circuits that are not here.
        let text = format!(
            "[devices]\ninventory = {:?}\n\n[data]\ndir = {:?}\n",
            inventory.display().to_string(),
            directory.join("data").display().to_string()
        );
        std::fs::write(&config, text)?;
        std::fs::write(&sheet, sheet_of(&network.customers)?)?;
        let gateways = network.gateways.iter().map(|gateway| Device {
            name: gateway.name.clone(),
            driver: "netconf".to_owned(),
            address: gateway.server.address().to_string(),
            faults: gateway.server.directory().join("faults"),
        });
        let switches = network.switches.iter().map(|switch| Device {
            name: switch.name.clone(),
            driver: "ovsdb".to_owned(),
            address: switch.server.unix(),
            faults: switch.server.directory().join("faults"),
        });
        // This process is not counted among those of the lab that it looks for.
        let processes = left::processes(&options.name, &directory).len() + 1;
        Ok(Self {
            name: options.name.clone(),
            devices: gateways.chain(switches).collect(),
            customers: network.customers.iter().map(Person::of).collect(),
            directory,
            config,
            inventory,
            sheet,
            processes,
        })
    }

    /// Written at once: who waits for them finds all or nothing.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let path = super::papers_of(&self.directory);
        let unfinished = path.with_extension("new");
        std::fs::write(&unfinished, format!("{:#}\n", serde_json::to_value(self)?))?;
        std::fs::rename(unfinished, path)?;
        Ok(())
    }

    /// None, if there are none (yet).
    pub(super) fn read(directory: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(super::papers_of(directory)).ok()?;
        serde_json::from_str(&text).ok()
    }
}

impl Person {
    fn of(customer: &Customer) -> Self {
        let new = &customer.new.namespace;
        Self {
            service_id: customer.service_id.clone(),
            gateway_ip: customer.gateway_ip().to_owned(),
            old_namespace: customer.old.namespace.clone(),
            new_namespace: new.clone(),
            ping: format!("ip netns exec {new} ping {}", customer.gateway_ip()),
        }
    }
}

/// A sheet that moves every customer from the old place to the new one.
fn sheet_of(customers: &[Customer]) -> Result<String, Failure> {
    let mut sheet = csv::Writer::from_writer(Vec::new());
    let columns: Vec<_> = sheet::COLUMNS.iter().map(|column| column.name).collect();
    sheet.write_record(&columns)?;
    for customer in customers {
        let cell = |column: &&str| cell(customer, column);
        sheet.write_record(columns.iter().map(cell))?;
    }
    let bytes = sheet.into_inner().map_err(|error| anyhow::anyhow!(error.to_string()))?;
    Ok(String::from_utf8(bytes)?)
}

fn cell(customer: &Customer, column: &str) -> String {
    let at = |place: &Place, what: &str| match what {
        "l3_device" => place.gateway.clone(),
        "l3_port" => place.gateway_port.clone(),
        "l2_device" => place.switch.clone(),
        "l2_port" => place.switch_port.clone(),
        "vlan" => place.vlan.to_string(),
        _ => String::new(),
    };
    match column.split_once('_') {
        Some(("old", what)) => at(&customer.old, what),
        Some(("new", what)) => at(&customer.new, what),
        _ => match column {
            "service_id" => customer.service_id.clone(),
            "ip" => customer.gateway_address.clone(),
            "customer" | "description" => customer.description.clone(),
            _ => String::new(),
        },
    }
}
