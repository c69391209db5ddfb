//! Operators that are not supported, all in one message.

use super::functions::Functions;
use super::operator_name;
use crate::error::{Error, Result, printable};
use onnx_protobuf::GraphProto;
use std::collections::{BTreeMap, HashSet};

/// Most operators that a message names.
const MAX_NAMED: usize = 100;

/// How often each operator is written in the graph, the graphs inside it, and
/// the functions that are called; calls themselves do not count.
///
/// # Errors
/// Names all operators that are not known, with their counts.
pub(super) fn survey(
    graph: &GraphProto,
    functions: &Functions,
    known: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut pending = vec![graph.node.as_slice()];
    while let Some(nodes) = pending.pop() {
        for node in nodes {
            match functions.called(node) {
                Some(function) if seen.insert(function) => pending.push(functions.nodes(function)),
                Some(_) => {}
                None => *counts.entry(operator_name(node)).or_insert(0) += 1,
            }
            let bodies = node.attribute.iter().flat_map(|a| a.g.iter().chain(&a.graphs));
            pending.extend(bodies.map(|body| body.node.as_slice()));
        }
    }
    refuse(counts.iter().filter(|(name, _)| !known(name)).collect())?;
    Ok(counts)
}

/// An error, unless there are no such operators.
fn refuse(mut listed: Vec<(&String, &usize)>) -> Result<()> {
    // The most frequent first.
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
