use std::io::Write as _;

use rehome_bus::amqp;

use super::*;
use crate::app::{Roles, amqp_options, postgres_options};

fn environment(pairs: &[(&str, &str)]) -> Environment {
    let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Environment::with_prefix(PREFIX).source(Some(pairs.collect()))
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// The mistakes in a file and an environment, each as a person reads it.
fn mistakes(text: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    let file = file(text);
    match layered(Some(file.path()), environment(pairs)) {
        Err(SettingsError::Wrong(mistakes)) => mistakes
            .iter()
            .map(|mistake| format!("{}: {}", mistake.key, mistake.problem.sentence(Lang::En)))
            .collect(),
        other => panic!("expected mistakes, got {other:?}"),
    }
}

#[test]
fn the_built_in_configuration_is_valid_and_its_deadlines_are_the_domains() {
    let loaded = layered(None, environment(&[])).unwrap();
    assert_eq!(loaded.settings.deadlines, Deadlines::default());
    assert!(loaded.values.iter().all(|value| value.from == Origin::BuiltIn));
}

#[test]
fn an_identity_provider_is_reached_by_tls_and_all_it_takes_is_named_when_it_lacks() {
    let found =
        mistakes("[oidc]\nissuer = \"http://id.example\"\ncallback = \"https://rehome.example/\"", &[]);
    assert_eq!(
        found,
        [
            "oidc.issuer: is `http://id.example`, expected an https:// URL (http:// only on this machine itself)",
            "oidc.callback: is `https://rehome.example/`, expected this site's URL with /sign-in/back",
            "oidc.client_id: is empty, which oidc.issuer takes",
        ]
    );
    for issuer in ["https://id.example/realms/noc", "http://127.0.0.1:9000", "http://localhost:9000/x"] {
        let text = format!(
            "[oidc]\nissuer = \"{issuer}\"\nclient_id = \"rehome\"\ncallback = \"http://localhost:8080/sign-in/back\""
        );
        layered(Some(file(&text).path()), environment(&[])).unwrap();
    }
    for issuer in ["http://127.0.0.1.evil.example", "http://localhost.evil.example", "https://", "id.example"]
    {
        let found = mistakes(&format!("[oidc]\nissuer = \"{issuer}\""), &[]);
        assert!(found[0].starts_with(&format!("oidc.issuer: is `{issuer}`")), "{found:?}");
    }
}

#[test]
fn a_secret_is_used_and_not_shown() {
    let loaded = layered(None, environment(&[("REHOME__OIDC__CLIENT_SECRET", "s3cret")])).unwrap();
    assert_eq!(loaded.settings.oidc.client_secret, "s3cret");
    assert!(!serde_json::to_string(&loaded.values).unwrap().contains("s3cret"));
}

#[test]
fn every_number_has_a_range_and_every_range_a_number_within_it() {
    let loaded = layered(None, environment(&[])).unwrap();
    let numbers: Vec<&str> =
        loaded.values.iter().filter(|value| value.value.is_i64()).map(|value| value.key.as_str()).collect();
    let mut ranged: Vec<&str> = RANGES.iter().map(|(key, _)| *key).collect();
    ranged.sort_unstable();
    assert_eq!(numbers, ranged);
}

#[test]
fn each_key_is_out_of_range_just_outside_its_range_and_named() {
    for (key, range) in RANGES {
        for outside in [range.start() - 1, range.end() + 1] {
            let (section, name) = key.split_once('.').unwrap();
            let found = mistakes(&format!("[{section}]\n{name} = {outside}"), &[]);
            let expected = format!("{key}: is {outside}, expected {} to {}", range.start(), range.end());
            assert!(found.contains(&expected), "{found:?} lacks {expected}");
        }
    }
}

#[test]
fn a_file_goes_over_the_defaults_and_the_environment_over_the_file() {
    let file = file("[supervisor]\nbatch = 7\nin_flight = 8\n");
    let environment = environment(&[("REHOME__SUPERVISOR__BATCH", "9"), ("REHOME__DATA__DIR", "2026")]);
    let loaded = layered(Some(file.path()), environment).unwrap();
    assert_eq!(loaded.settings.supervisor, Supervisor { batch: 9, in_flight: 8 });
    assert_eq!(loaded.settings.data.dir, Path::new("2026"));
    let from = |key: &str| loaded.values.iter().find(|value| value.key == key).unwrap().from.clone();
    assert_eq!(from("supervisor.batch"), Origin::Environment("REHOME__SUPERVISOR__BATCH".to_owned()));
    assert_eq!(from("supervisor.in_flight"), Origin::File(file.path().display().to_string()));
    assert_eq!(from("retry.factor"), Origin::BuiltIn);
}

#[test]
fn all_mistakes_are_told_at_once_each_by_its_key() {
    let text = "[supervisor]\nbach = 1\nin_flight = \"many\"\n[retry]\nfactor = 1.5\n[sore]\nx = 1\n";
    let found = mistakes(text, &[("REHOME__LOG__LEVL", "info"), ("REHOME__STORE__READERS", "none")]);
    assert_eq!(
        found,
        [
            "log.levl: is not known, expected one of format, level",
            "retry.factor: is `1.5`, expected a whole number",
            "sore: is not known, expected one of access, amqp, bus, data, deadlines, devices, http, log, oidc, postgres, retry, run, store, supervisor, telemetry, timers, webhooks, workbench",
            "store.readers: is `none`, expected a whole number",
            "supervisor.bach: is not known, expected one of batch, in_flight",
            "supervisor.in_flight: is `many`, expected a whole number",
        ]
    );
}

#[test]
fn a_word_that_is_none_of_an_enums_is_named_by_its_key() {
    let found = mistakes("[store]\nsync = \"never\"", &[]);
    assert_eq!(found, ["store.sync: unknown variant `never`, expected `normal` or `full`"]);
}

#[test]
fn a_value_in_place_of_a_section_and_the_other_way_round_are_named() {
    assert_eq!(mistakes("store = 1", &[]), ["store: is `1`, expected a section `[store]`"]);
    assert_eq!(
        mistakes("[store]\nbatch = { most = 1 }", &[]),
        ["store.batch: is a section, expected a whole number"]
    );
    assert_eq!(mistakes("[store]\nsync = [1]", &[]), ["store.sync: is a list, expected a text"]);
}

#[test]
fn pauses_that_shrink_are_refused() {
    let found = mistakes("[retry]\nfirst_ms = 500\nmax_ms = 400", &[]);
    assert_eq!(found, ["retry.max_ms: is 400, expected at least retry.first_ms, which is 500"]);
}

#[test]
fn a_mistake_says_where_it_was_written() {
    let file = file("[supervisor]\nbatch = 0\n");
    let error = layered(Some(file.path()), environment(&[("REHOME__RUN__IN_FLIGHT", "0")])).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("(in {})", file.path().display())), "{text}");
    assert!(text.contains("(in REHOME__RUN__IN_FLIGHT)"), "{text}");
}

