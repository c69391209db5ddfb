//! Which names there are, and in which order the nodes can be read.

use super::operator_name;
use crate::error::{Error, Result, printable};
use onnx_protobuf::{GraphProto, NodeProto};
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
/// (Kahn's algorithm, the earliest ready node first).
///
/// # Errors
/// Where a value is defined twice, a node reads what nothing defines, or nodes
/// read each other in a circle.
pub(super) fn order(graph: &GraphProto) -> Result<Vec<usize>> {
    let given = given_names(graph)?;
    let producers = producers(graph, &given)?;
    // For each node the nodes that it reads, and those that read it.
    let mut sources: Vec<Vec<usize>> = Vec::with_capacity(graph.node.len());
    let mut readers = vec![Vec::new(); graph.node.len()];
    for (index, node) in graph.node.iter().enumerate() {
        let mut read = Vec::new();
        for (slot, name) in node.input.iter().enumerate() {
            match producers.get(name.as_str()) {
                Some(&producer) => {
                    read.push(producer);
                    readers[producer].push(index);
                }
                None if name.is_empty() || given.contains(name.as_str()) => {}
                None => {
                    let message =
                        format!("operand {slot} is `{}`, which nothing defines", printable(name));
                    return Err(at_node(node, Error::malformed(message)));
                }
            }
        }
        sources.push(read);
    }
    let mut waiting: Vec<usize> = sources.iter().map(Vec::len).collect();
    let ready = waiting.iter().enumerate().filter(|&(_, &count)| count == 0);
    let mut ready: BinaryHeap<_> = ready.map(|(index, _)| Reverse(index)).collect();
    let mut order = Vec::with_capacity(graph.node.len());
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
            Err(at_node(&graph.node[index], error))
        }
    }
}

/// The names of inputs and initializers. Before version 4 of the file format
/// each initializer is listed as an input too.
fn given_names(graph: &GraphProto) -> Result<HashSet<&str>> {
    let mut inputs = HashSet::new();
    for input in &graph.input {
        if input.name.is_empty() || !inputs.insert(input.name.as_str()) {
            return Err(twice("input", &input.name));
        }
    }
    let mut initializers = HashSet::new();
    for initializer in &graph.initializer {
        if initializer.name.is_empty() || !initializers.insert(initializer.name.as_str()) {
            return Err(twice("initializer", &initializer.name));
        }
    }
    inputs.extend(initializers);
    Ok(inputs)
}

fn twice(what: &str, name: &str) -> Error {
    Error::malformed(match name {
        "" => format!("an {what} has no name"),
        name => format!("the {what} `{}` is defined twice", printable(name)),
    })
}

/// Which node defines which value.
fn producers<'a>(graph: &'a GraphProto, given: &HashSet<&str>) -> Result<HashMap<&'a str, usize>> {
    let mut producers = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            let earlier = producers.insert(name.as_str(), index).map(|i| label(&graph.node[i]));
            let earlier = match earlier {
                Some(node) => format!("node `{}`", printable(node)),
                None if given.contains(name.as_str()) => "an input or initializer".to_owned(),
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
