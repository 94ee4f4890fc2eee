//! What a ticket waits for, and the standing that lists and counts go by.

use crate::{
    order::Layer,
    state::{Flight, State, Work},
    status::{Attention, CutoverStatus, Disposition, RelocationStatus, ReservationStatus, Side},
    ticket::Ticket,
};

impl Ticket {
    /// What it waits for.
    #[must_use]
    pub fn attention(&self) -> Attention {
        let state = &self.state;
        if state.is_closed() {
            return Attention::Closed;
        }
        if state.service_down() {
            return Attention::WithoutService;
        }
        self.under_way().unwrap_or_else(|| {
            if self.held_back {
                Attention::HeldBack
            } else {
                decision(state).unwrap_or(if self.window_due().is_some() {
                    Attention::WaitingForWindow
                } else {
                    Attention::AwaitingDeploy
                })
            }
        })
    }

    /// What the orders that are out make it wait for; none if none is out that anything waits for.
    fn under_way(&self) -> Option<Attention> {
        // A notice keeps nobody from anything, but for what is done about a cutover that failed (rows 18, 20).
        let gates = |flight: &Flight| flight.work != Work::Noticing || self.state.cutover.is_some();
        let out = || {
            Layer::ALL
                .into_iter()
                .filter_map(|layer| Some((self.state.flight(layer).filter(gates)?, self.out(layer))))
        };
        out().next()?;
        let doubt = out().any(|(flight, _)| flight.doubt);
        let retrying = out().any(|(_, out)| out.is_some_and(|out| out.retrying.is_some()));
        Some(if doubt {
            Attention::InDoubt
        } else if retrying {
            Attention::Retrying
        } else {
            Attention::Running
        })
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            relocation: self.state.relocation,
            reservation: self.state.reservation,
            cutover: self.state.cutover,
            disposition: self.state.disposition,
            attention: self.attention(),
        }
    }
}

/// What a person has to decide about a ticket nothing is under way for; none if nothing failed that still matters: what
/// failed before a forced reservation does not.
fn decision(state: &State) -> Option<Attention> {
    let failed = state.relocation == RelocationStatus::Failed;
    let reservation_kept = failed
        && (state.reservation == Some(ReservationStatus::L2RollbackFailed)
            || state.l3_reservation_rollback == Side::Failed);
    if reservation_kept || state.install_rollback == Side::Failed {
        Some(Attention::UndoFailed)
    } else if state.cutover.is_some() {
        Some(Attention::CutoverFailed)
    } else if failed {
        Some(Attention::ReservationFailed)
    } else {
        None
    }
}

/// How a ticket stands: all that lists are filtered and counted by, of which there are few different ones however many
/// tickets there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Standing {
    /// 移机状态.
    pub relocation: RelocationStatus,
    /// 移机预占状态.
    pub reservation: Option<ReservationStatus>,
    /// 移机切换状态.
    pub cutover: Option<CutoverStatus>,
    /// Open, or closed how.
    pub disposition: Disposition,
    /// What it waits for.
    pub attention: Attention,
}

impl Standing {
    /// It as one number, which stores keep: digits of different bases, from the least on the relocation status (5), the
    /// reservation status (7) and the cutover status (8), 0 for unset, the disposition (4), and what it waits for. A
    /// value that is added to [`Attention`] later comes after those there are, wherever it ranks: a number once stored
    /// keeps its meaning.
    #[must_use]
    pub fn code(self) -> i16 {
        let unset = |position: Option<i16>| position.map_or(0, |position| position + 1);
        let mut code = self.attention as i16;
        code = code * DISPOSITIONS + self.disposition as i16;
        code = code * CUTOVERS + unset(self.cutover.map(|status| status as i16));
        code = code * RESERVATIONS + unset(self.reservation.map(|status| status as i16));
        code * RELOCATIONS + self.relocation as i16
    }

    /// What a number stands for; none if it is none that this binary knows.
    #[must_use]
    pub fn of(code: i16) -> Option<Self> {
        let mut left = code;
        let mut digit = |base: i16| {
            let digit = left.rem_euclid(base);
            left = left.div_euclid(base);
            usize::try_from(digit).ok()
        };
        let relocation = at(RelocationStatus::ALL, digit(RELOCATIONS)?)?;
        let reservation = or_unset(ReservationStatus::ALL, digit(RESERVATIONS)?)?;
        let cutover = or_unset(CutoverStatus::ALL, digit(CUTOVERS)?)?;
        let disposition = at(Disposition::ALL, digit(DISPOSITIONS)?)?;
        let attention = at(Attention::ALL, usize::try_from(left).ok()?)?;
        Some(Self { relocation, reservation, cutover, disposition, attention })
    }
}

const RELOCATIONS: i16 = 5;
const RESERVATIONS: i16 = 7;
const CUTOVERS: i16 = 8;
const DISPOSITIONS: i16 = 4;

fn at<T: Copy>(all: &[T], position: usize) -> Option<T> {
    all.get(position).copied()
}

fn or_unset<T: Copy>(all: &[T], position: usize) -> Option<Option<T>> {
    match position.checked_sub(1) {
        None => Some(None),
        Some(position) => at(all, position).map(Some),
    }
}
