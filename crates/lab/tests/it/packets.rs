//! Real packets through a whole network, changed by hand.

use rehome_lab::{
    network::{Network, Options},
    outage::is_answered,
};

use crate::name;

#[test]
fn a_customer_has_service_at_the_old_place_and_at_no_other() {
    let network = Network::start(&Options::smallest(&name("old"))).unwrap();
    let customer = &network.customers[0];
    assert!(is_answered(&customer.old.namespace, customer.gateway_ip()));
    assert!(!is_answered(&customer.new.namespace, customer.gateway_ip()));
}
