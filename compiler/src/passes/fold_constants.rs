//! Computation of what does not depend on the network's inputs.

use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, fold};
use crate::ops::Graph;
use crate::passes::patch::Patch;

pub(super) const PASS: Pass = Pass {
    name: "fold-constants",
    about: "Computes now what depends on constants, or on shapes, only.",
    rules: &[fold_constants],
    sweeps: false,
};

/// `f(constants) = constant`
fn fold_constants(graph: &Graph, node: NodeId) -> Outcome {
    let tensors = fold(graph, node)?.ok_or(Miss::NoPattern)?;
    let mut patch = Patch::new(&[node], "computed: it does not depend on the data");
    for (output, tensor) in tensors.into_iter().enumerate() {
        let constant = patch.constant(graph.node(node).name.clone(), tensor);
        patch.replace_output(node, output, constant);
    }
    Ok(patch)
}
