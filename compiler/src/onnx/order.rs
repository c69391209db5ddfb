//! Which names there are, and in which order the nodes can be read.

use super::names::{Names, captured};
use super::operator_name;
use crate::error::{Error, Result, printable};
use onnx_protobuf::NodeProto;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// What a node is called in messages: its name, or that of its first output.
pub(super) fn label(node: &NodeProto) -> &str {
    match node.name.as_str() {
        "" => node.output.iter().map(String::as_str).find(|name| !name.is_empty()).unwrap_or(""),
        name => name,
    }
}

/// The error, with the name of the node and its operator.
pub(super) fn at_node(node: &NodeProto, error: Error) -> Error {
    error.node(label(node)).operator(operator_name(node))
}

/// The nodes, each after what it reads and otherwise as they are written
/// (Kahn's algorithm, the earliest ready node first). A node also reads what
/// the graphs in its attributes read.
///
/// # Errors
/// Where a value is defined twice, a node reads what nothing defines, or nodes
/// read each other in a circle.
pub(super) fn order(nodes: &[NodeProto], names: &Names<'_>) -> Result<Vec<usize>> {
    let producers = producers(nodes, &names.given)?;
    // For each node the nodes that it reads, and those that read it.
    let mut sources: Vec<Vec<usize>> = Vec::with_capacity(nodes.len());
    let mut readers = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        let mut read = Vec::new();
        let operands = node.input.iter().enumerate();
        let operands = operands.map(|(slot, name)| (Some(slot), name.as_str()));
        for (slot, name) in operands.chain(captured(node).into_iter().map(|name| (None, name))) {
            match producers.get(name) {
                Some(&producer) => {
                    read.push(producer);
                    readers[producer].push(index);
                }
                None if name.is_empty() || names.given.contains(name) => {}
                None if names.is_outside(name) => {}
                None => {
                    let reader = slot.map_or_else(
                        || "a value that its body reads".to_owned(),
                        |slot| format!("operand {slot}"),
                    );
                    let message =
                        format!("{reader} is `{}`, which nothing defines", printable(name));
                    return Err(at_node(node, Error::malformed(message)));
                }
            }
        }
        sources.push(read);
    }
    let mut waiting: Vec<usize> = sources.iter().map(Vec::len).collect();
    let ready = waiting.iter().enumerate().filter(|&(_, &count)| count == 0);
    let mut ready: BinaryHeap<_> = ready.map(|(index, _)| Reverse(index)).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for &reader in &readers[index] {
            waiting[reader] -= 1;
            if waiting[reader] == 0 {
                ready.push(Reverse(reader));
            }
        }
    }
    match in_circle(&waiting, &sources) {
        None => Ok(order),
        Some(index) => {
            let error = Error::malformed("this node depends on its own output");
            Err(at_node(&nodes[index], error))
        }
    }
}

/// Which node defines which value.
fn producers<'a>(
    nodes: &'a [NodeProto],
    given: &HashSet<String>,
) -> Result<HashMap<&'a str, usize>> {
    let mut producers = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            let earlier = producers.insert(name.as_str(), index).map(|i| label(&nodes[i]));
            let earlier = match earlier {
                Some(node) => format!("node `{}`", printable(node)),
                None if given.contains(name) => "an input or initializer".to_owned(),
                None => continue,
            };
            let message = format!(
                "output `{}` is defined already, by {earlier}; each value has one definition",
                printable(name)
            );
            return Err(at_node(node, Error::malformed(message)));
        }
    }
    Ok(producers)
}

/// A node of a circle, where some nodes still wait: whoever waits, waits for
/// another who waits, and following these leads around a circle.
fn in_circle(waiting: &[usize], sources: &[Vec<usize>]) -> Option<usize> {
    let mut node = waiting.iter().position(|&count| count > 0)?;
    let mut seen = HashSet::new();
    while seen.insert(node) {
        node = sources[node].iter().copied().find(|&source| waiting[source] > 0)?;
    }
    Some(node)
}
