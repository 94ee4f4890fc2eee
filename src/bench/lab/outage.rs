//! How long a customer is without service while it is relocated, beside the same steps by hand.
//!
//! Three customers of one lab, one for each kind of move, go to and fro. Rehome, the same steps by hand and bare calls take turns,
//! so that each moves in either direction as often. Both places ping their gateway every 5 ms all the while.

use rehome_domain::RelocationStatus;
use rehome_lab::{
    network::{Customer, Move, Network, Place},
    outage::{Heard, Pings},
};
use serde::Serialize;

use super::{
    super::BenchError,
    Stage, Times, blocking,
    direct::{Care, Direct},
    job, options, start,
    system::{How, Over, System, at_work},
};
use crate::{
    driver::{Deploy, Standing},
    settings::Settings,
};

/// Answers at the new place after which a move is over: a fifth of a second, in which the old one must have had none.
const ANSWERS: usize = 40;

/// Between which places a customer moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// From one port of a gateway to another, into another VLAN.
    Ports,
    /// The same, in the same VLAN.
    SameVlan,
    /// From one gateway to another.
    Gateways,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ports, Self::SameVlan, Self::Gateways];

    const fn moves(self) -> Move {
        match self {
            Self::Ports => Move::Ports,
            Self::SameVlan => Move::SameVlan,
            Self::Gateways => Move::Onward,
        }
    }
}

/// What was measured of one who moves customers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct By {
    /// From the last answer at the old place to the first at the new one.
    pub outage: Times,
    /// What of it is the gateway's: how long its data plane took to apply the commit that ends service at the old place.
    pub gateway: Times,
}

/// What was measured of one kind of move.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outages {
    /// Which.
    pub kind: Kind,
    /// How often by each.
    pub runs: usize,
    /// By the whole system.
    pub rehome: By,
    /// By hand-written calls that take the same steps.
    pub direct: By,
    /// By hand-written calls that believe what is answered.
    pub bare: By,
    /// The median of the first by that of the second.
    pub ratio: f64,
    /// The same by that of the third.
    pub ratio_of_bare: f64,
    /// Moves after which the old place was still, or again, answered; anything but 0 is a fault.
    pub answered_at_old: usize,
    /// Relocations that did not succeed; anything but 0 is a fault.
    pub unsuccessful: usize,
}

/// Measures every kind, so many times by each.
///
/// # Errors
/// The lab, the servers or the devices can't be used, or somebody interrupted.
pub async fn outages(
    settings: &Settings,
    over: Over,
    runs: usize,
    progress: impl Fn(Stage),
) -> Result<Vec<Outages>, BenchError> {
    progress(Stage::Starting);
    let moves = Kind::ALL.map(Kind::moves);
    let (network, settings) = start(options(2, 1, moves.len(), &moves), settings).await?;
    at_work(&settings, over, &progress, async |system| {
        let direct = Direct::connect(&network).await?;
        let mut course = Course { network: &network, system, direct };
        let mut tallies = Kind::ALL.map(|_| Tally::default());
        for step in 0..MOVERS * runs {
            for (customer, tally) in network.customers.iter().zip(&mut tallies) {
                course.step(step, customer, tally).await?;
            }
            progress(Stage::Moved(step + 1));
        }
        let all = Kind::ALL.into_iter().zip(tallies);
        Ok(all.map(|(kind, tally)| tally.sum_up(kind, runs)).collect())
    })
    .await
}

/// Who moves customers: Rehome, the same steps by hand, bare calls.
pub const MOVERS: usize = 3;

/// What has been measured of one kind so far: outages, and the gateway's times, by each.
#[derive(Default)]
struct Tally {
    outages: [Vec<f64>; MOVERS],
    gateway: [Vec<f64>; MOVERS],
    answered_at_old: usize,
    unsuccessful: usize,
}

impl Tally {
    fn sum_up(self, kind: Kind, runs: usize) -> Outages {
        let [rehome, direct, bare] = self.outages;
        let [rehome_gateway, direct_gateway, bare_gateway] = self.gateway;
        let by = |outage, gateway| By { outage: Times::of(outage), gateway: Times::of(gateway) };
        let (rehome, direct, bare) =
            (by(rehome, rehome_gateway), by(direct, direct_gateway), by(bare, bare_gateway));
        Outages {
            kind,
            runs,
            ratio: rehome.outage.median_ms / direct.outage.median_ms,
            ratio_of_bare: rehome.outage.median_ms / bare.outage.median_ms,
            rehome,
            direct,
            bare,
            answered_at_old: self.answered_at_old,
            unsuccessful: self.unsuccessful,
        }
    }
}

struct Course<'a> {
    network: &'a Network,
    system: &'a System,
    direct: Direct,
}

impl Course<'_> {
    /// One move of a customer, which is at its old place before every second.
    async fn step(&mut self, step: usize, customer: &Customer, tally: &mut Tally) -> Result<(), BenchError> {
        let (from, to) = match step % 2 {
            0 => (&customer.old, &customer.new),
            _ => (&customer.new, &customer.old),
        };
        let by = step % MOVERS;
        let care = [None, Some(Care::Full), Some(Care::None)].get(by).copied().flatten();
        self.gateway_times(from);
        let (old, new) = (from.namespace.clone(), to.namespace.clone());
        let (ip, directory) = (customer.gateway_ip().to_owned(), self.network.directory().to_owned());
        let mut pings = blocking(move || {
            let mut pings = Pings::start(&old, &new, &ip, &directory)?;
            pings.until_old_answered()?;
            Ok(pings)
        })
        .await?;
        if let Some(care) = care {
            self.direct.reserve(customer, to).await?;
            self.direct.cut_over(customer, from, to, care).await?;
        } else if !self.relocate(customer, from, to).await? {
            tally.unsuccessful += 1;
            return Err(BenchError::Direct(format!("{} was not relocated", customer.service_id)));
        }
        let heard: Heard = blocking(move || {
            pings.until_new_answered_times(ANSWERS)?;
            Ok(pings.heard())
        })
        .await?;
        let outage = heard.outage().ok_or(BenchError::Ended)?;
        tally.outages[by].push(outage.as_secs_f64() * 1000.0);
        tally.gateway[by].extend(self.gateway_times(from));
        tally.answered_at_old += usize::from(!heard.one_after_the_other());
        Ok(())
    }

    /// Whether it succeeded.
    async fn relocate(&self, customer: &Customer, from: &Place, to: &Place) -> Result<bool, BenchError> {
        let how = How { in_flight: 1, deploy: Deploy::Auto, operator: None };
        let carried = self.system.carry(&[job(customer, from, to)], how, |_| {}).await?;
        let succeeded = |standing: &Standing| matches!(standing, Standing::At(seen) if seen.relocation == RelocationStatus::Succeeded);
        Ok(carried.standings.iter().all(succeeded))
    }

    /// How long the gateway of a place took to apply the last commit that changed what it forwards, in milliseconds. Forgets
    /// it, and those of the other gateways.
    fn gateway_times(&self, place: &Place) -> Option<f64> {
        let took = self.network.gateways.iter().map(|gateway| (&gateway.name, gateway.agent.took()));
        let all: Vec<_> = took.collect();
        let (_, took) = all.into_iter().find(|(name, _)| **name == place.gateway)?;
        took.last().map(|took| took.as_secs_f64() * 1000.0)
    }
}