#[test]
fn a_missing_file_and_one_that_is_not_toml_are_told_apart() {
    let missing = layered(Some(Path::new("no/such/file")), environment(&[])).unwrap_err();
    assert!(matches!(missing, SettingsError::Unreadable { .. }), "{missing}");
    let file = file("[supervisor\n");
    let malformed = layered(Some(file.path()), environment(&[])).unwrap_err();
    assert!(matches!(malformed, SettingsError::Malformed(_)), "{malformed}");
}

#[test]
fn a_list_stands_in_a_file_as_one_and_in_the_environment_with_commas_and_nothing_else_is_one() {
    let file = file("[access]\noperators = [\"ann\", \"bob\"]\nadmins = [\"root\"]\n");
    let environment =
        environment(&[("REHOME__ACCESS__SUPERVISORS", "eve, mallory,"), ("REHOME__ACCESS__ADMINS", "")]);
    let access = layered(Some(file.path()), environment).unwrap().settings.access;
    let role = |name| access.role(name);
    assert_eq!(
        (role("ann"), role("mallory"), role("root")),
        (Role::Operator, Role::Supervisor, Role::Viewer)
    );
    let found = mistakes("[access]\noperators = \"ann\"\nadmins = [1]", &[]);
    assert_eq!(
        found,
        [
            "access.admins: is a list, expected a list of texts",
            "access.operators: is `ann`, expected a list of texts",
        ]
    );
}

