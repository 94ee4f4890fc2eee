//! The devices of the inventory: whether each is reached, is who it must be, and lets us in. Nothing is touched.

use futures::future::join_all;
use rehome_domain::{lang::Lang, order::Layer};
use serde_json::{Value, json};

use crate::{app, settings::Settings, texts};

/// What was found of the devices.
pub(super) struct Devices {
    reached: Vec<Reached>,
    /// Why the inventory can't be used, if it can't.
    unusable: Option<String>,
}

struct Reached {
    name: String,
    layer: Layer,
    problem: Option<String>,
}

impl Devices {
    /// Asks them all, side by side; none if the settings name no inventory.
    pub(super) async fn look(settings: &Settings) -> Option<Self> {
        let inventory = match app::listed(settings, None) {
            Ok(inventory) => inventory?,
            Err(error) => {
                let unusable = Some(format!("{:#}", anyhow::Error::from(error)));
                return Some(Self { reached: Vec::new(), unusable });
            }
        };
        let inventory = &inventory;
        let reached = inventory.names().map(|(layer, name)| async move {
            let problem = inventory.reach(layer, name).await.err().map(|error| error.to_string());
            Reached { name: name.to_owned(), layer, problem }
        });
        Some(Self { reached: join_all(reached).await, unusable: None })
    }

    pub(super) fn is_good(&self) -> bool {
        self.unusable.is_none() && self.reached.iter().all(|device| device.problem.is_none())
    }

    /// What people read: a heading and lines.
    pub(super) fn page(&self, lang: Lang) -> (String, Vec<String>) {
        let device = |device: &Reached| match &device.problem {
            None => texts::device_reached(lang, device.layer.label(lang), &device.name),
            Some(why) => texts::wrong(
                lang,
                texts::device_not_reached(lang, device.layer.label(lang), &device.name, why),
            ),
        };
        let unusable = self.unusable.iter().map(|why| texts::wrong(lang, why));
        (texts::devices(lang), unusable.chain(self.reached.iter().map(device)).collect())
    }

    pub(super) fn document(&self) -> Value {
        let device = |device: &Reached| json!({ "name": device.name, "layer": device.layer, "problem": device.problem });
        json!({
            "good": self.is_good(),
            "devices": self.reached.iter().map(device).collect::<Vec<_>>(),
            "problems": self.unusable.iter().collect::<Vec<_>>(),
        })
    }
}
