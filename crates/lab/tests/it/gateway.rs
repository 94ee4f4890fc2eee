//! A gateway by itself, asked by OpenSSH's own client.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

use rehome_lab::gateway::{Gateway, Options};

/// What is said before anything is asked.
const HELLO: &str = "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities>\
    <capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>]]>]]>";
const ASK: &str = "<rpc message-id=\"1\" xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><get-config><source><running/>\
    </source></get-config></rpc>]]>]]>";

fn asked(gateway: &Gateway) -> String {
    let mut ssh = Command::new("ssh");
    ssh.arg("-i").arg(gateway.key()).args(["-o", "BatchMode=yes", "-o"]);
    ssh.arg(format!("UserKnownHostsFile={}", gateway.known_hosts().unwrap().display()));
    ssh.arg("-p").arg(gateway.address().port().to_string());
    ssh.args(["-s", &format!("{}@127.0.0.1", gateway.user()), "netconf"]);
    let mut ssh = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output) = (ssh.stdin.take().unwrap(), ssh.stdout.take().unwrap());
    let (mut told, mut some) = (Vec::new(), [0; 4096]);
    // One message at a time: netconfd does not look at a second one that comes with the first.
    for (message, answered) in [(HELLO, "</hello>"), (ASK, "</rpc-reply>")] {
        input.write_all(message.as_bytes()).unwrap();
        while !String::from_utf8_lossy(&told).contains(answered) {
            let read = output.read(&mut some).unwrap();
            assert_ne!(read, 0, "the gateway hung up: {}", String::from_utf8_lossy(&told));
            told.extend_from_slice(&some[..read]);
        }
    }
    ssh.kill().unwrap();
    ssh.wait().unwrap();
    String::from_utf8(told).unwrap()
}

#[test]
fn two_gateways_stand_side_by_side_and_each_answers_with_its_own_ports_also_after_a_restart() {
    let gateway =
        |port: &str| Gateway::start(Options { ports: vec![port.to_owned()], ..Options::default() }).unwrap();
    let (mut one, two) = (gateway("ge-0/0/1"), gateway("ge-0/0/2"));
    for _ in 0..2 {
        let (told, other) = (asked(&one), asked(&two));
        assert!(told.contains("urn:rehome:yang:vlan?module=rehome-vlan"), "{told}");
        assert!(told.contains("<name>ge-0/0/1</name>") && !told.contains("ge-0/0/2"), "{told}");
        assert!(other.contains("<name>ge-0/0/2</name>") && !other.contains("ge-0/0/1"), "{other}");
        one.restart().unwrap();
    }
}

#[test]
fn a_gateway_takes_its_processes_and_its_directory_with_it() {
    let mut gateway = Gateway::start(Options::default()).unwrap();
    let (directory, pid) = (gateway.directory().to_owned(), gateway.server().pid().unwrap());
    drop(gateway);
    assert!(!directory.exists());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}
