//! The diagram's states and arrows, drawn from the table: all that it reaches, projected onto what an operator sees.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    action::work_label,
    lang::Lang,
    order::Layer,
    state::{State, Work},
    status::{CutoverStatus as C, Disposition, RelocationStatus as R, ReservationStatus as P},
    table::{self, ROWS},
};

/// A state of the diagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Node {
    /// Before there is a ticket.
    Start,
    /// Row 1.
    Submitted,
    L3Reserving,
    L2Reserving,
    /// R=failed, by reservation status.
    Failed(P),
    /// R=failed, on the way to be closed.
    Cancelling,
    /// R=cutover_pending, waiting for a person or the window.
    Ready,
    /// R=cutover_pending, L3's cutover out.
    CuttingOver,
    /// R=cutover_pending, by cutover status.
    Cutover(C),
    Succeeded,
    Abnormal,
    Cancelled,
}

/// States that stand together, so that an arrow that leaves each of them may leave them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Group {
    /// R=reservation_pending.
    Pending,
    /// R=failed.
    Failed,
    /// Of those, the ones that row 9 forces on.
    Forceable,
    /// R=cutover_pending. Stands for no arrow: it is only framed.
    Cutover,
    /// Rows 12–14.
    Half,
}

/// Where an arrow begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Spot {
    Node(Node),
    Group(Group),
}

/// An arrow with the rows that take it, in the table's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrow {
    pub(super) from: Spot,
    pub(super) to: Node,
    pub(super) rows: Vec<&'static str>,
}

/// The rows that leave a node where it is, in the table's order.
pub(super) type Loops = BTreeMap<Node, Vec<&'static str>>;

impl Node {
    pub(super) const ALL: [Self; 20] = [
        Self::Start,
        Self::Submitted,
        Self::L3Reserving,
        Self::L2Reserving,
        Self::Failed(P::L3ReservationFailed),
        Self::Failed(P::L2ReservationFailed),
        Self::Failed(P::L2RolledBack),
        Self::Failed(P::L2RollbackFailed),
        Self::Cancelling,
        Self::Ready,
        Self::CuttingOver,
        Self::Cutover(C::L3CutOver),
        Self::Cutover(C::L3CutoverFailed),
        Self::Cutover(C::L2TeardownFailed),
        Self::Cutover(C::L3TeardownFailedInstalled),
        Self::Cutover(C::L3TornDownInstallFailed),
        Self::Cutover(C::L3TeardownAndInstallFailed),
        Self::Succeeded,
        Self::Abnormal,
        Self::Cancelled,
    ];

    pub(super) fn of(state: &State) -> Self {
        match (state.disposition, state.relocation, state.cutover) {
            (Disposition::Cancelled, ..) => Self::Cancelled,
            (_, R::Succeeded, _) => Self::Succeeded,
            (_, R::Abnormal, _) => Self::Abnormal,
            (_, R::ReservationPending, _) => match (state.reservation, state.l3) {
                (Some(_), _) => Self::L2Reserving,
                (None, Some(_)) => Self::L3Reserving,
                (None, None) => Self::Submitted,
            },
            (_, R::Failed, _) => match state.reservation.filter(|_| !state.cancelling) {
                Some(reservation) => Self::Failed(reservation),
                None => Self::Cancelling,
            },
            (_, R::CutoverPending, _) if state.work(Layer::L3) == Some(Work::CuttingOver) => {
                Self::CuttingOver
            }
            (_, R::CutoverPending, Some(cutover)) => Self::Cutover(cutover),
            (_, R::CutoverPending, None) => Self::Ready,
        }
    }

    /// What it is called.
    pub(super) fn title(self, lang: Lang) -> String {
        match self {
            Self::Start => String::new(),
            Self::Submitted => lang.pick("Submitted", "已提交").to_owned(),
            Self::L3Reserving => doing(Layer::L3, Work::Reserving, lang),
            Self::L2Reserving => P::L3Reserved.label(lang).to_owned(),
            Self::Failed(reservation) => reservation.label(lang).to_owned(),
            Self::Cancelling => lang.pick("Being cancelled", "取消中").to_owned(),
            Self::Ready => lang.pick("Reserved, or forced on", "预占成功或强制竣工").to_owned(),
            Self::CuttingOver => doing(Layer::L3, Work::CuttingOver, lang),
            Self::Cutover(cutover) => cutover.label(lang).to_owned(),
            Self::Succeeded => R::Succeeded.label(lang).to_owned(),
            Self::Abnormal => R::Abnormal.label(lang).to_owned(),
            Self::Cancelled => Disposition::Cancelled.label(lang).to_owned(),
        }
    }

