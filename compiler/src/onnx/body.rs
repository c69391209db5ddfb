//! Graphs inside the network: bodies of branches, loops and functions.
//!
//! A body is read once and added to the network any number of times. Its
//! constants are added once.

use super::attributes::{self, Written};
use super::graph::{CONSTANT, Importer, at, constant, trimmed};
use super::names::Names;
use super::order::{at_node, label, order};
use super::{control, operator_name, tensor};
use crate::error::{Error, Result, printable};
use crate::ir::{Attribute, Attributes, Operator, Value};
use onnx_protobuf::{GraphProto, NodeProto};
use std::collections::HashSet;
use std::mem::take;

/// Most nodes that bodies may become: a small file must not fill the memory.
const MAX_ADDED: usize = 1 << 16;

/// Bytes of names and attributes that weigh as much as a node.
const BYTES_A_NODE: usize = 256;

/// Most bodies inside each other.
const MAX_DEPTH: usize = 40;

/// Longest name of a node that is added again and again.
const LABEL: usize = 100;

/// A node as it is written.
#[derive(Debug)]
pub(super) struct Node {
    /// What it is called in messages.
    pub label: String,
    /// As [`operator_name`] says.
    pub operator: String,
    /// The function that it calls.
    pub function: Option<usize>,
    pub values: Attributes,
    /// See [`Written::references`].
    pub references: Vec<(String, String)>,
    pub bodies: Vec<(String, Body)>,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    /// How much adding it costs, about 1.
    weight: usize,
}

/// Constants of a body by name; they are in the graph already.
pub(super) type Constants = Vec<(String, Value)>;

/// The body of a branch, a loop or a function.
#[derive(Debug)]
pub(super) struct Body {
    pub inputs: Vec<String>,
    pub constants: Constants,
    /// Each after what it reads.
    pub nodes: Vec<Node>,
    pub outputs: Vec<String>,
}

impl Node {
    /// The body of this name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn body(&self, name: &str) -> Result<&Body> {
        let found = self.bodies.iter().find(|(known, _)| known == name);
        found.map(|(_, body)| body).ok_or_else(|| {
            Error::malformed(format!("attribute `{name}` should be a graph, but there is none"))
        })
    }

    /// Which outputs are used.
    pub fn used(&self) -> Vec<bool> {
        self.outputs.iter().map(|name| !name.is_empty()).collect()
    }
}

