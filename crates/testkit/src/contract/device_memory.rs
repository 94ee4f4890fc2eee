//! The contract of [`DeviceMemory`].

use std::{collections::BTreeMap, sync::Arc};

use rehome_domain::{
    order::Layer,
    ports::{DeviceMemory, Edit, Holding},
    reply::Presence,
    request::Spot,
};

use super::{Case, cases, relocation::id};

type Store = Arc<dyn DeviceMemory>;

/// What every [`DeviceMemory`] must do.
pub const CASES: &[Case<dyn DeviceMemory>] = cases![
    what_is_put_is_found_and_what_is_cleared_is_gone,
    spots_that_differ_in_anything_are_different_spots,
    all_is_all_that_one_layer_holds,
    of_many_edits_that_expect_the_same_exactly_one_is_made,
    every_pair_of_edits_is_made_whole_or_not_at_all,
];

fn spot(device: &str) -> Spot {
    Spot { device: device.to_owned(), port: "ge-0/0/1".to_owned(), vlan: 100, inner_vlan: None }
}

fn holding(presence: Presence) -> Holding {
    Holding {
        presence,
        service_id: "LL-1".to_owned(),
        relocation: (presence != Presence::Installed).then(|| id(1)),
        description: "LL-1 \"Acme\" 上海".to_owned(),
        ip: (presence == Presence::Installed).then(|| "192.0.2.1/30".to_owned()),
        vrf: None,
    }
}

fn edit(spot: &Spot, expect: Option<Holding>, put: Option<Holding>) -> Edit {
    Edit { spot: spot.clone(), expect, put }
}

async fn look(store: &Store, spot: &Spot) -> Option<Holding> {
    store.look(Layer::L3, vec![spot.clone()]).await.unwrap().remove(0)
}

async fn what_is_put_is_found_and_what_is_cleared_is_gone(store: Store) {
    let (here, there) = (spot("gw-1"), spot("gw-2"));
    let (reserved, installed) = (holding(Presence::Reserved), holding(Presence::Installed));
    assert_eq!(store.look(Layer::L3, Vec::new()).await, Ok(Vec::new()));
    assert_eq!(store.edit(Layer::L3, Vec::new()).await, Ok(true));
    assert_eq!(look(&store, &here).await, None);

    for (expect, put) in [(None, Some(reserved.clone())), (Some(reserved), Some(installed.clone()))] {
        assert_eq!(store.edit(Layer::L3, vec![edit(&here, expect, put.clone())]).await, Ok(true));
        assert_eq!(look(&store, &here).await, put);
    }
    let moves = vec![edit(&here, Some(installed.clone()), None), edit(&there, None, Some(installed.clone()))];
    assert_eq!(store.edit(Layer::L3, moves.clone()).await, Ok(true));
    let found = store.look(Layer::L3, vec![there.clone(), here.clone(), there.clone()]).await;
    assert_eq!(found, Ok(vec![Some(installed.clone()), None, Some(installed)]));
    assert_eq!(store.edit(Layer::L3, moves).await, Ok(false), "a second time it is not there any more");
}

async fn spots_that_differ_in_anything_are_different_spots(store: Store) {
    let one = spot("gw-1");
    let others = [
        Spot { device: "gw-2".to_owned(), ..one.clone() },
        Spot { port: "ge-0/0/2".to_owned(), ..one.clone() },
        Spot { vlan: 101, ..one.clone() },
        Spot { inner_vlan: Some(1), ..one.clone() },
        Spot { inner_vlan: Some(2), ..one.clone() },
    ];
    let there = Some(holding(Presence::Installed));
    assert_eq!(store.edit(Layer::L3, vec![edit(&one, None, there.clone())]).await, Ok(true));
    for (count, other) in others.iter().enumerate() {
        assert_eq!(look(&store, other).await, None, "{other}");
        assert_eq!(store.edit(Layer::L3, vec![edit(other, None, there.clone())]).await, Ok(true), "{other}");
        assert_eq!(store.all(Layer::L3).await.unwrap().len(), count + 2);
    }
    assert_eq!(store.look(Layer::L2, vec![one]).await, Ok(vec![None]), "nor is the other layer's");
}

