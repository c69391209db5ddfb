//! The rules that every graph keeps.

use super::graph::same_but_names;
use super::{Graph, Kind, Operator};
use crate::error::{Error, Result};

/// Checks that the graph is whole: no circles, every operand an existing
/// output, every type what its operator infers.
///
/// # Errors
/// [`crate::ErrorKind::Internal`], naming the first node that breaks a rule.
pub fn verify<O: Operator>(graph: &Graph<O>) -> Result<()> {
    for output in graph.outputs() {
        let exists = graph.contains(output.value.node)
            && output.value.output < graph.node(output.value.node).outputs.len();
        if !exists {
            return Err(Error::internal(format!("output `{}` comes from nowhere", output.name)));
        }
    }
    for node in graph.order()? {
        let Kind::Operator(operator) = &graph.node(node).kind else { continue };
        let wrong = |message: String| {
            Error::internal(message).node(graph.node(node).name.as_str()).operator(operator.name())
        };
        let operands = graph.operands(node);
        for value in operands.iter().flatten() {
            if value.output >= graph.node(value.node).outputs.len() {
                return Err(wrong("an operand comes from nowhere".into()));
            }
        }
        let known: Vec<_> = operands.iter().map(|v| v.map(|v| graph.operand_of(v))).collect();
        let inferred = operator.infer(&known).map_err(|e| wrong(e.to_string()))?;
        let found = &graph.node(node).outputs;
        let same = found.len() == inferred.len()
            && found.iter().zip(&inferred).all(|(found, inferred)| same_but_names(found, inferred));
        if !same {
            let shown = |types: &[super::TensorType]| {
                types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            };
            return Err(wrong(format!(
                "outputs are {}, but the operator gives {}",
                shown(&graph.node(node).outputs),
                shown(&inferred)
            )));
        }
    }
    Ok(())
}
