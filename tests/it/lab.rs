//! The lab by the command line, and a relocation through it: real gateways, real switches, real packets.

use crate::running::{Said, rehome};

/// A lab of this test's own, which ends with it.
struct Lab {
    name: String,
    told: serde_json::Value,
}

impl Lab {
    fn up(name: &str, more: &[&str]) -> Self {
        let name = format!("{name}{}", std::process::id());
        let told = Said::of(rehome(&["lab", "up", "--json", "--name", &name]).args(more)).json(0);
        Self { name, told }
    }

    /// A verb with the lab's configuration.
    fn verb(&self, verb: &str, more: &[&str]) -> Said {
        let [sheet, config] = ["sheet", "config"].map(|file| self.told[file].as_str().unwrap().to_owned());
        Said::of(rehome(&[verb, &sheet, "--config", &config]).args(more))
    }

    fn status(&self) -> String {
        Said::of(&mut rehome(&["lab", "status", "--name", &self.name])).stdout
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let down = Said::of(&mut rehome(&["lab", "down", "--name", &self.name]));
        if !std::thread::panicking() {
            down.is(0, &[]);
        }
    }
}

#[test]
fn a_customer_of_the_lab_is_moved_and_is_answered_at_the_new_place_only() {
    let lab = Lab::up("move", &[]);
    assert!(
        lab.status().contains("at the old place in service, at the new place no service"),
        "{}",
        lab.status()
    );
    lab.verb("plan", &[]).is(0, &["reserve\n  + gw1/", "cutover\n"]);
    lab.verb("run", &[]).is(0, &["succeeded", "the devices are real ones"]);
    assert!(
        lab.status().contains("at the old place no service, at the new place in service"),
        "{}",
        lab.status()
    );
    // What was moved is told as moved: by the devices, not by a memory.
    lab.verb("plan", &["--lines"]).is(0, &["now: in service for LAB-1", "cutover\n    nothing to change"]);
}
