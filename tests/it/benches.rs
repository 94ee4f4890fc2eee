//! `rehome bench` over RabbitMQ and PostgreSQL: what it reports, and that it leaves nothing behind.

use std::{
    io::Read,
    process::{Command, Stdio},
};

use rehome_testkit::{broker::Vhost, postgres::Database};
use serde_json::Value;

use crate::running::{Said, rehome, the_machine};

/// A broker's vhost and a database, both empty.
struct Ground {
    vhost: Vhost,
    database: Database,
}

impl Ground {
    fn new() -> Self {
        Self { vhost: Vhost::new(), database: Database::create() }
    }

    fn bench(&self, args: &[&str]) -> Command {
        let mut command = rehome(&["bench", "--bus", "amqp", "--store", "postgres"]);
        command.args(args);
        command.env("REHOME__AMQP__URL", self.vhost.url());
        command.env("REHOME__POSTGRES__URL", self.database.url());
        command
    }

    /// What a bench has made, on either server.
    fn left(&self) -> Vec<String> {
        let ours = |said: String| {
            said.lines().filter(|name| name.starts_with("rehome")).map(str::to_owned).collect::<Vec<_>>()
        };
        let in_vhost = |what: &str| ours(self.vhost.ctl(&["-q", "-p", self.vhost.name(), what, "name"]));
        let schemas = ours(self.database.sql("SELECT nspname FROM pg_namespace"));
        [in_vhost("list_queues"), in_vhost("list_exchanges"), schemas].concat()
    }
}

#[test]
fn a_bench_over_servers_measures_the_whole_path_beside_both_relays_and_leaves_nothing_behind() {
    let _machine = the_machine();
    let ground = Ground::new();
    let report =
        Said::of(&mut ground.bench(&["-n", "60", "--in-flight", "16", "--supervisors", "2", "--json"]));
    let report = report.json(0);
    assert_eq!((&report["relocations"], &report["unsuccessful"]), (&Value::from(60), &Value::from(0)));
    assert_eq!(report["supervisors"], 2);
    for figure in [
        "per_second",
        "relay_per_second",
        "durable_per_second",
        "ratio_of_relay",
        "ratio",
        "p50_ms",
        "p99_ms",
        "peak_mib",
        "transactions",
    ] {
        assert!(report[figure].as_f64().unwrap() > 0.0, "{figure}: {report}");
    }
    assert_eq!(report["ratios"].as_array().unwrap().len(), 9);
    assert_eq!(ground.left(), Vec::<String>::new());
    Said::of(&mut ground.bench(&["-n", "10", "--lang", "zh"])).is(0, &["全流程", "裸中继", "带状态中继"]);
}

