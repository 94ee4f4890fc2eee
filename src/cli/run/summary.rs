//! What a run says in the end: counts by status, what did not succeed, and whether the devices hold what that says.

use std::{collections::BTreeMap, path::Path, time::Duration};

use comfy_table::Cell;
use rehome_devices::audit::{Network, audit};
use rehome_domain::{
    action,
    lang::Lang,
    ports::{Loaded, StoreError},
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
    ticket::Ticket,
};
use serde_json::{Value, json};

use super::super::{list, offline, tables};
use crate::{
    app::App,
    driver::{Driven, Job, Standing},
    texts,
};

/// Tickets that did not succeed are listed up to this number; the rest is counted.
const LISTED: usize = 20;

type Standings = (RelocationStatus, Option<ReservationStatus>, Option<CutoverStatus>, Disposition);

/// How a run ended.
pub(super) struct Summary {
    data: String,
    stopped: bool,
    took: Duration,
    tickets: Vec<Ticket>,
    /// Rows without a ticket, or whose ticket is set aside: service and why.
    without: Vec<(String, String)>,
    /// Rows not begun when the run was stopped.
    waiting: usize,
    /// What the devices hold that no ticket allows.
    discrepancies: Vec<String>,
}

impl Summary {
    pub(super) async fn new(
        lang: Lang,
        data: &Path,
        jobs: &[Job],
        driven: Driven,
        app: &App,
        took: Duration,
    ) -> Result<Self, StoreError> {
        let loaded = app.tickets.load(jobs.iter().map(|job| job.relocation).collect()).await?;
        let (mut tickets, mut without, mut waiting) = (Vec::new(), Vec::new(), 0);
        for ((job, loaded), standing) in jobs.iter().zip(loaded).zip(&driven.standings) {
            let service = job.request.service_id.clone();
            match (loaded, standing) {
                (Loaded::Ticket(ticket), _) => tickets.push(*ticket),
                (Loaded::Unreadable(why), _) => {
                    without.push((service, texts::set_aside(lang, job.relocation, why)));
                }
                (Loaded::Missing, Standing::Rejected(rejection)) => {
                    without.push((service, rejection.to_string()));
                }
                (Loaded::Missing, _) => waiting += 1,
            }
        }
        tickets.sort_by_key(|ticket| (!ticket.state.service_down(), ticket.submitted_at, ticket.id));
        let mut all = Vec::new();
        offline::each(&*app.tickets, |_, loaded| {
            if let Loaded::Ticket(ticket) = loaded {
                all.push(*ticket);
            }
        })
        .await?;
        let network = Network::load(&*app.devices).await?;
        // A ticket set aside explains nothing, and what it holds is not a leak: its journal must be mended first.
        let quarantined = !app.tickets.quarantined().await?.is_empty();
        let found = if quarantined || driven.stopped { Vec::new() } else { audit(&all, &network) };
        let discrepancies = found.iter().map(ToString::to_string).collect();
        let data = data.display().to_string();
        Ok(Self { data, stopped: driven.stopped, took, tickets, without, waiting, discrepancies })
    }

    /// Whether all succeeded and the devices hold exactly that.
    pub(super) fn good(&self) -> bool {
        let succeeded = |ticket: &Ticket| ticket.state.relocation == RelocationStatus::Succeeded;
        self.tickets.iter().all(succeeded)
            && self.without.is_empty()
            && self.waiting == 0
            && self.discrepancies.is_empty()
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
            .map(|(service, why)| json!({ "service_id": service, "reason": why }))
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
            "discrepancies": self.discrepancies,
        });
        Ok(serde_json::to_string_pretty(&document)? + "\n")
    }

    /// For people.
    pub(super) fn page(&self, lang: Lang) -> String {
        let mut table = tables::table(&[
            texts::head_relocation(lang),
            texts::head_reservation(lang),
            texts::head_cutover(lang),
            texts::head_disposition(lang),
            texts::head_count(lang),
        ]);
        for ((status, reservation, cutover, disposition), count) in self.counts() {
            table.add_row([
                Cell::new(tables::relocation(lang, status)),
                Cell::new(tables::reservation(lang, reservation)),
                Cell::new(tables::cutover(lang, cutover)),
                Cell::new(tables::disposition(lang, disposition)),
                tables::number(count),
            ]);
        }
        let mut lines = vec![tables::text(&table)];
        lines.extend(self.unsuccessful(lang));
        lines.extend(self.without.iter().map(|(service, why)| format!("{service}: {why}")));
        if self.discrepancies.is_empty() && !self.stopped {
            lines.push(texts::devices_agree(lang));
        }
        lines.extend(self.discrepancies.iter().cloned());
        if self.stopped {
            lines.push(texts::stopped(lang, self.waiting));
        }
        lines.push(texts::look_further(lang, &self.data, format!("{:.1}", self.took.as_secs_f64())));
        lines.join("\n") + "\n"
    }

    fn unsuccessful(&self, lang: Lang) -> Vec<String> {
        let others: Vec<&Ticket> = self
            .tickets
            .iter()
            .filter(|ticket| ticket.state.relocation != RelocationStatus::Succeeded)
            .collect();
        let mut lines: Vec<String> = others.iter().take(LISTED).map(|ticket| line(lang, ticket)).collect();
        if others.len() > LISTED {
            lines.push(texts::and_more(lang, others.len() - LISTED));
        }
        lines
    }
}

/// One ticket: where it stands, what failed last, what a person may do now.
fn line(lang: Lang, ticket: &Ticket) -> String {
    let state = &ticket.state;
    let failure = ticket.last_failure.as_ref().map(|(layer, failure)| format!("; {layer} {failure}"));
    let may: Vec<&str> = action::actions(state)
        .into_iter()
        .filter_map(|(kind, allowed)| allowed.is_ok().then(|| kind.wire()))
        .collect();
    let may =
        if may.is_empty() { String::new() } else { format!("; {}", texts::may_now(lang, may.join(", "))) };
    format!(
        "{}  {} / {} / {}{}{may}",
        ticket.request.service_id,
        tables::relocation(lang, state.relocation),
        tables::reservation(lang, state.reservation),
        tables::cutover(lang, state.cutover),
        failure.unwrap_or_default(),
    )
}
