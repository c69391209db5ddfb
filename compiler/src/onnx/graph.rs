//! From the messages of a graph to the graph of the compiler.

use super::external::External;
use super::order::{at_node, label, order};
use super::{attributes, inputs, operator_name, tensor, unsupported};
use crate::error::{Error, Result, printable};
use crate::ir::{Attribute, Attributes, Builder, Folded, Graph, Operator, Tensor, Value};
use onnx_protobuf::{GraphProto, NodeProto, TensorProto, ValueInfoProto};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::mem::take;
use std::sync::Arc;

/// What was built.
pub(super) struct Built<O> {
    pub graph: Graph<O>,
    pub folded: Vec<Folded>,
    pub operators: BTreeMap<String, usize>,
    pub parameters: u64,
}

/// Builds the graph; frees each part of the messages as soon as it is read.
///
/// # Errors
/// Names the node, value or option that is wrong.
pub(super) fn build<O: Operator>(
    mut proto: GraphProto,
    opset: u32,
    known: &dyn Fn(&str) -> bool,
    pinned: &[(String, Vec<usize>)],
    external: &mut External<'_>,
) -> Result<Built<O>> {
    if let Some(sparse) = proto.sparse_initializer.first() {
        let name = printable(&sparse.values.name);
        return Err(Error::unsupported(format!("the initializer `{name}` is sparse")));
    }
    unsupported::check(&proto, &|name| name == CONSTANT || known(name))?;
    let order = order(&proto)?;
    let mut importer = Importer {
        builder: Builder::<O>::new(take(&mut proto.name), opset),
        values: HashMap::new(),
        parameters: 0,
    };
    importer.inputs(&proto, pinned)?;
    let read = names_read(&proto);
    for initializer in take(&mut proto.initializer) {
        if read.contains(&initializer.name) {
            importer.initializer(initializer, external)?;
        }
    }
    let operators = unsupported::count(&proto);
    let mut nodes: Vec<_> = take(&mut proto.node).into_iter().map(Some).collect();
    for index in order {
        if let Some(node) = nodes.get_mut(index).and_then(Option::take) {
            importer.node(node, external)?;
        }
    }
    importer.outputs(&proto.output)?;
    let Importer { builder: Builder { graph, folded, .. }, parameters, .. } = importer;
    Ok(Built { graph, folded, operators, parameters })
}

/// The operator that is a constant rather than a computation.
const CONSTANT: &str = "Constant";

/// All values that nodes or outputs of the network read.
fn names_read(proto: &GraphProto) -> HashSet<String> {
    let operands = proto.node.iter().flat_map(|node| &node.input);
    operands.chain(proto.output.iter().map(|output| &output.name)).cloned().collect()
}

struct Importer<O> {
    builder: Builder<O>,
    /// The values so far by name. Looked up only: its order is not that of the
    /// file.
    values: HashMap<String, Value>,
    parameters: u64,
}

impl<O: Operator> Importer<O> {
    /// Adds the inputs that are not initializers.
    fn inputs(&mut self, proto: &GraphProto, pinned: &[(String, Vec<usize>)]) -> Result<()> {
        let constant: HashSet<_> = proto.initializer.iter().map(|i| i.name.as_str()).collect();
        let inputs: Vec<&ValueInfoProto> =
            proto.input.iter().filter(|input| !constant.contains(input.name.as_str())).collect();
        for (name, tensor_type) in inputs::resolve(&inputs, pinned)? {
            let value = self.builder.graph.add_input(name, tensor_type);
            self.values.insert(name.to_owned(), value);
        }
        Ok(())
    }

    fn initializer(&mut self, proto: TensorProto, external: &mut External<'_>) -> Result<()> {
        let name = proto.name.clone();
        let tensor = tensor::convert(proto, external)?;
        if tensor.element().is_float() {
            self.parameters = self.parameters.saturating_add(tensor.len() as u64);
        }
        let value = self.builder.graph.add_constant(name.as_str(), tensor);
        self.values.insert(name, value);
        Ok(())
    }

    fn node(&mut self, mut proto: NodeProto, external: &mut External<'_>) -> Result<()> {
        let attributes = attributes::convert(take(&mut proto.attribute), external)
            .map_err(|error| at_node(&proto, error))?;
        let outputs: Vec<bool> = trimmed(&proto.output).iter().map(|n| !n.is_empty()).collect();
        if outputs.is_empty() {
            return Err(at_node(&proto, Error::malformed("this node has no outputs")));
        }
        let operator = operator_name(&proto);
        let values = if operator == CONSTANT {
            let tensor = constant(attributes).map_err(|error| at_node(&proto, error))?;
            vec![self.builder.graph.add_constant(label(&proto), tensor)]
        } else {
            let operands = self.operands(&proto)?;
            self.builder.node(label(&proto), &operator, &attributes, &operands, &outputs)?
        };
        let trimmed = outputs.len();
        if values.len() < trimmed {
            return Err(at_node(
                &proto,
                Error::malformed(format!(
                    "{trimmed} outputs are named, but this operator has {}",
                    values.len()
                )),
            ));
        }
        for (name, value) in take(&mut proto.output).into_iter().zip(values) {
            if !name.is_empty() {
                self.values.insert(name, value);
            }
        }
        Ok(())
    }

    /// The values that a node reads; `None` where an optional one is left out.
    fn operands(&self, proto: &NodeProto) -> Result<Vec<Option<Value>>> {
        let operands = trimmed(&proto.input).iter().map(|name| match self.values.get(name) {
            Some(&value) => Ok(Some(value)),
            None if name.is_empty() => Ok(None),
            None => Err(at_node(
                proto,
                Error::internal(format!("`{}` is not computed yet", printable(name))),
            )),
        });
        operands.collect()
    }

    fn outputs(&mut self, outputs: &[ValueInfoProto]) -> Result<()> {
        let mut seen = HashSet::new();
        for output in outputs {
            let shown = printable(&output.name);
            let value = *self.values.get(&output.name).ok_or_else(|| {
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

/// Without the empty names at the end, which mean nothing.
fn trimmed(names: &[String]) -> &[String] {
    let length = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    names.get(..length).unwrap_or(names)
}

/// The value of a `Constant`, which has many spellings.
fn constant(attributes: Attributes) -> Result<Arc<Tensor>> {
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
