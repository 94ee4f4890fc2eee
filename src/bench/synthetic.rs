//! Relocations made up for measuring: as many as wanted, no two for the same place, spread over many devices.

use rehome_domain::{
    RelocationId, Request,
    request::{Deadlines, Place},
};
use uuid::Uuid;

/// The devices they are spread over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// Gateways.
    pub gateways: u64,
    /// Switches: as many or a multiple.
    pub switches: u64,
}

/// Enough that no single device's queue is the limit.
pub const WIDE: Spread = Spread { gateways: 64, switches: 256 };
/// VLANs used on a port, well inside 1..=4094.
const VLANS: u64 = 4000;

/// The `n`th made-up relocation. Its new place is on the next gateway and the next switch.
#[must_use]
pub fn request(n: u64, deadlines: Deadlines) -> Request {
    spread(n, deadlines, WIDE)
}

/// The same over these devices.
#[must_use]
pub fn spread(n: u64, deadlines: Deadlines, over: Spread) -> Request {
    Request {
        service_id: format!("BENCH-{n:08}"),
        customer: format!("Customer {:04}", n % 2000),
        old: place(n, "old", over),
        new: place(n + 1, "new", over),
        ip: format!("10.{}.{}.1/30", (n / 250) % 250, n % 250),
        vrf: n.is_multiple_of(3).then(|| format!("VPN-{:03}", n % 500)),
        description: format!("leased line {n:08}, moved for measuring"),
        window: None,
        external_id: None,
        hold: false,
        deadlines,
    }
}

/// The `n`th id of a run: in order, so that the store's keys grow at one end as with time-ordered ids.
#[must_use]
pub fn id(run: u64, n: u64) -> RelocationId {
    RelocationId(Uuid::from_u64_pair(run, n))
}

fn place(n: u64, side: &str, over: Spread) -> Place {
    let (gateway, on_gateway) = (n % over.gateways, n / over.gateways);
    let switch = n % over.switches;
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
        for over in [WIDE, Spread { gateways: 64, switches: 64 }, Spread { gateways: 2, switches: 2 }] {
            let mut places = HashSet::new();
            for n in 0..50_000 {
                let request = spread(n, Deadlines::default(), over);
                assert_eq!(request.validate(), Ok(()));
                for spot in [request.old.l3(), request.new.l3(), request.old.l2(), request.new.l2()] {
                    let layer = spot.device.starts_with("gw");
                    assert!(places.insert((layer, spot.clone())), "{spot} is used twice");
                }
            }
        }
    }
}