    /// What else is to be said: the status's wire name, or what is going on.
    pub(super) fn remark(self, lang: Lang) -> String {
        match self {
            Self::Start | Self::L3Reserving | Self::CuttingOver => String::new(),
            Self::Submitted => lang.pick("waits for a person if held", "hold 时等待人工部署").to_owned(),
            Self::L2Reserving => format!("{} · {}", P::L3Reserved, doing(Layer::L2, Work::Reserving, lang)),
            Self::Failed(reservation) => reservation.to_string(),
            Self::Cancelling => lang.pick("until nothing is held", "直至全部释放").to_owned(),
            Self::Ready => lang.pick("waits for a person or the window", "等待人工部署或切换窗口").to_owned(),
            Self::Cutover(C::L3CutOver) => {
                format!("{} · {}", C::L3CutOver, doing(Layer::L2, Work::CuttingOver, lang))
            }
            Self::Cutover(cutover) => cutover.to_string(),
            Self::Succeeded => format!("{} · {}", R::Succeeded, C::CutOver),
            Self::Abnormal => R::Abnormal.to_string(),
            Self::Cancelled => format!("{} · {}", R::Failed, Disposition::Cancelled),
        }
    }
}

fn doing(layer: Layer, work: Work, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{layer} {}", work_label(work, lang)),
        Lang::Zh => format!("{}{}中", layer.label(lang), work_label(work, lang)),
    }
}

impl Group {
    pub(super) const ALL: [Self; 5] =
        [Self::Pending, Self::Failed, Self::Forceable, Self::Cutover, Self::Half];

    /// The groups that arrows may leave, the widest first.
    const LEAVING: [Self; 4] = [Self::Failed, Self::Pending, Self::Forceable, Self::Half];

    pub(super) fn nodes(self) -> Vec<Node> {
        let inside = |node: &Node| match (self, *node) {
            (Self::Pending, node) => matches!(node, Node::Submitted | Node::L3Reserving | Node::L2Reserving),
            (Self::Failed, node) => matches!(node, Node::Failed(_)),
            (Self::Forceable, Node::Failed(reservation)) => reservation != P::L2ReservationFailed,
            (Self::Cutover, node) => matches!(node, Node::Ready | Node::CuttingOver | Node::Cutover(_)),
            (Self::Half, Node::Cutover(cutover)) => matches!(
                cutover,
                C::L3TeardownFailedInstalled | C::L3TornDownInstallFailed | C::L3TeardownAndInstallFailed
            ),
            (Self::Forceable | Self::Half, _) => false,
        };
        Node::ALL.into_iter().filter(inside).collect()
    }

    /// What its frame says.
    pub(super) fn title(self, lang: Lang) -> String {
        let status = |status: R| format!("{} · {status}", status.label(lang));
        match self {
            Self::Pending => status(R::ReservationPending),
            Self::Failed => status(R::Failed),
            Self::Cutover => status(R::CutoverPending),
            Self::Forceable => lang.pick("may be forced on", "允许强制移机预占竣工").to_owned(),
            Self::Half => lang.pick("L2 cuts over all the same", "仍进行二层移机切换").to_owned(),
        }
    }
}

/// All arrows, and the rows that stay where they are. The side and doubt rows (`S…`, `D…`) change no status and are left
/// to the table.
pub(super) fn graph() -> (Vec<Arrow>, Loops) {
    let mut found: BTreeMap<(Node, Node), BTreeSet<usize>> = BTreeMap::new();
    let (_, edges) = table::explore(|_| true);
    for edge in edges.iter().filter(|edge| !edge.row.id.starts_with(['S', 'D'])) {
        let (from, to) = (Node::of(&edge.from), Node::of(&edge.row.apply(&edge.from)));
        let index = ROWS.iter().position(|row| row.id == edge.row.id);
        found.entry((from, to)).or_default().extend(index);
    }
    let ids =
        |rows: &BTreeSet<usize>| rows.iter().filter_map(|index| ROWS.get(*index)).map(|row| row.id).collect();
    let loops = found.iter().filter(|((from, to), _)| from == to).map(|((node, _), rows)| (*node, ids(rows)));
    let loops: Loops = loops.collect();
    let mut arrows: BTreeMap<(Node, Node), Vec<&'static str>> =
        found.iter().filter(|((from, to), _)| from != to).map(|(ends, rows)| (*ends, ids(rows))).collect();
    let mut all =
        vec![Arrow { from: Spot::Node(Node::Start), to: Node::Submitted, rows: vec![table::SUBMITTED] }];
    for group in Group::LEAVING {
        all.extend(gather(&mut arrows, group));
    }
    let single =
        |((from, to), rows): ((Node, Node), Vec<&'static str>)| Arrow { from: Spot::Node(from), to, rows };
    all.extend(arrows.into_iter().map(single));
    (all, loops)
}

/// Replaces arrows that leave every node of a group for the same node, by the same rows, by one that leaves the group.
fn gather(arrows: &mut BTreeMap<(Node, Node), Vec<&'static str>>, group: Group) -> Vec<Arrow> {
    let nodes = group.nodes();
    let mut gathered = Vec::new();
    for to in Node::ALL {
        let rows: Vec<_> = nodes.iter().map(|from| arrows.get(&(*from, to))).collect();
        let Some(Some(first)) = rows.first().copied() else { continue };
        if rows.iter().all(|rows| *rows == Some(first)) {
            gathered.push(Arrow { from: Spot::Group(group), to, rows: first.clone() });
            for from in &nodes {
                arrows.remove(&(*from, to));
            }
        }
    }
    gathered
}
