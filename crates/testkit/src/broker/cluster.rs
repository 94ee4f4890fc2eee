//! Three brokers on this machine that are one.

use std::time::{Duration, Instant};

use super::{Node, Vhost};

/// How long a queue may be without a leader that anybody knows.
const ELECTING: Duration = Duration::from_secs(60);

/// A cluster of three nodes, told apart by their names and ports. Needs root.
///
/// Its quorum queues have a member on each node, and outlive any one of them.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
}

impl Cluster {
    /// Starts one, and waits until all three take connections.
    ///
    /// # Panics
    /// If it can't be started.
    #[must_use]
    pub fn start() -> Self {
        let first = Node::prepare(true, |_| String::new());
        first.start_again();
        let joining = |own: &str| {
            format!(
                "cluster_formation.peer_discovery_backend = classic_config\n\
                 cluster_formation.classic_config.nodes.1 = {}\n\
                 cluster_formation.classic_config.nodes.2 = {own}\n",
                first.name()
            )
        };
        let others = [Node::prepare(true, joining), Node::prepare(true, joining)];
        others.iter().for_each(Node::begin);
        others.iter().for_each(Node::until_up);
        let cluster = Self { nodes: std::iter::once(first).chain(others).collect() };
        let told = cluster.eval("length(rabbit_nodes:all_running()).");
        assert_eq!(told.as_deref(), Some("3"), "the nodes did not come together");
        cluster
    }

    /// Its nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A vhost of one's own on it. It is managed by way of the first node.
    ///
    /// # Panics
    /// If that node does not run.
    #[must_use]
    pub fn vhost(&self) -> Vhost {
        self.nodes[0].vhost()
    }

    /// The URLs of all nodes, beginning with this one's, as a client of the cluster is told them.
    #[must_use]
    pub fn urls(&self, vhost: &Vhost, first: usize) -> String {
        let nodes = self.nodes.iter().cycle().skip(first % self.nodes.len()).take(self.nodes.len());
        nodes.map(|node| node.url(vhost)).collect::<Vec<_>>().join(",")
    }

    /// Waits until a quorum queue has a leader on a node that runs. Which.
    ///
    /// # Panics
    /// If it gets none.
    #[must_use]
    pub fn leader(&self, vhost: &Vhost, queue: &str) -> usize {
        let asking = format!(
            "{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"{}\">>, queue, <<\"{queue}\">>)), \
             {{Name, _}} = amqqueue:get_pid(Q), {{ok, _, {{_, Leader}}}} = ra:members({{Name, node()}}), Leader.",
            vhost.name()
        );
        let begun = Instant::now();
        loop {
            let told = self.eval(&asking);
            let leader = |node: &Node| node.is_running() && told.as_deref() == Some(node.name());
            if let Some(which) = self.nodes.iter().position(leader) {
                return which;
            }
            assert!(begun.elapsed() < ELECTING, "nobody leads {queue}: {told:?}");
        }
    }

    /// What a node that runs says, if it answers.
    fn eval(&self, expression: &str) -> Option<String> {
        let node = self.nodes.iter().find(|node| node.is_running())?;
        let output = node.ctl(&["-q", "eval", expression]);
        let told = String::from_utf8_lossy(&output.stdout);
        output.status.success().then(|| told.trim().trim_matches('\'').to_owned())
    }
}
