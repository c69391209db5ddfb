//! Which nodes run only where a condition holds.
//!
//! The branches of an `If` are laid out one after the other and joined by
//! [`Op::Select`]. A node that nothing but one branch depends on is run only
//! where that branch is taken: it costs nothing otherwise, and what is wrong
//! with its operands then does not matter.

use crate::error::Result;
use crate::ir::{NodeId, Value};
use crate::ops::{Graph, Op};
use std::collections::BTreeMap;

/// A truth value, and whether it must hold.
pub(super) type Guard = (Value, bool);

/// The guards of every node that has some, the outermost first.
pub(super) fn guards(graph: &Graph) -> Result<BTreeMap<NodeId, Vec<Guard>>> {
    let order = graph.order()?;
    let position: BTreeMap<NodeId, usize> =
        order.iter().enumerate().map(|(position, &node)| (node, position)).collect();
    let mut guards: BTreeMap<NodeId, Vec<Guard>> = BTreeMap::new();
    for &node in order.iter().rev() {
        if let Some(common) = common(graph, &guards, node) {
            // What is computed before the condition cannot wait for it.
            let known = common
                .into_iter()
                .take_while(|(condition, _)| position.get(&condition.node) < position.get(&node));
            let known: Vec<_> = known.collect();
            if !known.is_empty() {
                guards.insert(node, known);
            }
        }
    }
    Ok(guards)
}

/// The guards that all readers of a node share.
fn common(
    graph: &Graph,
    guards: &BTreeMap<NodeId, Vec<Guard>>,
    node: NodeId,
) -> Option<Vec<Guard>> {
    let mut common: Option<Vec<Guard>> = None;
    for output in 0..graph.node(node).outputs.len() {
        let value = Value { node, output };
        if graph.is_output(value) {
            return None;
        }
        for (reader, slot) in graph.consumers(value) {
            let mut of_reader = guards.get(&reader).cloned().unwrap_or_default();
            if let (Some(Op::Select(_)), 1 | 2) = (graph.operator(reader), slot)
                && let Some(condition) = graph.operand(reader, 0)
            {
                of_reader.push((condition, slot == 1));
            }
            common = Some(match common {
                None => of_reader,
                Some(common) => {
                    let same = common.into_iter().zip(of_reader).take_while(|(a, b)| a == b);
                    same.map(|(guard, _)| guard).collect()
                }
            });
        }
    }
    common
}
