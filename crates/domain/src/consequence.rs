//! What will follow if a person gives a command now, in plain words: for whoever is about to force a ticket.
//!
//! Nothing is decided here. The row says what changes and what is sent, [`holding`](crate::holding) says what the devices
//! hold before it; the sentences are read off both, so they can't promise what will not happen.

use crate::{
    action::{self, WhyNot},
    command::CommandKind,
    holding::{self, End},
    lang::Lang,
    order::{Layer, OrderKind},
    reply::Presence,
    request::Spot,
    status::{Disposition, RelocationStatus as R, ReservationStatus as P},
    table::{self, Trigger},
    ticket::Ticket,
};

/// One thing that follows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Consequence {
    /// The customer is without service, and nothing will give it back any more.
    ServiceStaysDown,
    /// The ticket closes for good.
    Closes(Disposition),
    /// The relocation status changes.
    Becomes(R),
    /// An order goes out.
    Sends(Layer, OrderKind),
    /// This layer was never asked to reserve; its cutover installs at once.
    NeverReserved(Layer),
    /// This layer has given its reservation back; its cutover installs at once.
    GivenBack(Layer),
    /// This layer may still hold something of its reservation; its cutover settles it.
    MayHold(Layer, Spot),
    /// The target is locked again, and the command refused if somebody else has it by then.
    TakesLock,
    /// The target and the service are free for others.
    FreesLock,
    /// A person must deploy the cutover; the window will not.
    WaitsForDeploy {
        /// There is a window, and it is passed over.
        window: bool,
    },
    /// Until the cutover is deployed the service stays as it is, and the ticket can be cancelled.
    ServiceUntouched,
    /// What should be gone is still at an end, all or half of it: somebody must take it away by hand.
    StaysAt(Layer, Spot),
    /// What should be at the new place is not there.
    MissingAt(Layer, Spot),
    /// Nobody knows what this layer's device holds there.
    UnknownAt(Layer, Spot),
}

/// What follows from a command given to this ticket now, the gravest first.
///
/// # Errors
/// Why the table does not allow the command. (Rights, locks and pauses are the step's to check.)
pub fn of(ticket: &Ticket, kind: CommandKind) -> Result<Vec<Consequence>, WhyNot> {
    let row = action::allowed(&ticket.state, kind)?;
    let (before, after) = (ticket.state, row.apply(&ticket.state));
    let settled = table::find(&after, Trigger::Settled);
    let after = settled.map_or(after, |row| row.apply(&after));
    let mut all = Vec::new();
    if after.is_closed() {
        all.extend(before.service_lost.then_some(Consequence::ServiceStaysDown));
        all.push(Consequence::Closes(after.disposition));
    } else if after.relocation != before.relocation {
        all.push(Consequence::Becomes(after.relocation));
    }
    all.extend(row.orders(&before).into_iter().map(|(layer, order)| Consequence::Sends(layer, order)));
    match kind {
        CommandKind::ForceReservation => all.extend(forced_on(ticket)),
        CommandKind::ForceCompletion => all.extend(left_behind(ticket)),
        _ => {}
    }
    match (before.needs_lock(), after.needs_lock()) {
        (false, true) => all.push(Consequence::TakesLock),
        (true, false) => all.push(Consequence::FreesLock),
        _ => {}
    }
    if kind == CommandKind::ForceReservation {
        all.push(Consequence::WaitsForDeploy { window: ticket.request.window.is_some() });
        all.push(Consequence::ServiceUntouched);
    }
    Ok(all)
}

/// What the cutover of a forced reservation begins with. A layer that stays where it is has nothing to reserve.
fn forced_on(ticket: &Ticket) -> Vec<Consequence> {
    let moving = Layer::ALL.into_iter().filter(|layer| !ticket.request.stays_on(*layer));
    let holds = |layer| holding::allowed(ticket, layer, End::New);
    let l2_never_asked = ticket.state.reservation == Some(P::L3ReservationFailed);
    let mut all = Vec::new();
    for layer in moving {
        all.extend(match (holds(layer), layer) {
            ([Presence::Reserved], _) => None,
            ([Presence::Absent], Layer::L2) if l2_never_asked => Some(Consequence::NeverReserved(layer)),
            ([Presence::Absent], _) => Some(Consequence::GivenBack(layer)),
            _ => Some(Consequence::MayHold(layer, spot(ticket, layer, End::New))),
        });
    }
    all
}

/// What a forced completion leaves on the devices that a relocation which succeeded would not.
fn left_behind(ticket: &Ticket) -> Vec<Consequence> {
    let mut all = Vec::new();
    for layer in Layer::ALL {
        let stays = ticket.request.stays_on(layer);
        for end in [End::Old, End::New].into_iter().filter(|end| !stays || *end == End::New) {
            let spot = spot(ticket, layer, end);
            all.extend(match (holding::allowed(ticket, layer, end), end) {
                ([Presence::Absent], End::Old) | ([Presence::Installed], End::New) => None,
                (held, _) if held.len() == UNKNOWN => Some(Consequence::UnknownAt(layer, spot)),
                (_, End::Old) => Some(Consequence::StaysAt(layer, spot)),
                (_, End::New) => Some(Consequence::MissingAt(layer, spot)),
            });
        }
    }
    all
}

