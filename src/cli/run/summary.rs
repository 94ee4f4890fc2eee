//! What a run says in the end: counts by status, what did not succeed, and whether the devices hold what that says.

use std::{collections::BTreeMap, path::Path, time::Duration};

use comfy_table::Cell;
use rehome_devices::audit::{Network, audit};
use rehome_domain::{
    action,
    id::RelocationId,
    lang::Lang,
    message::Rejection,
    ports::{DeviceMemory, Loaded, StoreError, TicketStore, Unreadable},
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
    ticket::Ticket,
    wording,
};
use serde_json::{Value, json};

use super::super::{list, offline, tables};
use crate::{
    driver::{Driven, Job, Seen, Standing},
    texts,
};

/// Tickets that did not succeed are listed up to this number; the rest is counted.
const LISTED: usize = 20;

/// Why a row has no ticket that can go on.
enum Without {
    Unreadable(RelocationId, Unreadable),
    Rejected(Rejection),
}

impl Without {
    /// For machines.
    const fn wire(&self) -> &'static str {
        match self {
            Self::Unreadable(_, Unreadable::Newer { .. }) | Self::Rejected(Rejection::Newer { .. }) => {
                "newer"
            }
            Self::Unreadable(..) | Self::Rejected(Rejection::Quarantined { .. }) => "quarantined",
            Self::Rejected(Rejection::Held { .. }) => "held",
            Self::Rejected(_) => "rejected",
        }
    }

    fn sentence(&self, lang: Lang) -> String {
        match self {
            Self::Unreadable(relocation, why) => list::unreadable(lang, *relocation, why),
            Self::Rejected(Rejection::Held { by }) => texts::held(lang, by),
            Self::Rejected(other) => other.to_string(),
        }
    }
}

type Standings = (RelocationStatus, Option<ReservationStatus>, Option<CutoverStatus>, Disposition);

/// How a run ended.
pub(super) struct Summary {
    data: String,
    stopped: bool,
    took: Duration,
    tickets: Vec<Ticket>,
    /// Services without a ticket, or whose ticket is set aside.
    without: Vec<(String, Without)>,
    /// Rows not begun when the run was stopped.
    waiting: usize,
    /// What the devices hold that no ticket allows.
    discrepancies: Vec<String>,
    /// Whether the devices were compared with the tickets.
    compared: bool,
    /// They are real ones: whoever wants to know asks them (`rehome plan`).
    real: bool,
}

impl Summary {
    /// Looks at what a run has left in the store, and on the devices if they are simulated.
    pub(super) async fn new(
        data: &Path,
        jobs: &[Job],
        driven: Driven,
        tickets: &dyn TicketStore,
        devices: Option<&dyn DeviceMemory>,
        took: Duration,
    ) -> Result<Self, StoreError> {
        let loaded = tickets.load(jobs.iter().map(|job| job.relocation).collect()).await?;
        let (mut found, mut without, mut waiting) = (Vec::new(), Vec::new(), 0);
        for ((job, loaded), standing) in jobs.iter().zip(loaded).zip(&driven.standings) {
            let service = job.request.service_id.clone();
            match (loaded, standing) {
                (Loaded::Ticket(ticket), _) => found.push(*ticket),
                (Loaded::Unreadable(why), _) => {
                    without.push((service, Without::Unreadable(job.relocation, why)));
                }
                (Loaded::Missing, Standing::Rejected(rejection)) => {
                    without.push((service, Without::Rejected(rejection.clone())));
                }
                (Loaded::Missing, _) => waiting += 1,
            }
        }
        found.sort_by_key(|ticket| (!ticket.state.service_down(), ticket.submitted_at, ticket.id));
        let mut all = Vec::new();
        offline::each(tickets, |_, loaded| {
            if let Loaded::Ticket(ticket) = loaded {
                all.push(*ticket);
            }
        })
        .await?;
        // A ticket set aside explains nothing, and what it holds is not a leak: its journal must be mended first.
        let compared = !driven.stopped && tickets.quarantined().await?.is_empty();
        let wrong = match devices {
            Some(devices) if compared => audit(&all, &Network::load(devices).await?),
            _ => Vec::new(),
        };
        let discrepancies = wrong.iter().map(ToString::to_string).collect();
        let data = data.display().to_string();
        Ok(Self {
            data,
            stopped: driven.stopped,
            took,
            tickets: found,
            without,
            waiting,
            discrepancies,
            compared: compared && devices.is_some(),
            real: devices.is_none(),
        })
    }

    /// Whether all succeeded and the devices hold exactly that.
    pub(super) fn good(&self) -> bool {
        let succeeded = |ticket: &Ticket| ticket.state.relocation == RelocationStatus::Succeeded;
        self.tickets.iter().all(succeeded)
            && self.without.is_empty()
            && self.waiting == 0
            && self.discrepancies.is_empty()
            && (self.compared || self.real)
    }

    fn counts(&self) -> BTreeMap<Standings, usize> {
        let mut counts = BTreeMap::new();
        for ticket in &self.tickets {
            let state = &ticket.state;
            let key = (state.relocation, state.reservation, state.cutover, state.disposition);
            *counts.entry(key).or_insert(0) += 1;
        }
        counts
    }