impl<O: Operator> Importer<'_, O> {
    /// Reads a node, and the graphs in its attributes.
    pub(super) fn read_node(
        &mut self,
        mut proto: NodeProto,
        names: &Names<'_>,
        in_function: bool,
    ) -> Result<Node> {
        let written = attributes::convert(take(&mut proto.attribute), &mut self.external);
        let Written { values, references, graphs } = written.map_err(|e| at_node(&proto, e))?;
        let operator = operator_name(&proto);
        let function = self.functions.called(&proto);
        let refused = match (references.first(), graphs.first()) {
            (Some((name, _)), _) if !in_function => Some(Error::malformed(format!(
                "attribute `{}` refers to an attribute of a function, but this is none",
                printable(name)
            ))),
            (_, Some((name, _)))
                if function.is_some() || !control::NAMES.contains(&operator.as_str()) =>
            {
                Some(Error::unsupported(format!("attribute `{}` is a graph", printable(name))))
            }
            _ => None,
        };
        if let Some(error) = refused {
            return Err(at_node(&proto, error));
        }
        let bodies = graphs
            .into_iter()
            .map(|(name, graph)| Ok((name, self.read_body(graph, names, in_function)?)));
        let bodies = bodies.collect::<Result<Vec<_>>>().map_err(|e| at_node(&proto, e))?;
        let inputs = trimmed(&proto.input).to_vec();
        let outputs = trimmed(&proto.output).to_vec();
        if outputs.is_empty() {
            return Err(at_node(&proto, Error::malformed("this node has no outputs")));
        }
        let bytes = inputs.iter().chain(&outputs).map(String::len).sum::<usize>();
        let weight = 1 + bytes.saturating_add(size_of_attributes(&values)) / BYTES_A_NODE;
        let label = label(&proto).to_owned();
        Ok(Node { label, operator, function, values, references, bodies, inputs, outputs, weight })
    }

    /// Reads the graph of an attribute.
    fn read_body(
        &mut self,
        mut proto: GraphProto,
        outer: &Names<'_>,
        in_function: bool,
    ) -> Result<Body> {
        let names = Names::of_graph(&proto, Some(outer))?;
        if let Some(sparse) = proto.sparse_initializer.first() {
            let name = printable(&sparse.values.name);
            return Err(Error::unsupported(format!("the initializer `{name}` is sparse")));
        }
        let mut constants = Vec::new();
        let mut initialized = HashSet::new();
        for initializer in take(&mut proto.initializer) {
            let name = initializer.name.clone();
            let tensor = tensor::convert(initializer, &mut self.external)?;
            let value = self.given(&name, tensor);
            initialized.insert(name.clone());
            constants.push((name, value));
        }
        let (more, nodes) = self.read_nodes(take(&mut proto.node), &names, in_function)?;
        constants.extend(more);
        let inputs = proto.input.into_iter().map(|input| input.name);
        let inputs = inputs.filter(|name| !initialized.contains(name));
        let inputs = inputs.collect();
        let outputs = proto.output.into_iter().map(|output| output.name).collect();
        Ok(Body { inputs, constants, nodes, outputs })
    }

    /// Reads the nodes of a body, constants apart from the others.
    pub(super) fn read_nodes(
        &mut self,
        mut protos: Vec<NodeProto>,
        names: &Names<'_>,
        in_function: bool,
    ) -> Result<(Constants, Vec<Node>)> {
        let (mut constants, mut nodes) = (Vec::new(), Vec::new());
        for index in order(&protos, names)? {
            let Some(proto) = protos.get_mut(index).map(take) else { continue };
            let mut node = self.read_node(proto, names, in_function)?;
            if let Some((end, _)) = node.label.char_indices().nth(LABEL) {
                node.label.truncate(end);
            }
            match node.outputs.as_slice() {
                [name]
                    if node.operator == CONSTANT
                        && node.function.is_none()
                        && node.references.is_empty() =>
                {
                    let tensor = constant(&node.values).map_err(|error| at(&node, error))?;
                    constants.push((
                        name.clone(),
                        self.builder.graph.add_constant(&*node.label, tensor),
                    ));
                }
                _ => nodes.push(node),
            }
        }
        Ok((constants, nodes))
    }

    /// Adds the nodes of a body; the values of its outputs.
    pub(super) fn body(&mut self, body: &Body, operands: &[Option<Value>]) -> Result<Vec<Value>> {
        if operands.len() != body.inputs.len() {
            return Err(Error::malformed(format!(
                "the body should have {} inputs, but has {}",
                operands.len(),
                body.inputs.len()
            )));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::unsupported(format!(
                "bodies and functions are nested more than {MAX_DEPTH} deep"
            )));
        }
        self.spend(1 + body.constants.len() / BYTES_A_NODE)?;
        self.scope.enter();
        for (name, value) in body.inputs.iter().zip(operands) {
            self.scope.define(name, *value);
        }
        for (name, value) in &body.constants {
            self.scope.define(name, Some(*value));
        }
        for node in &body.nodes {
            self.spend(node.weight)?;
            self.node(node)?;
        }
        let outputs = body.outputs.iter().map(|name| {
            self.scope.get(name).flatten().ok_or_else(|| {
                Error::malformed(format!(
                    "the output `{}` of a body is never defined",
                    printable(name)
                ))
            })
        });
        let outputs = outputs.collect::<Result<Vec<_>>>()?;
        self.scope.leave();
        self.depth -= 1;
        Ok(outputs)
    }

    /// Counts nodes that are added for those that are written.
    fn spend(&mut self, weight: usize) -> Result<()> {
        self.added = self.added.saturating_add(weight);
        if self.added > MAX_ADDED {
            return Err(Error::unsupported(format!(
                "loops and functions of this network become more than {MAX_ADDED} nodes"
            )));
        }
        Ok(())
    }
}

/// Bytes that a copy of attributes takes, besides tensors, which are shared.
fn size_of_attributes(attributes: &Attributes) -> usize {
    let sizes = attributes.iter().map(|(name, value)| {
        name.len()
            + match value {
                Attribute::String(text) => text.len(),
                Attribute::Ints(values) => size_of_val(values.as_slice()),
                Attribute::Floats(values) => size_of_val(values.as_slice()),
                Attribute::Strings(texts) => texts.iter().map(|text| 24 + text.len()).sum(),
                Attribute::Int(_) | Attribute::Float(_) | Attribute::Tensor(_) => 8,
            }
    });
    sizes.sum()
}
