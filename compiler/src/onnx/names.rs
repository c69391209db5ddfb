//! The names that are seen in a graph: its own, and those of the graphs
//! around it.

use crate::error::{Error, Result, printable};
use onnx_protobuf::{FunctionProto, GraphProto, NodeProto};
use std::collections::{BTreeSet, HashSet};

/// The names of a graph or function.
#[derive(Debug)]
pub(super) struct Names<'a> {
    /// Those of inputs and initializers.
    pub given: HashSet<String>,
    /// Those of results of nodes.
    computed: HashSet<String>,
    /// Those of the graph around it.
    outer: Option<&'a Names<'a>>,
}

impl<'a> Names<'a> {
    /// The names of a graph inside another. Before version 4 of the file
    /// format each initializer is listed as an input too.
    ///
    /// # Errors
    /// Where an input or initializer is defined twice or has no name.
    pub fn of_graph(graph: &GraphProto, outer: Option<&'a Self>) -> Result<Self> {
        let mut given = distinct("input", graph.input.iter().map(|input| &input.name))?;
        given.extend(distinct("initializer", graph.initializer.iter().map(|i| &i.name))?);
        Ok(Self { given, computed: results(&graph.node), outer })
    }

    /// The names of a function, which sees nothing of who calls it.
    ///
    /// # Errors
    /// Where an operand is named twice or has no name.
    pub fn of_function(function: &FunctionProto) -> Result<Self> {
        let given = distinct("input", function.input.iter())?;
        Ok(Self { given, computed: results(&function.node), outer: None })
    }

    /// Whether a graph around this one defines the name.
    pub fn is_outside(&self, name: &str) -> bool {
        self.outer.is_some_and(|outer| {
            outer.given.contains(name) || outer.computed.contains(name) || outer.is_outside(name)
        })
    }
}

fn results(nodes: &[NodeProto]) -> HashSet<String> {
    nodes.iter().flat_map(|node| &node.output).cloned().collect()
}

fn distinct<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<HashSet<String>> {
    let mut distinct = HashSet::new();
    for name in names {
        if name.is_empty() || !distinct.insert(name.clone()) {
            return Err(Error::malformed(match name.as_str() {
                "" => format!("an {what} has no name"),
                name => format!("the {what} `{}` is defined twice", printable(name)),
            }));
        }
    }
    Ok(distinct)
}

/// The names from outside that the graphs in the attributes of a node read.
pub(super) fn captured(node: &NodeProto) -> BTreeSet<&str> {
    let bodies = node.attribute.iter().flat_map(|a| a.g.iter().chain(&a.graphs));
    bodies.flat_map(free).collect()
}

/// The names that a graph reads and does not define.
fn free(graph: &GraphProto) -> BTreeSet<&str> {
    let mut read = BTreeSet::new();
    for node in &graph.node {
        read.extend(node.input.iter().map(String::as_str).filter(|name| !name.is_empty()));
        read.extend(captured(node));
    }
    read.extend(graph.output.iter().map(|output| output.name.as_str()));
    for input in &graph.input {
        read.remove(input.name.as_str());
    }
    for initializer in &graph.initializer {
        read.remove(initializer.name.as_str());
    }
    for name in graph.node.iter().flat_map(|node| &node.output) {
        read.remove(name.as_str());
    }
    read
}
