//! The device inventory: a TOML file that says which devices there are, and how each is reached.
//!
//! ```toml
//! [[device]]
//! name = "gw1"            # as sheets and orders name it
//! layer = "l3"            # l3: a gateway; l2: a switch
//! driver = "netconf"      # the rest is what this driver wants to know
//! profile = "ietf-interfaces"
//! ssh = { address = "gw1.example.net:830", user = "rehome", key_file = "/etc/rehome/id_ed25519", host_keys = ["SHA256:…"] }
//!
//! [[device]]
//! name = "sw1"
//! layer = "l2"
//! driver = "ovsdb"
//! address = "tcp:sw1.example.net:6640"
//! ```

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rehome_domain::{
    order::Layer,
    ports::{Driver, DriverError, Inventory as Port},
};
use serde::de::DeserializeOwned;

use crate::{
    cli::{self, Prompted},
    device::Device as _,
    netconf::{self, Gateway, Line, profile::Profile},
    ovsdb::{self, Switch},
    session::Session,
};

/// The key under which devices are listed.
const DEVICE: &str = "device";
/// What every entry says, besides what its driver wants to know.
const COMMON: [&str; 3] = ["name", "layer", "driver"];

/// Why an inventory can't be used.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The file can't be read.
    #[error("the inventory {} can't be read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no TOML, or has something in it that is no device.
    #[error("the inventory: {0}")]
    Shape(String),
    /// A device's entry is wrong.
    #[error("the inventory: device {device}: at `{key}`: {detail}")]
    Entry {
        /// Which: its name, or its number in the file.
        device: String,
        /// Which field.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
}

/// A device, behind its driver.
enum Behind {
    Netconf(Arc<Line>),
    Ovsdb(ovsdb::Options),
    Cli(cli::Options, Arc<cli::Profile>),
    Simulated,
}

/// The devices of a file.
pub struct Inventory {
    devices: BTreeMap<(Layer, String), Behind>,
    simulated: Option<Arc<dyn Port>>,
}

impl Inventory {
    /// Reads a file; the simulated ones in it are opened from these, and without them can be named, but not opened.
    ///
    /// # Errors
    /// See [`InventoryError`].
    pub fn read(path: &Path, simulated: Option<Arc<dyn Port>>) -> Result<Self, InventoryError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| InventoryError::File { path: path.to_owned(), source })?;
        Self::parse(&text, simulated)
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// See [`InventoryError`].
    pub fn parse(text: &str, simulated: Option<Arc<dyn Port>>) -> Result<Self, InventoryError> {
        let mut file: toml::Table =
            toml::from_str(text).map_err(|error| InventoryError::Shape(error.to_string()))?;
        let listed = file.remove(DEVICE).unwrap_or(toml::Value::Array(Vec::new()));
        if let Some(stranger) = file.keys().next() {
            return Err(InventoryError::Shape(format!(
                "`{stranger}` is nothing it knows: devices are `[[device]]`"
            )));
        }
        let toml::Value::Array(listed) = listed else {
            return Err(InventoryError::Shape("a device begins with `[[device]]`".to_owned()));
        };
        let mut devices = BTreeMap::new();
        for (place, entry) in listed.into_iter().enumerate() {
            let entry = Entry::of(place + 1, entry)?;
            let (name, layer) = (entry.name.clone(), entry.layer);
            let behind = entry.behind()?;
            if devices.insert((layer, name.clone()), behind).is_some() {
                return Err(wrong(&name, "name", format!("there are two {layer} devices of this name")));
            }
        }
        Ok(Self { devices, simulated })
    }

    /// The devices there are.
    pub fn names(&self) -> impl Iterator<Item = (Layer, &str)> {
        self.devices.keys().map(|(layer, name)| (*layer, name.as_str()))
    }

    /// Whether a device answers, as who it must be, and lets us in. Touches nothing.
    ///
    /// # Errors
    /// In words that say what to do.
    pub async fn reach(&self, layer: Layer, name: &str) -> Result<(), DriverError> {
        match self.devices.get(&(layer, name.to_owned())) {
            Some(Behind::Netconf(line)) => line.check().await,
            Some(Behind::Ovsdb(options)) => Switch::new(name, options.clone()).look(&[]).await.map(drop),
            Some(Behind::Cli(options, profile)) => {
                Prompted::new(name, layer, options.clone(), Arc::clone(profile)).check().await
            }
            Some(Behind::Simulated) | None => Ok(()),
        }
    }
}

