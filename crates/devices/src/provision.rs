//! Puts the circuits in service at their old places: the simulated network as it was before the relocations.

use std::collections::BTreeSet;

use rehome_domain::{
    order::Layer,
    ports::{DeviceMemory, Edit, Holding, StoreError},
    reply::Presence,
    request::{Request, Spot},
};

/// Circuits put in place in one transaction: large enough that a sheet of thousands is a handful of them.
const BATCH: usize = 1000;

/// How often it looks again while others edit the same spots.
const TRIES: usize = 5;

/// Puts the old places in service where nothing is yet, and answers how many circuits it put in place, counted by layer.
///
/// A layer that knows the circuit already, wherever it is by now, is left alone: a second start does not bring back what
/// a relocation has moved away, and of several relocations of one circuit the first's old place counts. A circuit that
/// a relocation has left nowhere at all (row 13) can't be told from a new one: don't give requests that have a ticket.
///
/// # Errors
/// The memory failed, or others kept editing the same spots. What was put in place so far stays.
pub async fn provision(memory: &dyn DeviceMemory, requests: &[Request]) -> Result<[usize; 2], StoreError> {
    let mut placed = [0; 2];
    for layer in Layer::ALL {
        placed[layer as usize] = provision_layer(memory, layer, requests).await?;
    }
    Ok(placed)
}

async fn provision_layer(
    memory: &dyn DeviceMemory,
    layer: Layer,
    requests: &[Request],
) -> Result<usize, StoreError> {
    let mut placed = 0;
    'look: for _ in 0..TRIES {
        let edits = missing(layer, requests, memory.all(layer).await?);
        for batch in edits.chunks(BATCH) {
            if !memory.edit(layer, batch.to_vec()).await? {
                continue 'look;
            }
            placed += batch.len();
        }
        return Ok(placed);
    }
    let detail = format!("somebody else kept editing the {layer} devices");
    Err(StoreError::Failed { what: "provision", detail })
}

fn missing(layer: Layer, requests: &[Request], held: Vec<(Spot, Holding)>) -> Vec<Edit> {
    let (mut spots, mut services): (BTreeSet<Spot>, BTreeSet<String>) =
        held.into_iter().map(|(spot, holding)| (spot, holding.service_id)).unzip();
    let mut edits = Vec::new();
    for request in requests {
        let spot = match layer {
            Layer::L3 => request.old.l3(),
            Layer::L2 => request.old.l2(),
        };
        if services.contains(&request.service_id) || !spots.insert(spot.clone()) {
            continue;
        }
        services.insert(request.service_id.clone());
        edits.push(Edit { spot, expect: None, put: Some(in_service(layer, request)) });
    }
    edits
}

fn in_service(layer: Layer, request: &Request) -> Holding {
    let addressed = layer == Layer::L3;
    Holding {
        presence: Presence::Installed,
        service_id: request.service_id.clone(),
        relocation: None,
        description: request.description.clone(),
        ip: addressed.then(|| request.ip.clone()),
        vrf: request.vrf.clone().filter(|_| addressed),
    }
}
