//! Relocations made up for measuring: as many as wanted, no two for the same place, spread over many devices.

use rehome_domain::{
    RelocationId, Request,
    request::{Deadlines, Place},
};
use uuid::Uuid;

/// Gateways, enough that no single device's queue is the limit.
const GATEWAYS: u64 = 64;
/// Switches.
const SWITCHES: u64 = 256;
/// VLANs used on a port, well inside 1..=4094.
const VLANS: u64 = 4000;

/// The `n`th made-up relocation. Its new place is on the next gateway and the next switch.
#[must_use]
pub fn request(n: u64, deadlines: Deadlines) -> Request {
    Request {
        service_id: format!("BENCH-{n:08}"),
        customer: format!("Customer {:04}", n % 2000),
        old: place(n, "old"),
        new: place(n + 1, "new"),
        ip: format!("10.{}.{}.1/30", (n / 250) % 250, n % 250),
        vrf: n.is_multiple_of(3).then(|| format!("VPN-{:03}", n % 500)),
        description: format!("leased line {n:08}, moved for measuring"),
        window: None,
        hold: false,
        deadlines,
    }
}

/// The `n`th id of a run: in order, so that the store's keys grow at one end as with time-ordered ids.
#[must_use]
pub fn id(run: u64, n: u64) -> RelocationId {
    RelocationId(Uuid::from_u64_pair(run, n))
}

fn place(n: u64, side: &str) -> Place {
    let spread = |devices: u64| (n % devices, n / devices);
    let (gateway, on_gateway) = spread(GATEWAYS);
    let (switch, _) = spread(SWITCHES);
    // Each port takes all its VLANs before the next port is used, so that no two relocations meet.
    let vlan = u16::try_from(on_gateway % VLANS + 1).unwrap_or(1);
    let port = on_gateway / VLANS;
    Place {
        l3_device: format!("gw-{gateway:03}"),
        l3_port: format!("{side}-{port}"),
        vlan,
        inner_vlan: None,
        l2_device: format!("sw-{switch:03}"),
        l2_port: format!("{side}-{port}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn made_up_relocations_are_valid_and_never_share_a_place() {
        let mut places = HashSet::new();
        for n in 0..50_000 {
            let request = request(n, Deadlines::default());
            assert_eq!(request.validate(), Ok(()));
            for spot in [request.old.l3(), request.new.l3(), request.old.l2(), request.new.l2()] {
                let layer = spot.device.starts_with("gw");
                assert!(places.insert((layer, spot.clone())), "{spot} is used twice");
            }
        }
    }
}
