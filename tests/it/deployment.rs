//! What is given to whoever deploys it: examples of configuration, container files, the broker's users, units.

use std::{collections::BTreeSet, path::Path, process::Command};

use rehome::settings::{BusKind, StoreKind, load};
use rehome_testkit::{broker::Vhost, postgres::Database};
use serde_json::Value;

use crate::{
    operations::{Serving, scaled_out},
    running::{Said, rehome, repository, write_sheet},
};

/// YAML as JSON. Python reads it, because nothing else here needs to.
fn yaml(path: &str) -> Value {
    let program = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let output = Command::new("python3").args(["-c", program]).arg(repository(path)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

/// A number of seconds such as `60s` or `TimeoutStopSec=60`.
fn seconds(given: &str) -> u64 {
    given.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// The longest a process may take to stop: it drains, then flushes to the broker, then lets go.
fn stopping() -> u64 {
    u64::from(load(None).unwrap().settings.run.drain_ms) / 1000 + 20
}

#[test]
fn every_example_of_configuration_is_valid_and_is_what_its_name_says() {
    let kinds = |path: &str| {
        let settings =
            load(Some(&repository(path))).unwrap_or_else(|error| panic!("{path}: {error}")).settings;
        (settings.bus.kind, settings.store.kind)
    };
    assert_eq!(kinds("config/examples/one-machine.toml"), (BusKind::Embedded, StoreKind::Sqlite));
    assert_eq!(kinds("config/examples/scaled-out.toml"), (BusKind::Amqp, StoreKind::Postgres));
    assert_eq!(kinds("docker/rehome.toml"), (BusKind::Amqp, StoreKind::Postgres));
    let inventory =
        rehome_devices::inventory::Inventory::read(&repository("config/examples/inventory.toml"), None);
    assert_eq!(inventory.unwrap().names().count(), 3);
    assert_eq!(std::fs::read_dir(repository("config/examples")).unwrap().count(), 3, "one is not tested");
}

#[test]
fn the_composition_has_two_of_each_role_and_a_workbench_that_wait_for_their_servers_and_are_given_time_to_stop()
 {
    let composition = yaml("docker/compose.yaml");
    let services = composition["services"].as_object().unwrap();
    let names: BTreeSet<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["rabbitmq", "postgres", "supervisor", "l3", "l2", "web"]));
    for (name, service) in services {
        let limits = &service["deploy"]["resources"]["limits"];
        assert!(limits["memory"].is_string() && limits["cpus"].is_string(), "{name} has no limits");
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        let grace = seconds(service["stop_grace_period"].as_str().unwrap());
        assert!(grace >= stopping(), "{name} is killed after {grace} s");
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let file = volume.as_str().unwrap().split(':').next().unwrap();
            let there = !file.starts_with('.') || repository("docker").join(file).exists();
            assert!(there, "{name} mounts {file}, which is not there");
        }
    }
    for (role, replicas) in [("supervisor", 2), ("l3", 2), ("l2", 2), ("web", 1)] {
        let service = &services[role];
        // The workbench is published on one port of the machine.
        assert_eq!(service["deploy"]["replicas"], replicas);
        let args: Vec<&str> =
            service["command"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(args, ["serve", "--config", "/etc/rehome/rehome.toml", "--roles", role]);
        for server in ["rabbitmq", "postgres"] {
            assert_eq!(service["depends_on"][server]["condition"], "service_healthy");
            assert!(services[server]["healthcheck"]["test"].is_array());
        }
    }
    let example = text("docker/env.example");
    for variable in text("docker/compose.yaml").split("${").skip(1) {
        let name = variable.split([':', '}']).next().unwrap();
        let known = name == "REHOME_VERSION" || example.contains(&format!("\n{name}="));
        assert!(known, "{name} is not in env.example");
    }
}

#[test]
fn the_image_copies_what_is_there_and_its_build_is_given_what_it_needs() {
    let (dockerfile, given) = (text("docker/Dockerfile"), text(".dockerignore"));
    assert!(dockerfile.contains("USER 10001:10001") && dockerfile.contains("HEALTHCHECK"));
    let allowed = |path: &str| {
        given
            .lines()
            .filter_map(|line| line.strip_prefix('!'))
            .any(|known| path == known || path.starts_with(&format!("{known}/")))
    };
    let copied = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .map(|line| line.split(' ').next().unwrap().to_owned());
    for path in copied.filter(|path| !path.starts_with("--from") && path != ".") {
        assert!(repository(&path).exists() && allowed(&path), "{path}");
    }
    for path in ["Cargo.toml", "Cargo.lock", "src", "actors", "crates", "config"] {
        assert!(allowed(path), "{path} is not given to the build");
    }
}

#[test]
fn the_units_give_a_process_time_to_stop() {
    let unit = text("deploy/systemd/rehome@.service");
    let stop = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    assert!(seconds(stop) >= stopping());
    assert!(unit.contains("--roles %i") && unit.contains("Restart=always"));
}

/// The broker's definitions, for a vhost of a test's own: its users' names and passwords are the vhost's.
fn define(vhost: &Vhost, dir: &Path) {
    let mut definitions: Value = serde_json::from_str(&text("docker/rabbitmq/definitions.json")).unwrap();
    for list in ["users", "permissions", "topic_permissions", "policies"] {
        for entry in definitions[list].as_array_mut().unwrap() {
            let entry = entry.as_object_mut().unwrap();
            let key = if list == "users" { "name" } else { "user" };
            if let Some(user) = entry.get(key).and_then(Value::as_str).filter(|_| list != "policies") {
                let named = vhost.named(user);
                entry.insert(key.to_owned(), named.clone().into());
                if list == "users" {
                    entry.insert("password".to_owned(), named.into());
                }
            }
            if entry.contains_key("vhost") {
                entry.insert("vhost".to_owned(), vhost.name().into());
            }
        }
    }
    definitions["vhosts"] = serde_json::json!([{ "name": vhost.name() }]);
    let file = dir.join("definitions.json");
    std::fs::write(&file, definitions.to_string()).unwrap();
    // The broker's user reads it.
    for path in [dir, &file] {
        let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        std::fs::set_permissions(path, open).unwrap();
    }
    vhost.ctl(&["import_definitions", file.to_str().unwrap()]);
}

#[test]
fn each_role_works_with_the_rights_that_the_brokers_definitions_give_it() {
    let (vhost, database, dir) = (Vhost::new(), Database::create(), tempfile::tempdir().unwrap());
    define(&vhost, dir.path());
    let process = |args: &[&str], user: &str| {
        let mut command = scaled_out(args, &vhost.url_of(user), &database.url());
        let relays = ["rehome-supervisor", "rehome-web"].map(|user| vhost.named(user)).join(",");
        command.env("REHOME__ACCESS__RELAYS", relays);
        command
    };
    let serving = ["l2", "l3", "supervisor", "web"]
        .map(|role| Serving::start(process(&["serve", "--roles", role], &format!("rehome-{role}"))));
    for process in &serving {
        process.until_ready(true);
        let said = Said::of(&mut rehome(&["check", "--ready", process.at()]));
        said.is(0, &["ready: roles"]);
    }
    let sheet = dir.path().join("sheet.csv");
    write_sheet(&sheet, 5);
    let mut run = process(&["run", "--json", "--attach"], "rehome-supervisor");
    Said::of(run.arg(&sheet)).json(0);
}
