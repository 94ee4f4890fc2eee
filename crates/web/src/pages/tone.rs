//! How statuses look: a shape and a colour beside the word, so that none of the three is needed alone.

use rehome_domain::{
    lang::Lang,
    status::{
        Attention, CutoverStatus as C, Disposition, RelocationStatus as R, ReservationStatus as P, Side,
    },
};

/// A status as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chip {
    /// The class that has its shape and colour.
    pub(super) tone: &'static str,
    /// What it says.
    pub(super) label: String,
    /// Its name on the wire.
    pub(super) wire: &'static str,
}

impl Chip {
    fn new(tone: &'static str, label: &str, wire: &'static str) -> Self {
        Self { tone, label: label.to_owned(), wire }
    }

    fn unset(lang: Lang) -> Self {
        Self::new("unset", lang.pick("not begun", "未开始"), "unset")
    }
}

pub(super) fn relocation(lang: Lang, status: R) -> Chip {
    let tone = match status {
        R::ReservationPending | R::CutoverPending => "waiting",
        R::Failed => "failed",
        R::Abnormal => "ended",
        R::Succeeded => "good",
    };
    Chip::new(tone, status.label(lang), status.wire())
}

pub(super) fn reservation(lang: Lang, status: Option<P>) -> Chip {
    let Some(status) = status else { return Chip::unset(lang) };
    let tone = match status {
        P::L3Reserved => "running",
        P::Reserved => "good",
        P::L3ReservationFailed | P::L2ReservationFailed | P::L2RolledBack => "failed",
        P::L2RollbackFailed => "bad",
    };
    Chip::new(tone, status.label(lang), status.wire())
}

pub(super) fn cutover(lang: Lang, status: Option<C>) -> Chip {
    let Some(status) = status else { return Chip::unset(lang) };
    let tone = match status {
        C::L3CutOver => "running",
        C::CutOver => "good",
        C::L3TornDownInstallFailed => "down",
        C::L3CutoverFailed
        | C::L2TeardownFailed
        | C::L3TeardownFailedInstalled
        | C::L3TeardownAndInstallFailed => "bad",
    };
    Chip::new(tone, status.label(lang), status.wire())
}

pub(super) fn attention(lang: Lang, attention: Attention) -> Chip {
    let tone = match attention {
        Attention::WithoutService => "down",
        Attention::UndoFailed | Attention::CutoverFailed => "bad",
        Attention::ReservationFailed => "failed",
        Attention::AwaitingDeploy => "person",
        Attention::Retrying => "retrying",
        Attention::InDoubt => "doubt",
        Attention::Running => "running",
        Attention::HeldBack | Attention::WaitingForWindow => "waiting",
        Attention::Closed => "ended",
    };
    Chip::new(tone, attention.label(lang), attention.wire())
}

pub(super) fn disposition(lang: Lang, disposition: Disposition) -> Chip {
    let tone = match disposition {
        Disposition::Open => "running",
        Disposition::Completed => "good",
        Disposition::Forced | Disposition::Cancelled => "ended",
    };
    Chip::new(tone, disposition.label(lang), disposition.wire())
}

pub(super) fn side(lang: Lang, side: Side) -> Chip {
    let tone = match side {
        Side::None => "unset",
        Side::Pending => "running",
        Side::Done => "good",
        Side::Failed => "bad",
    };
    Chip::new(tone, side.label(lang), side.wire())
}
