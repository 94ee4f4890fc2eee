//! Where everything stands on the page. This alone is laid by hand, in the diagram's own units.
//!
//! Left to right as time goes: reservation, then cutover; what failed stands below what it came from.

use super::graph::{Group, Node, Spot};
use crate::status::{CutoverStatus as C, ReservationStatus as P};

/// A point: x, y.
pub(super) type Point = (i32, i32);

pub(super) const WIDTH: i32 = 1912;
/// Down to where the key begins.
pub(super) const HEIGHT: i32 = 700;
pub(super) const NODE_WIDTH: i32 = 216;
pub(super) const NODE_HEIGHT: i32 = 62;

/// The columns.
const X: [i32; 7] = [48, 308, 568, 872, 1132, 1392, 1668];
/// The rows.
const Y: [i32; 4] = [104, 252, 420, 604];

/// A node's upper left corner; the start is a dot, this is its middle.
pub(super) fn corner(node: Node) -> Point {
    if matches!(node, Node::Start) {
        return (X[0] + NODE_WIDTH / 2, 34);
    }
    let (column, row) = cell(node);
    (X[column], Y[row])
}

/// A node's column and row, in every picture of the states.
pub(super) const fn cell(node: Node) -> (usize, usize) {
    match node {
        Node::Start | Node::Submitted => (0, 0),
        Node::L3Reserving => (1, 0),
        Node::L2Reserving => (2, 0),
        Node::Failed(P::L2ReservationFailed) => (2, 1),
        Node::Failed(P::L2RolledBack | P::L3Reserved | P::Reserved) => (1, 2),
        Node::Failed(P::L3ReservationFailed) => (0, 2),
        Node::Failed(P::L2RollbackFailed) => (2, 2),
        Node::Cancelling => (0, 3),
        Node::Cancelled => (1, 3),
        Node::Ready => (3, 0),
        Node::CuttingOver => (4, 0),
        Node::Cutover(C::L3CutOver | C::CutOver) => (5, 0),
        Node::Cutover(C::L3CutoverFailed) => (3, 1),
        Node::Cutover(C::L2TeardownFailed) => (5, 1),
        Node::Cutover(C::L3TeardownFailedInstalled) => (3, 2),
        Node::Cutover(C::L3TornDownInstallFailed) => (4, 2),
        Node::Cutover(C::L3TeardownAndInstallFailed) => (5, 2),
        Node::Succeeded => (6, 0),
        Node::Abnormal => (6, 2),
    }
}

/// A group's frame: left, top, right, bottom.
pub(super) const fn frame(group: Group) -> (i32, i32, i32, i32) {
    match group {
        Group::Pending => (28, 62, 804, 186),
        Group::Failed => (28, 214, 804, 526),
        Group::Forceable => (38, 384, 794, 510),
        Group::Cutover => (852, 62, 1628, 526),
        Group::Half => (862, 384, 1618, 510),
    }
}

/// An arrow's way: its corners from start to head, and where its rows are written.
pub(super) struct Route {
    pub(super) from: Spot,
    pub(super) to: Node,
    pub(super) way: &'static [Point],
    pub(super) badge: Point,
}

const fn node(from: Node, to: Node, way: &'static [Point], badge: Point) -> Route {
    Route { from: Spot::Node(from), to, way, badge }
}

const fn group(from: Group, to: Node, way: &'static [Point], badge: Point) -> Route {
    Route { from: Spot::Group(from), to, way, badge }
}

const HALF_TEARDOWN: Node = Node::Cutover(C::L3TeardownFailedInstalled);
const HALF_INSTALL: Node = Node::Cutover(C::L3TornDownInstallFailed);
const HALF_BOTH: Node = Node::Cutover(C::L3TeardownAndInstallFailed);
const L3_OVER: Node = Node::Cutover(C::L3CutOver);
const L3_UNKNOWN: Node = Node::Cutover(C::L3CutoverFailed);
const L2_LEFT: Node = Node::Cutover(C::L2TeardownFailed);
const L3_FAILED: Node = Node::Failed(P::L3ReservationFailed);
const L2_FAILED: Node = Node::Failed(P::L2ReservationFailed);
const ROLLED_BACK: Node = Node::Failed(P::L2RolledBack);
const STUCK: Node = Node::Failed(P::L2RollbackFailed);