/// Where any of the four presences may be found, nobody knows.
const UNKNOWN: usize = 4;

fn spot(ticket: &Ticket, layer: Layer, end: End) -> Spot {
    let place = match end {
        End::Old => &ticket.request.old,
        End::New => &ticket.request.new,
    };
    match layer {
        Layer::L3 => place.l3(),
        Layer::L2 => place.l2(),
    }
}

impl Consequence {
    /// Whether it leaves a customer without service, or a person with work to do on a device.
    #[must_use]
    pub const fn is_grave(&self) -> bool {
        matches!(self, Self::ServiceStaysDown | Self::StaysAt(..) | Self::MissingAt(..) | Self::UnknownAt(..))
    }

    /// The sentence a person reads.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        match lang {
            Lang::En => self.english(),
            Lang::Zh => self.chinese(),
        }
    }

    fn english(&self) -> String {
        let lang = Lang::En;
        match self {
            Self::ServiceStaysDown => {
                "The customer is without service, and Rehome will do nothing more to give it back.".to_owned()
            }
            Self::Closes(Disposition::Forced) => format!(
                "The ticket closes as \u{201c}{}\u{201d} for good: nothing more is sent for it, and it can't be opened again.",
                R::Abnormal.label(lang)
            ),
            Self::Closes(how) => format!("The ticket closes for good: {}.", how.label(lang).to_lowercase()),
            Self::Becomes(status) => format!("The ticket becomes \u{201c}{}\u{201d}.", status.label(lang)),
            Self::Sends(layer, order) => {
                format!("{} is sent a work order: {}.", layer.label(lang), order.label(lang))
            }
            Self::NeverReserved(layer) => {
                format!("{layer} never reserved: its cutover will install everything at once.")
            }
            Self::GivenBack(layer) => {
                format!("{layer} holds no reservation any more: its cutover will install everything at once.")
            }
            Self::MayHold(layer, spot) => format!(
                "{layer} could not take its reservation back: {spot} may hold a part of it; the cutover puts it right."
            ),
            Self::TakesLock => {
                "The target is locked again; if another open relocation has it by then, this is refused."
                    .to_owned()
            }
            Self::FreesLock => "The target and the service are free for other relocations.".to_owned(),
            Self::WaitsForDeploy { window: false } => "Then a person must deploy the cutover.".to_owned(),
            Self::WaitsForDeploy { window: true } => {
                "Then a person must deploy the cutover: a forced ticket does not begin by its window."
                    .to_owned()
            }
            Self::ServiceUntouched => {
                "Until then the service stays at the old place, and the ticket can still be cancelled."
                    .to_owned()
            }
            Self::StaysAt(layer, spot) => format!(
                "{layer}: the old configuration may still be at {spot}: somebody must check and remove it by hand."
            ),
            Self::MissingAt(layer, spot) => {
                format!(
                    "{layer}: the service is not installed at {spot}: somebody must finish or clear it by hand."
                )
            }
            Self::UnknownAt(layer, spot) => {
                format!("{layer}: it is not known what is at {spot}: somebody must check it by hand.")
            }
        }
    }

    fn chinese(&self) -> String {
        let lang = Lang::Zh;
        match self {
            Self::ServiceStaysDown => "客户业务已中断，系统不会再采取任何恢复措施。".to_owned(),
            Self::Closes(Disposition::Forced) => {
                format!("工单将以“{}”永久关闭：不再发送任何工单，也不能重新打开。", R::Abnormal.label(lang))
            }
            Self::Closes(how) => format!("工单将永久关闭：{}。", how.label(lang)),
            Self::Becomes(status) => format!("工单变为“{}”。", status.label(lang)),
            Self::Sends(layer, order) => {
                format!("将向{}发送工单：{}。", layer.label(lang), order.label(lang))
            }
            Self::NeverReserved(layer) => {
                format!("{}从未预占：切换时将一次性全部安装。", layer.label(lang))
            }
            Self::GivenBack(layer) => {
                format!("{}已不再持有预占：切换时将一次性全部安装。", layer.label(lang))
            }
            Self::MayHold(layer, spot) => {
                format!("{}预占未能回滚：{spot} 可能残留部分配置，切换时将予以修正。", layer.label(lang))
            }
            Self::TakesLock => {
                "目标资源将重新锁定；若届时已被其他未关闭的移机单占用，则会被拒绝。".to_owned()
            }
            Self::FreesLock => "目标资源和业务将释放，可供其他移机单使用。".to_owned(),
            Self::WaitsForDeploy { window: false } => "之后需由人工部署移机切换。".to_owned(),
            Self::WaitsForDeploy { window: true } => {
                "之后需由人工部署移机切换：强制竣工的工单不会按切换窗口自动开始。".to_owned()
            }
            Self::ServiceUntouched => "在此之前业务保持在旧址，工单仍可取消。".to_owned(),
            Self::StaysAt(layer, spot) => {
                format!("{}：{spot} 可能仍有旧配置，需人工核查并清除。", layer.label(lang))
            }
            Self::MissingAt(layer, spot) => {
                format!("{}：{spot} 未安装业务，需人工补装或清理。", layer.label(lang))
            }
            Self::UnknownAt(layer, spot) => {
                format!("{}：{spot} 的实际配置未知，需人工核查。", layer.label(lang))
            }
        }
    }
}
