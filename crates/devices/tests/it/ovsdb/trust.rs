//! Who speaks to whom, over TLS.

use rehome_devices::ovsdb::Options;
use rehome_domain::{
    ports::Operation,
    reply::{Presence, Reason},
};
use rehome_lab::{
    certificates::{Authority, Identity},
    switch,
};

use super::rig::{Rig, done, fails, options, session};

fn rig() -> Rig {
    Rig::with(switch::Options { tls: true, ..switch::Options::default() })
}

/// The options of somebody who trusts an authority and is vouched for by one.
fn trusting(rig: &Rig, authority: &Authority, identity: Identity) -> Options {
    let mut options = options(rig.switch.tls().unwrap());
    options.ca_file = Some(authority.certificate());
    options.certificate_file = Some(identity.certificate);
    options.key_file = Some(identity.key);
    options
}

#[tokio::test]
async fn both_sides_vouched_for_by_one_authority_speak_over_tls() {
    let rig = rig();
    let authority = rig.switch.authority().unwrap();
    let mut session = session(trusting(&rig, authority, authority.vouch("rehome").unwrap()));
    assert_eq!(done(&mut session, Operation::Reserve).await, Presence::Reserved);
    assert_eq!(done(&mut session, Operation::Swap).await, Presence::Installed);
}

#[tokio::test]
async fn a_certificate_that_the_switch_does_not_know_is_refused_for_good_and_told_what_to_do() {
    let rig = rig();
    let authority = rig.switch.authority().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = Authority::make(elsewhere.path()).unwrap().vouch("rehome").unwrap();
    let error = fails(&mut session(trusting(&rig, authority, stranger)), Operation::Reserve).await;
    assert!(!error.transient && error.failure.reason == Reason::Unreachable, "{error}");
    assert!(error.failure.text.contains("refused our certificate"), "{error}");
}

#[tokio::test]
async fn a_switch_whose_certificate_has_changed_is_refused_for_good_and_told_what_to_do() {
    let rig = rig();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Authority::make(elsewhere.path()).unwrap();
    let own = rig.switch.authority().unwrap().vouch("rehome").unwrap();
    let error = fails(&mut session(trusting(&rig, &other, own.clone())), Operation::Reserve).await;
    assert!(!error.transient && error.failure.reason == Reason::Unreachable, "{error}");
    assert!(error.failure.text.contains("`ca_file`"), "{error}");
    let mut named = trusting(&rig, rig.switch.authority().unwrap(), own);
    named.server_name = Some("sw-9.example".to_owned());
    let error = fails(&mut session(named), Operation::Reserve).await;
    assert!(!error.transient && error.failure.text.contains("not for this name"), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_told_by_its_field_and_never_by_what_is_in_it() {
    let rig = rig();
    let authority = rig.switch.authority().unwrap();
    let given = trusting(&rig, authority, authority.vouch("rehome").unwrap());
    let missing = Options { ca_file: None, ..given.clone() };
    let wrong = Options { key_file: given.certificate_file.clone(), ..given };
    for (options, field) in [(missing, "`ca_file`"), (wrong, "`key_file`")] {
        let error = fails(&mut session(options), Operation::Reserve).await;
        assert!(!error.transient && error.failure.text.contains(field), "{error}");
        assert!(!error.failure.text.contains("BEGIN"), "{error}");
    }
}
