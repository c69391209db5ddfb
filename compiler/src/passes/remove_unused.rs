//! Removal of what no output depends on.

use super::{Pass, Rewrite};
use crate::error::Result;
use crate::ir::NodeId;
use crate::ops::Graph;

pub(super) const PASS: Pass = Pass {
    name: "remove-unused",
    about: "Removes nodes that no output of the network depends on.",
    rules: &[],
    sweeps: true,
};

/// Removes unused nodes; reports the operators among them.
pub(super) fn remove(graph: &mut Graph) -> Result<Option<Rewrite>> {
    let operators: Vec<(NodeId, String)> = (graph.order()?.into_iter())
        .filter(|&node| graph.operator(node).is_some())
        .map(|node| (node, graph.node(node).name.clone()))
        .collect();
    graph.remove_unused();
    let nodes: Vec<String> = (operators.into_iter())
        .filter(|(node, _)| !graph.contains(*node))
        .map(|(_, name)| name)
        .collect();
    let what = "removed: no output depends on it".to_owned();
    Ok((!nodes.is_empty()).then_some(Rewrite { nodes, what }))
}
