//! How Rehome reaches the devices of a network: the inventory's file.

use crate::{
    daemon::DaemonError,
    network::{Network, PARKING_VLAN},
};

/// The inventory of a network's devices, as `devices.inventory` names one.
///
/// # Errors
/// A gateway's file of known hosts can't be written.
pub fn inventory(network: &Network) -> Result<String, DaemonError> {
    let mut text = String::new();
    for gateway in &network.gateways {
        let (address, key) = (gateway.server.address(), gateway.server.key());
        let known = gateway.server.known_hosts()?;
        text += &format!(
            "[[device]]\nname = {:?}\nlayer = \"l3\"\ndriver = \"netconf\"\nprofile = \"ietf-interfaces\"\nssh = {{ address \
             = \"{address}\", user = {:?}, key_file = {:?}, known_hosts = {:?} }}\n\n",
            gateway.name,
            gateway.server.user(),
            key.display().to_string(),
            known.display().to_string(),
        );
    }
    for switch in &network.switches {
        text += &format!(
            "[[device]]\nname = {:?}\nlayer = \"l2\"\ndriver = \"ovsdb\"\naddress = {:?}\nparking_vlan = \
             {PARKING_VLAN}\n\n",
            switch.name,
            switch.server.unix(),
        );
    }
    Ok(text)
}