#[test]
fn an_interrupted_bench_leaves_nothing_behind() {
    let _machine = the_machine();
    let ground = Ground::new();
    // More than it would ever get through.
    let mut bench = ground.bench(&["-n", "1000000"]).stderr(Stdio::piped()).spawn().unwrap();
    while ground.left().len() < 3 {
        assert_eq!(bench.try_wait().unwrap(), None, "the bench ended by itself");
    }
    let kill = Command::new("kill").args(["-INT", &bench.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let (mut said, mut pipe) = (String::new(), bench.stderr.take().unwrap());
    pipe.read_to_string(&mut said).unwrap();
    assert_eq!(bench.wait().unwrap().code(), Some(1), "{said}");
    assert!(said.contains("interrupted"), "{said}");
    assert_eq!(ground.left(), Vec::<String>::new());
}

#[test]
fn servers_that_cannot_be_reached_are_told_in_a_sentence() {
    let ground = Ground::new();
    let nowhere = "127.0.0.1:1";
    let mut no_broker = ground.bench(&["-n", "1"]);
    no_broker.env("REHOME__AMQP__URL", format!("amqp://guest:guest@{nowhere}"));
    Said::of(&mut no_broker).is(1, &["no connection to the broker", nowhere]);
    assert_eq!(ground.left(), Vec::<String>::new());
    let mut no_database = ground.bench(&["-n", "1"]);
    no_database.env("REHOME__POSTGRES__URL", format!("postgres://postgres@{nowhere}/bench"));
    no_database.env("REHOME__POSTGRES__TIMEOUT_MS", "100");
    Said::of(&mut no_database).is(1, &["`bench` at", nowhere, "can't be opened"]);
    assert_eq!(ground.left(), Vec::<String>::new());
}

#[test]
fn options_of_the_other_bench_are_refused() {
    Said::of(&mut rehome(&["bench", "--supervisors", "2"])).is(2, &["--supervisors", "--bus amqp"]);
    let over_servers = ["bench", "--bus", "amqp", "--store", "postgres", "--full-sync"];
    Said::of(&mut rehome(&over_servers)).is(2, &["--full-sync", "--bus embedded"]);
    Said::of(&mut rehome(&["bench", "--bus", "amqp"])).is(2, &["amqp", "sqlite"]);
}

/// Told by counting and not by the clock, so that a busy machine can't make it otherwise: with twice the hands, twice as
/// many devices are worked at once, and never more.
#[test]
fn with_each_doubling_of_the_devices_in_parallel_twice_as_many_are_worked_at_once() {
    let _machine = the_machine();
    let ground = Ground::new();
    let rows = Said::of(&mut ground.bench(&["--device-ms", "100", "--devices", "16", "--json"])).json(0);
    let rows = rows.as_array().unwrap();
    let parallel: Vec<u64> = rows.iter().map(|row| row["parallel"].as_u64().unwrap()).collect();
    assert_eq!(parallel, [1, 2, 4, 8, 16]);
    let configurators: Vec<u64> = rows.iter().map(|row| row["configurators"].as_u64().unwrap()).collect();
    assert_eq!(configurators, [1, 1, 1, 1, 2]);
    for row in rows {
        let number = |key: &str| row[key].as_u64().unwrap();
        assert_eq!((number("peak_l3"), number("peak_l2")), (number("parallel"), number("parallel")), "{row}");
        // Three at each layer: reserve, and the two ends of the cutover; none is done twice.
        assert_eq!((number("operations"), number("unsuccessful")), (6 * number("relocations"), 0), "{row}");
    }
    assert_eq!(ground.left(), Vec::<String>::new());
}

#[test]
fn readers_are_answered_over_tickets_made_for_them_while_relocations_run_and_nothing_is_left_behind() {
    let _machine = the_machine();
    let ground = Ground::new();
    let args = ["--tickets", "1000", "--readers", "4", "--seconds", "3", "--in-flight", "2", "--json"];
    let looked = Said::of(&mut ground.bench(&args)).json(0);
    assert_eq!((&looked["tickets"], &looked["unsuccessful"]), (&Value::from(1000), &Value::from(0)));
    for answered in looked["answers"].as_array().unwrap() {
        assert!(
            answered["reads"].as_u64().unwrap() > 0 && answered["p99_ms"].as_f64().unwrap() > 0.0,
            "{answered}"
        );
    }
    assert!(looked["relocations_per_second"].as_f64().unwrap() > 0.0, "{looked}");
    assert_eq!(ground.left(), Vec::<String>::new());
}

/// What takes how long is the machine's affair; that all is measured, that nothing went wrong and that nothing stays is ours.
#[test]
fn in_a_lab_every_kind_of_move_is_measured_by_rehome_and_by_hand_and_the_old_place_has_no_answer_after_it() {
    let _machine = the_machine();
    let ground = Ground::new();
    let kinds = Said::of(&mut ground.bench(&["--lab", "outage", "--runs", "2", "--json"])).json(0);
    let kinds = kinds.as_array().unwrap();
    let names: Vec<&str> = kinds.iter().map(|kind| kind["kind"].as_str().unwrap()).collect();
    assert_eq!(names, ["ports", "same_vlan", "gateways"]);
    for kind in kinds {
        assert_eq!(
            (&kind["answered_at_old"], &kind["unsuccessful"]),
            (&Value::from(0), &Value::from(0)),
            "{kind}"
        );
        for by in ["rehome", "direct", "bare"] {
            for what in ["outage", "gateway"] {
                assert_eq!(kind[by][what]["all_ms"].as_array().unwrap().len(), 2, "{kind}");
            }
            assert!(kind[by]["gateway"]["least_ms"].as_f64().unwrap() > 0.0, "{kind}");
        }
    }
    assert_eq!(ground.left(), Vec::<String>::new());
}

#[test]
fn in_a_lab_relocations_at_once_and_one_by_one_leave_on_every_device_what_must_be_there() {
    let _machine = the_machine();
    let ground = Ground::new();
    let measured = Said::of(&mut ground.bench(&["--lab", "parallel", "-n", "6", "--json"])).json(0);
    assert_eq!(measured["relocations"], 6);
    for (speed, in_flight) in [("at_once", 6), ("one_by_one", 1)] {
        let speed = &measured[speed];
        assert_eq!((&speed["in_flight"], &speed["unsuccessful"]), (&Value::from(in_flight), &Value::from(0)));
        assert_eq!(speed["wrong"], Value::Array(Vec::new()));
    }
    assert_eq!(ground.left(), Vec::<String>::new());
}

#[test]
fn in_a_lab_reservations_are_measured_with_a_commit_for_each_and_with_shared_ones() {
    let _machine = the_machine();
    // Needs no server: the same goes with queues in the process.
    let measured = Said::of(&mut rehome(&["bench", "--lab", "commits", "-n", "6", "--json"])).json(0);
    for (shared, batch) in [("alone", 1), ("shared", 64)] {
        let shared = &measured[shared];
        assert_eq!((&shared["batch"], &shared["unsuccessful"]), (&Value::from(batch), &Value::from(0)));
    }
    assert!(measured["ratio"].as_f64().unwrap() > 0.0, "{measured}");
    Said::of(&mut rehome(&["bench", "--lab", "commits", "-n", "2", "--lang", "zh"])).is(0, &["每秒预占"]);
    Said::of(&mut rehome(&["bench", "--lab", "outage", "--compare"])).is(2, &["--compare"]);
}
