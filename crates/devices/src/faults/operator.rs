//! A scripted person.

use rehome_domain::{
    command::CommandKind,
    event::Event,
    state::State,
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
};

use super::FaultPlan;
use crate::pattern::Pattern;

/// A rule for the scripted person. A status that is not given matches any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OperatorRule {
    pub(super) service: Option<Pattern>,
    pub(super) relocation: Option<RelocationStatus>,
    /// Some(None): it must be unset.
    pub(super) reservation: Option<Option<ReservationStatus>>,
    pub(super) cutover: Option<Option<CutoverStatus>>,
    pub(super) command: CommandKind,
    pub(super) reason: String,
}

/// Where a ticket stands, as far as a person looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing<'a> {
    /// The circuit.
    pub service_id: &'a str,
    /// 移机状态.
    pub relocation: RelocationStatus,
    /// 移机预占状态.
    pub reservation: Option<ReservationStatus>,
    /// 移机切换状态.
    pub cutover: Option<CutoverStatus>,
    /// Open, or closed how.
    pub disposition: Disposition,
    /// Whether an order is out: the person waits.
    pub in_flight: bool,
}

impl<'a> Standing<'a> {
    /// Where a ticket of this circuit stands.
    #[must_use]
    pub const fn new(service_id: &'a str, state: &State) -> Self {
        Self {
            service_id,
            relocation: state.relocation,
            reservation: state.reservation,
            cutover: state.cutover,
            disposition: state.disposition,
            in_flight: state.in_flight(),
        }
    }
}

impl<'a> From<&'a Event> for Standing<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            service_id: &event.service_id,
            relocation: event.status,
            reservation: event.reservation,
            cutover: event.cutover,
            disposition: event.disposition,
            in_flight: event.in_flight,
        }
    }
}

/// What the scripted person does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorAct<'a> {
    /// The rule, by its place in the plan: to be given as used from now on for this ticket. Good for the command's
    /// message id too, so that a run started again does not give it twice.
    pub rule: usize,
    /// The command.
    pub command: CommandKind,
    /// Why.
    pub reason: &'a str,
}

impl FaultPlan {
    /// What the scripted person does about a ticket that stands so: the first rule that matches and is not among those
    /// already used for this ticket. Nothing while an order is out, and nothing about a closed ticket.
    #[must_use]
    pub fn operator(&self, standing: &Standing<'_>, used: &[usize]) -> Option<OperatorAct<'_>> {
        if standing.in_flight || standing.disposition != Disposition::Open {
            return None;
        }
        let mut rules = self.operators.iter().enumerate();
        rules.find_map(|(rule, said)| {
            let hits = !used.contains(&rule)
                && said.service.as_ref().is_none_or(|pattern| pattern.matches(standing.service_id))
                && said.relocation.is_none_or(|status| status == standing.relocation)
                && said.reservation.is_none_or(|status| status == standing.reservation)
                && said.cutover.is_none_or(|status| status == standing.cutover);
            hits.then_some(OperatorAct { rule, command: said.command, reason: &said.reason })
        })
    }
}