    /// For machines.
    pub(super) fn document(&self) -> serde_json::Result<String> {
        let counts: Vec<Value> = self
            .counts()
            .into_iter()
            .map(|((status, reservation, cutover, disposition), tickets)| {
                json!({ "status": status, "reservation": reservation, "cutover": cutover,
                        "disposition": disposition, "tickets": tickets })
            })
            .collect();
        let tickets: Vec<Value> = self.tickets.iter().map(list::summary).collect();
        let without: Vec<Value> = self
            .without
            .iter()
            .map(|(service, why)| {
                json!({ "service_id": service, "what": why.wire(), "reason": why.sentence(Lang::En) })
            })
            .collect();
        let document = json!({
            "data": self.data,
            "succeeded": self.good(),
            "stopped": self.stopped,
            "seconds": self.took.as_secs_f64(),
            "counts": counts,
            "tickets": tickets,
            "without_ticket": without,
            "not_begun": self.waiting,
            "devices_compared": self.compared,
            "discrepancies": self.discrepancies,
        });
        Ok(serde_json::to_string_pretty(&document)? + "\n")
    }

    /// For people. Fits a terminal of 80 columns, but for what devices say.
    pub(super) fn page(&self, lang: Lang) -> String {
        let mut lines = vec![self.table(lang)];
        lines.extend(self.unsuccessful(lang));
        for (service, why) in &self.without {
            lines.push(format!("{service}\n    {}", why.sentence(lang)));
        }
        if lines.len() > 1 {
            lines.push(String::new());
        }
        if self.real {
            lines.push(texts::devices_are_real(lang));
        } else if !self.compared && !self.stopped {
            lines.push(texts::devices_not_compared(lang));
        } else if self.discrepancies.is_empty() && !self.stopped {
            lines.push(texts::devices_agree(lang));
        }
        lines.extend(self.discrepancies.iter().cloned());
        if self.stopped {
            lines.push(texts::stopped(lang, self.waiting));
        }
        lines.push(texts::look_further(lang, &self.data, format!("{:.1}", self.took.as_secs_f64())));
        lines.join("\n") + "\n"
    }

    /// How many tickets stand where.
    fn table(&self, lang: Lang) -> String {
        let mut table = tables::table(&[
            texts::head_count(lang),
            texts::head_relocation(lang),
            texts::head_reservation(lang),
            texts::head_cutover(lang),
        ]);
        for ((status, reservation, cutover, disposition), count) in self.counts() {
            // Every other disposition follows from the statuses.
            let cancelled = disposition == Disposition::Cancelled;
            let cancelled = if cancelled {
                texts::in_brackets(lang, lang.pick(disposition.wire(), disposition.label(lang)))
            } else {
                String::new()
            };
            table.add_row([
                tables::number(count),
                Cell::new(tables::stacked(lang, status.wire(), status.label(lang), &cancelled)),
                Cell::new(reservation.map_or_else(unset, |status| {
                    tables::stacked(lang, status.wire(), status.label(lang), "")
                })),
                Cell::new(cutover.map_or_else(unset, |status| {
                    tables::stacked(lang, status.wire(), status.label(lang), "")
                })),
            ]);
        }
        if let Some(counts) = table.column_mut(0) {
            counts.set_padding((0, 1));
        }
        tables::text(&table)
    }

    fn unsuccessful(&self, lang: Lang) -> Vec<String> {
        let others: Vec<&Ticket> = self
            .tickets
            .iter()
            .filter(|ticket| ticket.state.relocation != RelocationStatus::Succeeded && !is_reserved(ticket))
            .collect();
        let reserved = self.tickets.iter().filter(|ticket| is_reserved(ticket)).count();
        let mut lines = Vec::new();
        if reserved > 0 {
            lines.push(texts::await_cutover(lang, reserved));
        }
        if others.is_empty() {
            return lines;
        }
        lines.push(texts::not_succeeded(lang, others.len()));
        lines.extend(others.iter().take(LISTED).map(|ticket| entry(lang, ticket)));
        if others.len() > LISTED {
            lines.push(texts::and_more(lang, others.len() - LISTED));
        }
        lines
    }
}

/// Whether all went well so far, and only the cutover is still to come.
fn is_reserved(ticket: &Ticket) -> bool {
    let seen = Seen::from(ticket);
    seen.awaits_cutover() && !seen.is_forced_on()
}

fn unset() -> String {
    "-".to_owned()
}

/// One ticket: where it stands, what failed last, what a person may do now.
fn entry(lang: Lang, ticket: &Ticket) -> String {
    let state = &ticket.state;
    let statuses = [
        Some(lang.pick(state.relocation.wire(), state.relocation.label(lang))),
        state.reservation.map(|status| lang.pick(status.wire(), status.label(lang))),
        state.cutover.map(|status| lang.pick(status.wire(), status.label(lang))),
    ];
    let statuses = statuses.map(|status| status.unwrap_or("-")).join(" / ");
    let mut lines = vec![format!("{}  {statuses}", ticket.request.service_id)];
    if state.service_down() {
        lines.push(texts::without_service(lang));
    }
    if let Some((layer, failure)) = &ticket.last_failure {
        lines.push(format!("{} {}", layer.label(lang), wording::failure(lang, failure)));
    }
    let may: Vec<String> = action::actions(state)
        .into_iter()
        .filter_map(|(kind, allowed)| {
            allowed.is_ok().then(|| tables::word(lang, kind.wire(), kind.label(lang)))
        })
        .collect();
    if !may.is_empty() {
        lines.push(texts::may_now(lang, may.join(lang.pick(", ", "，"))));
    }
    lines.join("\n    ")
}
