//! From the messages of a graph to the graph of the compiler.

use super::body::Node;
use super::bounds::Bounds;
use super::external::External;
use super::functions::Functions;
use super::names::{Names, captured};
use super::order::order;
use super::scope::Scope;
use super::{control, fixed, inputs, tensor, unsupported};
use crate::Options;
use crate::error::{Error, Result, printable};
use crate::ir::{Attribute, Attributes, Builder, Folded, Graph, Operator, Tensor, Value};
use onnx_protobuf::{FunctionProto, GraphProto, ValueInfoProto};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::mem::take;
use std::path::PathBuf;
use std::sync::Arc;

/// What was built.
pub(super) struct Built<O> {
    pub graph: Graph<O>,
    pub folded: Vec<Folded>,
    pub operators: BTreeMap<String, usize>,
    pub parameters: u64,
    /// The files with values that were read.
    pub files: Vec<PathBuf>,
}

/// Builds the graph; frees each part of the messages as soon as it is read.
///
/// # Errors
/// Names the node, value or option that is wrong.
pub(super) fn build<'a, O: Operator>(
    mut proto: GraphProto,
    functions: Vec<FunctionProto>,
    opset: u32,
    known: &dyn Fn(&str) -> bool,
    options: &'a Options,
    external: External<'a>,
) -> Result<Built<O>> {
    if let Some(sparse) = proto.sparse_initializer.first() {
        let name = printable(&sparse.values.name);
        return Err(Error::unsupported(format!("the initializer `{name}` is sparse")));
    }
    let functions = Functions::new(functions)?;
    let operators = unsupported::survey(&proto, &functions, &|name| {
        name == CONSTANT || control::NAMES.contains(&name) || known(name)
    })?;
    let names = Names::of_graph(&proto, None)?;
    let order = order(&proto.node, &names)?;
    let mut importer = Importer {
        builder: Builder::<O>::new(take(&mut proto.name), opset),
        opset,
        scope: Scope::default(),
        functions,
        call_attributes: Attributes::default(),
        bounds: Bounds::new(&options.bounds)?,
        external,
        parameters: 0,
        depth: 0,
        added: 0,
    };
    importer.inputs(&proto, options)?;
    let read = names_read(&proto);
    for initializer in take(&mut proto.initializer) {
        if read.contains(&initializer.name) {
            let name = initializer.name.clone();
            let tensor = tensor::convert(initializer, &mut importer.external)?;
            let value = importer.given(&name, tensor);
            importer.scope.define(&name, Some(value));
        }
    }
    for index in order {
        if let Some(node) = proto.node.get_mut(index).map(take) {
            let node = importer.read_node(node, &names, false)?;
            importer.node(&node)?;
        }
    }
    importer.outputs(&proto.output)?;
    importer.bounds.check_used()?;
    let Importer { builder: Builder { graph, folded, .. }, parameters, external, .. } = importer;
    Ok(Built { graph, folded, operators, parameters, files: external.into_files() })
}

/// The operator that is a constant rather than a computation.
pub(super) const CONSTANT: &str = "Constant";

/// All values that nodes, also those of graphs inside, or outputs of the
/// network read.
fn names_read(proto: &GraphProto) -> HashSet<String> {
    let operands = proto.node.iter().flat_map(|node| &node.input).map(String::as_str);
    let captured = proto.node.iter().flat_map(captured);
    let outputs = proto.output.iter().map(|output| output.name.as_str());
    operands.chain(captured).chain(outputs).map(ToOwned::to_owned).collect()
}

/// What adds nodes to the graph.
pub(super) struct Importer<'a, O> {
    pub builder: Builder<O>,
    /// The operator set of the file, which that of a function may differ from.
    pub opset: u32,
    pub scope: Scope,
    pub functions: Functions,
    /// Attributes of the call of the function whose nodes are added.
    pub call_attributes: Attributes,
    pub bounds: Bounds<'a>,
    pub external: External<'a>,
    pub parameters: u64,
    /// Bodies inside each other.
    pub depth: usize,
    /// Nodes of bodies that were added.
    pub added: usize,
}