impl Port for Inventory {
    fn open(&self, layer: Layer, device: &str) -> Option<Box<dyn Driver>> {
        match self.devices.get(&(layer, device.to_owned()))? {
            Behind::Netconf(line) => Some(Box::new(Session::new(layer, device, Gateway(Arc::clone(line))))),
            Behind::Ovsdb(options) => {
                Some(Box::new(Session::new(layer, device, Switch::new(device, options.clone()))))
            }
            Behind::Cli(options, profile) => {
                let prompted = Prompted::new(device, layer, options.clone(), Arc::clone(profile));
                Some(Box::new(Session::new(layer, device, prompted)))
            }
            Behind::Simulated => self.simulated.as_ref()?.open(layer, device),
        }
    }

    fn swaps(&self, device: &str) -> bool {
        match self.devices.get(&(Layer::L3, device.to_owned())) {
            Some(Behind::Netconf(_)) => true,
            Some(Behind::Ovsdb(_) | Behind::Cli(..) | Behind::Simulated) | None => false,
        }
    }

    fn holds(&self, device: &str) -> Option<Duration> {
        match self.devices.get(&(Layer::L3, device.to_owned())) {
            Some(Behind::Netconf(line)) => line.holds(),
            Some(Behind::Ovsdb(_) | Behind::Cli(..) | Behind::Simulated) | None => None,
        }
    }

    fn is_shared(&self, device: &str) -> bool {
        let behind = self.devices.get(&(Layer::L3, device.to_owned()));
        behind.is_some_and(|behind| !matches!(behind, Behind::Simulated))
    }
}

/// An entry of the file, without what is common to all.
struct Entry {
    name: String,
    layer: Layer,
    driver: String,
    options: toml::Table,
}

impl Entry {
    fn of(number: usize, entry: toml::Value) -> Result<Self, InventoryError> {
        let unnamed = format!("number {number}");
        let toml::Value::Table(mut options) = entry else {
            return Err(wrong(&unnamed, "", "is no table".to_owned()));
        };
        let mut device = unnamed;
        let [name, layer, driver] = COMMON.map(|key| (key, options.remove(key)));
        let text = |(key, value): (&str, Option<toml::Value>), device: &str| match value {
            Some(toml::Value::String(text)) if !text.is_empty() => Ok(text),
            Some(other) => Err(wrong(device, key, format!("is {}, expected a text", other.type_str()))),
            None => Err(wrong(device, key, "is missing".to_owned())),
        };
        let name = text(name, &device)?;
        device.clone_from(&name);
        let layer = match text(layer, &device)?.as_str() {
            "l3" => Layer::L3,
            "l2" => Layer::L2,
            other => {
                return Err(wrong(
                    &device,
                    "layer",
                    format!("`{other}` is neither l3 (gateways) nor l2 (switches)"),
                ));
            }
        };
        let driver = text(driver, &device)?;
        Ok(Self { name, layer, driver, options })
    }

    fn behind(self) -> Result<Behind, InventoryError> {
        match (self.driver.as_str(), self.layer) {
            ("netconf", Layer::L3) => {
                let options: netconf::Options = self.options()?;
                let profile = Profile::named(&options.profile);
                let profile = profile.map_err(|error| wrong(&self.name, "profile", error.to_string()))?;
                Ok(Behind::Netconf(Line::new(&self.name, options, profile)))
            }
            ("ovsdb", Layer::L2) => self.options().map(Behind::Ovsdb),
            ("cli", _) => {
                let options: cli::Options = self.options()?;
                let profile = cli::Profile::read(&options.profile);
                let profile = profile.map_err(|error| wrong(&self.name, "profile", error.to_string()))?;
                Ok(Behind::Cli(options, Arc::new(profile)))
            }
            ("simulated", _) => self.options::<Nothing>().map(|_| Behind::Simulated),
            (driver, layer) => {
                Err(wrong(&self.name, "driver", format!("there is no driver `{driver}` for {layer} devices")))
            }
        }
    }

    fn options<T: DeserializeOwned>(&self) -> Result<T, InventoryError> {
        serde_path_to_error::deserialize(self.options.clone())
            .map_err(|error| wrong(&self.name, &error.path().to_string(), error.inner().message().to_owned()))
    }
}

/// A simulated device has nothing to be said of it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn wrong(device: &str, key: &str, detail: String) -> InventoryError {
    InventoryError::Entry { device: device.to_owned(), key: key.to_owned(), detail }
}