async fn all_is_all_that_one_layer_holds(store: Store) {
    let mut held: BTreeMap<Layer, BTreeMap<Spot, Holding>> = BTreeMap::new();
    for n in 0..20_u16 {
        let layer = Layer::ALL[usize::from(n % 2)];
        let spot = Spot { vlan: 1 + n % 5, inner_vlan: (n % 3 > 0).then_some(n), ..spot(&format!("gw-{n}")) };
        let there = Holding { service_id: format!("LL-{n}"), ..holding(Presence::Reserved) };
        assert_eq!(store.edit(layer, vec![edit(&spot, None, Some(there.clone()))]).await, Ok(true));
        held.entry(layer).or_default().insert(spot, there);
    }
    for layer in Layer::ALL {
        let all: BTreeMap<_, _> = store.all(layer).await.unwrap().into_iter().collect();
        assert_eq!(Some(&all), held.get(&layer));
    }
}

async fn of_many_edits_that_expect_the_same_exactly_one_is_made(store: Store) {
    let rivals: Vec<_> = (0..8)
        .map(|n| {
            let store = Arc::clone(&store);
            let mine = Holding { service_id: format!("LL-{n}"), ..holding(Presence::Reserved) };
            tokio::spawn(async move {
                let made =
                    store.edit(Layer::L2, vec![edit(&spot("sw"), None, Some(mine.clone()))]).await.unwrap();
                made.then_some(mine)
            })
        })
        .collect();
    let mut made = Vec::new();
    for rival in rivals {
        made.extend(rival.await.unwrap());
    }
    assert_eq!(store.look(Layer::L2, vec![spot("sw")]).await, Ok(vec![made.first().cloned()]));
    assert_eq!(made.len(), 1);
}

/// What may be at a spot, be expected there, or be put there.
fn possible() -> [Option<Holding>; 3] {
    [None, Some(holding(Presence::Reserved)), Some(holding(Presence::Installed))]
}

/// From every state of two spots, every pair of edits: `edit` compares with what is there before, and sets in order.
async fn every_pair_of_edits_is_made_whole_or_not_at_all(store: Store) {
    let mut running = Vec::new();
    for start in 0..9_usize {
        let store = Arc::clone(&store);
        running.push(tokio::spawn(async move {
            for edits in 0..18 * 18 {
                every_pair(&store, [start % 3, start / 3], [edits % 18, edits / 18]).await;
            }
        }));
    }
    for start in running {
        start.await.unwrap();
    }
}

async fn every_pair(store: &Store, start: [usize; 2], edits: [usize; 2]) {
    let spots = [0, 1].map(|at| spot(&format!("gw-{start:?}-{edits:?}-{at}")));
    let start = start.map(|pick| possible()[pick].clone());
    let prepared = spots.iter().zip(&start).map(|(spot, there)| edit(spot, None, there.clone())).collect();
    assert_eq!(store.edit(Layer::L3, prepared).await, Ok(true));

    let picked = edits.map(|pick| (pick % 2, possible()[pick / 2 % 3].clone(), possible()[pick / 6].clone()));
    let expected = picked.iter().all(|(at, expect, _)| start[*at] == *expect);
    let mut after = start.clone();
    if expected {
        for (at, _, put) in picked.clone() {
            after[at] = put;
        }
    }
    let edits = picked.map(|(at, expect, put)| edit(&spots[at], expect, put));
    assert_eq!(store.edit(Layer::L3, edits.to_vec()).await, Ok(expected), "{edits:#?} over {start:#?}");
    assert_eq!(store.look(Layer::L3, spots.to_vec()).await.unwrap(), after, "{edits:#?} over {start:#?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{contract, memory::InMemory};

    #[tokio::test]
    async fn device_memory_in_a_map_does_what_every_device_memory_must() {
        contract::check(CASES, async || (Arc::new(InMemory::new()) as Store, ())).await;
    }
}
