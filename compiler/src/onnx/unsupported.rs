//! Operators that are not supported, all in one message.

use super::operator_name;
use crate::error::{Error, Result, printable};
use onnx_protobuf::GraphProto;
use std::collections::BTreeMap;

/// Most operators that a message names.
const MAX_NAMED: usize = 100;

/// How often each operator is written in the graph.
pub(super) fn count(graph: &GraphProto) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for node in &graph.node {
        *counts.entry(operator_name(node)).or_insert(0) += 1;
    }
    counts
}

/// Checks that all operators are known.
///
/// # Errors
/// Names all that are not, also those in subgraphs, with their counts.
pub(super) fn check(graph: &GraphProto, known: &dyn Fn(&str) -> bool) -> Result<()> {
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    let mut pending = vec![graph];
    while let Some(graph) = pending.pop() {
        for (name, number) in count(graph) {
            if !known(&name) {
                *unknown.entry(name).or_insert(0) += number;
            }
        }
        let attributes = graph.node.iter().flat_map(|node| &node.attribute);
        pending.extend(attributes.flat_map(|a| a.g.iter().chain(&a.graphs)));
    }
    // The most frequent first.
    let mut listed: Vec<_> = unknown.iter().collect();
    listed.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let mut shown: Vec<_> = listed
        .iter()
        .take(MAX_NAMED)
        .map(|(name, count)| format!("`{}` ({count})", printable(name)))
        .collect();
    if listed.len() > MAX_NAMED {
        shown.push(format!("and {} more", listed.len() - MAX_NAMED));
    }
    match listed.len() {
        0 => Ok(()),
        1 => Err(Error::unsupported(format!("the operator {} is not supported", shown.join("")))),
        _ => Err(Error::unsupported(format!("operators {} are not supported", shown.join(", ")))),
    }
}