impl<O: Operator> Importer<'_, O> {
    /// Adds the inputs that are not initializers, and constants for those that
    /// options give a value.
    fn inputs(&mut self, proto: &GraphProto, options: &Options) -> Result<()> {
        let initializers: HashSet<_> = proto.initializer.iter().map(|i| i.name.as_str()).collect();
        let mut inputs: Vec<&ValueInfoProto> = proto.input.iter().collect();
        inputs.retain(|input| !initializers.contains(input.name.as_str()));
        for (input, tensor) in fixed::constants(&mut inputs, &options.constants)? {
            let value = self.builder.graph.add_constant(&*input.name, tensor);
            self.scope.define(&input.name, Some(value));
        }
        for (name, tensor_type) in inputs::resolve(&inputs, &options.inputs)? {
            let value = self.builder.graph.add_input(name, tensor_type);
            self.scope.define(name, Some(value));
        }
        Ok(())
    }

    /// Adds a constant of the file.
    pub fn given(&mut self, name: &str, tensor: Tensor) -> Value {
        if tensor.element().is_float() {
            self.parameters = self.parameters.saturating_add(tensor.len() as u64);
        }
        self.builder.graph.add_constant(name, tensor)
    }

    /// Adds what a node computes, and names its results.
    pub fn node(&mut self, node: &Node) -> Result<()> {
        let values = self.results(node).map_err(|error| at(node, error))?;
        let named = node.outputs.len();
        if values.len() < named {
            let message =
                format!("{named} outputs are named, but this operator has {}", values.len());
            return Err(at(node, Error::malformed(message)));
        }
        for (name, value) in node.outputs.iter().zip(values) {
            if !name.is_empty() {
                self.scope.define(name, Some(value));
            }
        }
        Ok(())
    }

    fn results(&mut self, node: &Node) -> Result<Vec<Value>> {
        if let Some(function) = node.function {
            return self.call(node, function);
        }
        if control::NAMES.contains(&node.operator.as_str()) {
            return self.control(node);
        }
        let attributes = self.attributes(node)?;
        if node.operator == CONSTANT {
            let tensor = constant(&attributes)?;
            return Ok(vec![self.builder.graph.add_constant(&*node.label, tensor)]);
        }
        let operands = self.operands(node)?;
        self.add(node, &node.operator, &attributes, &operands, &node.used())
    }

    /// Adds a node, of this operator, in place of one of the file.
    pub fn add(
        &mut self,
        node: &Node,
        operator: &str,
        attributes: &Attributes,
        operands: &[Option<Value>],
        outputs: &[bool],
    ) -> Result<Vec<Value>> {
        let values = self.builder.node(&node.label, operator, attributes, operands, outputs)?;
        if let Some(&value) = values.first() {
            self.bound(node, value)?;
        }
        Ok(values)
    }

    /// The attributes of a node, those of the function's call put in.
    pub fn attributes<'n>(&self, node: &'n Node) -> Result<Cow<'n, Attributes>> {
        if node.references.is_empty() {
            return Ok(Cow::Borrowed(&node.values));
        }
        let mut attributes = node.values.clone();
        for (name, referred) in &node.references {
            let mut given = self.call_attributes.iter();
            if let Some((_, value)) = given.find(|(known, _)| known == referred) {
                attributes.insert(name.as_str(), value.clone());
            }
        }
        Ok(Cow::Owned(attributes))
    }

    /// The values that a node reads; `None` where an optional one is left out.
    pub fn operands(&self, node: &Node) -> Result<Vec<Option<Value>>> {
        let operands = node.inputs.iter().map(|name| match self.scope.get(name) {
            _ if name.is_empty() => Ok(None),
            Some(value) => Ok(value),
            None => Err(Error::internal(format!("`{}` is not computed yet", printable(name)))),
        });
        operands.collect()
    }

    fn outputs(&mut self, outputs: &[ValueInfoProto]) -> Result<()> {
        let mut seen = HashSet::new();
        for output in outputs {
            let shown = printable(&output.name);
            let value = self.scope.get(&output.name).flatten().ok_or_else(|| {
                Error::malformed(format!("the network's output `{shown}` is never defined"))
            })?;
            if !seen.insert(output.name.as_str()) {
                return Err(Error::malformed(format!("the output `{shown}` is listed twice")));
            }
            inputs::check_output(output, self.builder.graph.type_of(value))?;
            self.builder.graph.add_output(output.name.as_str(), value);
        }
        if outputs.is_empty() {
            return Err(Error::malformed("the network has no outputs"));
        }
        Ok(())
    }
}

/// The error, with the name of the node and its operator.
pub(super) fn at(node: &Node, error: Error) -> Error {
    error.node(&*node.label).operator(&*node.operator)
}

/// Without the empty names at the end, which mean nothing.
pub(super) fn trimmed(names: &[String]) -> &[String] {
    let length = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    names.get(..length).unwrap_or(names)
}

/// The value of a `Constant`, which has many spellings.
pub(super) fn constant(attributes: &Attributes) -> Result<Arc<Tensor>> {
    let mut spelled = attributes.iter().map(|(name, value)| match (name, value) {
        ("value", Attribute::Tensor(tensor)) => Ok(Arc::clone(tensor)),
        ("value_float", Attribute::Float(value)) => Ok(Tensor::scalar(*value).into()),
        ("value_floats", Attribute::Floats(values)) => Ok(Tensor::vector(values.clone()).into()),
        ("value_int", Attribute::Int(value)) => Ok(Tensor::scalar(*value).into()),
        ("value_ints", Attribute::Ints(values)) => Ok(Tensor::vector(values.clone()).into()),
        ("value_string" | "value_strings" | "sparse_value", _) => {
            Err(Error::unsupported(format!("constants given as `{name}`")))
        }
        _ => Err(Error::malformed(format!(
            "attribute `{}` is none of a constant, or of a wrong type",
            printable(name)
        ))),
    });
    match (spelled.next(), spelled.next()) {
        (Some(value), None) => value,
        (None, _) => Err(Error::malformed("this constant has no value")),
        (Some(_), Some(_)) => Err(Error::malformed("this constant has several values")),
    }
}
