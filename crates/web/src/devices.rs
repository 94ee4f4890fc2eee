//! The devices, as the open tickets tell of them, for all who ask this process.

use std::sync::Arc;

use rehome_domain::{
    fleet::{Device, Fleet},
    ports::{Loaded, StoreError, TicketStore},
};

use crate::fresh::Fresh;

/// Open tickets read at once.
const PAGE: usize = 500;
/// Open tickets that are read at most: a carrier that has more under way has other troubles, and whoever looks is told.
const MOST: u64 = 50_000;

/// What was read.
pub struct Devices {
    /// Those that do not answer first.
    pub devices: Vec<Device>,
    /// So many open tickets tell of them.
    pub tickets: u64,
    /// There are no others.
    pub complete: bool,
}

impl Fresh<Devices> {
    /// The devices that these tickets tell of.
    pub fn devices(tickets: Arc<dyn TicketStore>) -> Self {
        Self::new(move || read(Arc::clone(&tickets)))
    }
}

async fn read(tickets: Arc<dyn TicketStore>) -> Result<Devices, StoreError> {
    let (mut fleet, mut heard, mut after) = (Fleet::default(), 0, None);
    loop {
        let page = tickets.open_tickets(after, PAGE).await?;
        if heard >= MOST && !page.is_empty() {
            return Ok(Devices { devices: fleet.devices(), tickets: heard, complete: false });
        }
        for (id, loaded) in &page {
            after = Some(*id);
            heard += 1;
            if let Loaded::Ticket(ticket) = loaded {
                fleet.hear(ticket);
            }
        }
        if page.len() < PAGE {
            return Ok(Devices { devices: fleet.devices(), tickets: heard, complete: true });
        }
    }
}