/// How the adapters of RabbitMQ and PostgreSQL are made by this file.
fn servers(text: &str) -> (amqp::Options, String) {
    let file = file(text);
    let settings = layered(Some(file.path()), environment(&[])).unwrap().settings;
    (amqp_options(&settings, Roles::ALL), format!("{:?}", postgres_options(&settings)))
}

#[test]
fn every_number_of_the_broker_and_the_database_sets_a_limit_and_is_built_in_as_the_adapters_have_it() {
    let (amqp, postgres) = servers("");
    assert_eq!(amqp.limits, amqp::Limits::default());
    let url = layered(None, environment(&[])).unwrap().settings.postgres.url;
    assert_eq!(postgres, format!("{:?}", rehome_store::postgres::Options::new(url)));
    for (key, range) in RANGES {
        let (section, name) = key.split_once('.').unwrap();
        let text = format!("[{section}]\n{name} = {}", range.end());
        match section {
            "amqp" => assert_ne!(servers(&text).0.limits, amqp.limits, "{key} sets nothing"),
            "postgres" => assert_ne!(servers(&text).1, postgres, "{key} sets nothing"),
            _ => {}
        }
    }
    let named = servers("[postgres]\nschema = \"carrier\"\nca_file = \"ca.pem\"").1;
    assert!(named.contains("Some(\"carrier\")") && named.contains("Some(\"ca.pem\")"), "{named}");
}

#[test]
fn a_line_that_is_no_pair_is_named_and_not_passed_over() {
    for key in ["amqp.domains", "access.configurators"] {
        let (section, name) = key.split_once('.').unwrap();
        for odd in ["north", "=north", "gw-*="] {
            let found = mistakes(&format!("[{section}]\n{name} = [\"a=b\", \"{odd}\"]"), &[]);
            assert!(found[0].starts_with(&format!("{key}: has the line `{odd}`, expected `")), "{found:?}");
        }
    }
}

#[test]
fn passwords_in_urls_are_used_and_not_shown() {
    let url = "amqp://rehome:se:cr@t@broker:5672/carrier";
    let loaded = layered(None, environment(&[("REHOME__AMQP__URL", url)])).unwrap();
    assert_eq!(loaded.settings.amqp.url, url);
    let shown = loaded.values.iter().find(|value| value.key == "amqp.url").unwrap();
    assert_eq!(shown.value, "amqp://rehome:***@broker:5672/carrier");
    for (urls, as_shown) in [
        ("amqp://u:secret@a/v,amqps://u:secret@b/v", "amqp://u:***@a/v,amqps://u:***@b/v"),
        ("amqp://u:secret@a, amqp://b", "amqp://u:***@a, amqp://b"),
        ("amqp://u:se,cret@a", "amqp://u:***@a"),
        ("amqp://u:secret@a,u:secret@b", "amqp://u:***@b"),
    ] {
        let loaded = layered(None, environment(&[("REHOME__AMQP__URL", urls)])).unwrap();
        assert_eq!(loaded.settings.amqp.url, urls);
        let shown = loaded.values.iter().find(|value| value.key == "amqp.url").unwrap();
        assert_eq!(shown.value, as_shown);
    }
}

#[test]
fn an_address_to_listen_at_has_a_host_and_a_port_or_is_empty() {
    for good in ["", "127.0.0.1:0", "0.0.0.0:8080", "[::1]:8080", "localhost:80"] {
        let file = file(&format!("[http]\nlisten = \"{good}\""));
        assert_eq!(layered(Some(file.path()), environment(&[])).unwrap().settings.http.listen, good);
    }
    for bad in ["8080", ":8080", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536"] {
        let found = mistakes(&format!("[http]\nlisten = \"{bad}\""), &[]);
        assert!(found[0].starts_with(&format!("http.listen: is `{bad}`, expected an address")), "{found:?}");
    }
}