/// Every arrow's way. A test holds it against the graph: none is missing, none is left over.
pub(super) const ROUTES: &[Route] = &[
    node(Node::Start, Node::Submitted, &[(156, 40), (156, 104)], (156, 62)),
    node(Node::Submitted, Node::L3Reserving, &[(264, 135), (308, 135)], (282, 135)),
    node(Node::L3Reserving, Node::L2Reserving, &[(524, 135), (568, 135)], (542, 135)),
    node(Node::L2Reserving, Node::Ready, &[(784, 124), (872, 124)], (828, 124)),
    node(Node::L3Reserving, L3_FAILED, &[(360, 166), (360, 360), (186, 360), (186, 420)], (360, 236)),
    node(Node::L2Reserving, L2_FAILED, &[(676, 166), (676, 252)], (676, 202)),
    node(L2_FAILED, ROLLED_BACK, &[(568, 283), (482, 283), (482, 420)], (482, 340)),
    node(L2_FAILED, STUCK, &[(676, 314), (676, 420)], (676, 350)),
    node(STUCK, ROLLED_BACK, &[(568, 451), (524, 451)], (550, 451)),
    node(L3_FAILED, Node::L3Reserving, &[(132, 420), (132, 320), (332, 320), (332, 166)], (132, 345)),
    node(ROLLED_BACK, Node::L3Reserving, &[(420, 420), (420, 166)], (420, 260)),
    group(Group::Forceable, Node::Ready, &[(794, 441), (822, 441), (822, 141), (872, 141)], (822, 300)),
    group(Group::Pending, Node::Cancelling, &[(28, 135), (14, 135), (14, 635), (48, 635)], (14, 575)),
    group(Group::Failed, Node::Cancelling, &[(110, 526), (110, 604)], (110, 562)),
    node(
        Node::Ready,
        Node::Cancelling,
        &[(872, 157), (838, 157), (838, 568), (204, 568), (204, 604)],
        (700, 568),
    ),
    node(Node::Cancelling, Node::Cancelled, &[(264, 635), (308, 635)], (282, 635)),
    node(Node::Ready, Node::CuttingOver, &[(1088, 135), (1132, 135)], (1106, 135)),
    node(Node::CuttingOver, L3_OVER, &[(1348, 135), (1392, 135)], (1366, 135)),
    node(Node::CuttingOver, L3_UNKNOWN, &[(1186, 166), (1186, 296), (1088, 296)], (1186, 220)),
    node(L3_UNKNOWN, Node::CuttingOver, &[(1088, 268), (1156, 268), (1156, 166)], (1156, 240)),
    node(Node::CuttingOver, HALF_TEARDOWN, &[(1210, 166), (1210, 358), (980, 358), (980, 420)], (1030, 358)),
    node(Node::CuttingOver, HALF_INSTALL, &[(1240, 166), (1240, 420)], (1240, 320)),
    group(Group::Half, Node::CuttingOver, &[(1270, 384), (1270, 166)], (1270, 280)),
    node(Node::CuttingOver, HALF_BOTH, &[(1300, 166), (1300, 358), (1500, 358), (1500, 420)], (1410, 358)),
    node(L3_OVER, Node::Succeeded, &[(1608, 128), (1668, 128)], (1638, 128)),
    node(L3_OVER, Node::CuttingOver, &[(1470, 104), (1470, 88), (1260, 88), (1260, 104)], (1365, 88)),
    node(L3_OVER, L3_UNKNOWN, &[(1392, 152), (1372, 152), (1372, 333), (930, 333), (930, 314)], (1372, 230)),
    node(L3_OVER, L2_LEFT, &[(1500, 166), (1500, 252)], (1500, 210)),
    node(L2_LEFT, Node::Succeeded, &[(1608, 268), (1720, 268), (1720, 166)], (1720, 225)),
    node(L2_LEFT, Node::Abnormal, &[(1608, 296), (1720, 296), (1720, 420)], (1720, 350)),
    group(Group::Half, Node::Abnormal, &[(1618, 451), (1668, 451)], (1638, 451)),
];

/// An arrow's way, if it has been laid.
pub(super) fn route(from: Spot, to: Node) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.from == from && route.to == to)
}

/// The middle of a node or of a group's frame: an arrow that nobody has laid yet goes straight from middle to middle.
pub(super) fn middle(spot: Spot) -> Point {
    match spot {
        Spot::Node(Node::Start) => corner(Node::Start),
        Spot::Node(node) => {
            let (x, y) = corner(node);
            (x + NODE_WIDTH / 2, y + NODE_HEIGHT / 2)
        }
        Spot::Group(group) => {
            let (left, top, right, bottom) = frame(group);
            (i32::midpoint(left, right), i32::midpoint(top, bottom))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::graph::graph;

    #[test]
    fn every_arrow_of_the_graph_has_been_laid_and_no_way_is_left_over() {
        let (arrows, _) = graph();
        let missing: Vec<_> = arrows.iter().filter(|arrow| route(arrow.from, arrow.to).is_none()).collect();
        assert!(missing.is_empty(), "not laid: {missing:?}");
        assert_eq!(arrows.len(), ROUTES.len(), "a way is laid for no arrow");
    }

    #[test]
    fn ways_are_made_of_straight_pieces_and_begin_and_end_at_what_they_join() {
        let at = |spot: Spot, (x, y): Point| {
            let (left, top, right, bottom) = match spot {
                Spot::Node(node) => {
                    let (left, top) = corner(node);
                    (left, top, left + NODE_WIDTH, top + NODE_HEIGHT)
                }
                Spot::Group(group) => frame(group),
            };
            let on_side = (x == left || x == right) && (top..=bottom).contains(&y);
            on_side || (y == top || y == bottom) && (left..=right).contains(&x)
        };
        for Route { from, to, way, badge } in ROUTES {
            let straight = |pair: &[Point]| pair[0].0 == pair[1].0 || pair[0].1 == pair[1].1;
            assert!(way.windows(2).all(straight), "{from:?} to {to:?} is askew");
            assert!(
                *from == Spot::Node(Node::Start) || at(*from, way[0]),
                "{from:?} to {to:?} begins in the air"
            );
            assert!(at(Spot::Node(*to), way[way.len() - 1]), "{from:?} to {to:?} ends in the air");
            let between = |a: i32, b: i32, at: i32| (a.min(b)..=a.max(b)).contains(&at);
            let on_way = |pair: &[Point]| {
                between(pair[0].0, pair[1].0, badge.0) && between(pair[0].1, pair[1].1, badge.1)
            };
            assert!(way.windows(2).any(on_way), "the badge from {from:?} to {to:?} is not on its way");
        }
    }

    #[test]
    fn no_two_nodes_stand_in_the_same_place() {
        let mut corners: Vec<Point> = Node::ALL.into_iter().map(corner).collect();
        corners.sort_unstable();
        assert!(corners.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
