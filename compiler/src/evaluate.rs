//! Whole networks by the reference evaluation: slow, obvious, and what
//! compiled networks are compared with.

use crate::error::{Error, Result};
use crate::ir::{
    Data, Dim, ElementType, Graph, Kind, Node, NodeId, Operator, Tensor, TensorType, Value,
};
use crate::ops::converted;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The outputs of a network for these inputs, in the order of
/// [`Graph::outputs`] and [`Graph::inputs`].
///
/// Nodes that no output depends on are left out, and each value is freed after
/// its last use.
///
/// # Errors
/// [`crate::ErrorKind::Shape`] where the inputs are not what the network
/// declares, and whatever error an operator reports, naming its node.
pub fn evaluate<O: Operator>(graph: &Graph<O>, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    run(graph, inputs, Precision::AsWritten)
}

/// As [`evaluate`], but with f64 wherever the network has f32: an oracle whose
/// own rounding does not matter. Outputs that are declared f32 are f64, too.
///
/// Constants are widened when a node reads them and freed after it.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_f64<O: Operator>(graph: &Graph<O>, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    run(graph, inputs, Precision::Double)
}

/// Inputs for a network that only depend on `seed`, on every machine alike:
/// floats roughly normal with mean 0 and variance 1, bytes and booleans
/// uniform, other integers uniform from 0 to 9. Sizes that are open are at
/// their bounds.
///
/// # Errors
/// [`crate::ErrorKind::Shape`] or [`crate::ErrorKind::Unsupported`] where an
/// input is too large.
pub fn random_inputs<O: Operator>(graph: &Graph<O>, seed: u64) -> Result<Vec<Tensor>> {
    let mut random = SplitMix64(seed);
    let inputs = graph.inputs().iter();
    inputs
        .map(|&node| {
            random_tensor(graph.type_of(Value { node, output: 0 }), &mut random)
                .map_err(|error| error.node(graph.node(node).name.as_str()))
        })
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Precision {
    AsWritten,
    Double,
}

impl Precision {
    /// What the elements are when they are computed.
    fn element(self, written: ElementType) -> ElementType {
        match (self, written) {
            (Self::Double, ElementType::F32) => ElementType::F64,
            _ => written,
        }
    }

    fn of(self, tensor: Arc<Tensor>) -> Result<Arc<Tensor>> {
        let element = self.element(tensor.element());
        if element == tensor.element() {
            return Ok(tensor);
        }
        Tensor::new(tensor.shape(), converted(tensor.data(), element)).map(Arc::new)
    }
}

/// Most elements of a value: a model file should not be able to exhaust the
/// memory of whoever verifies it.
const MAX_ELEMENTS: usize = 1 << 31;

fn run<O: Operator>(
    graph: &Graph<O>,
    inputs: &[Tensor],
    precision: Precision,
) -> Result<Vec<Tensor>> {
    check_inputs(graph, inputs)?;
    let order = graph.order()?;
    let mut values = Values { graph, precision, uses: uses(graph, &order), held: BTreeMap::new() };
    for (&node, input) in graph.inputs().iter().zip(inputs) {
        values.hold(Value { node, output: 0 }, input.clone())?;
    }
    for node in order {
        if let Kind::Operator(operator) = &graph.node(node).kind
            && values.is_used(node)
        {
            values.compute(node, operator).map_err(|error| {
                error.node(graph.node(node).name.as_str()).operator(operator.name())
            })?;
        }
    }
    let outputs = graph.outputs().iter().map(|output| {
        let error = |error: Error| error.node(output.name.as_str());
        values.take(output.value).map(Arc::unwrap_or_clone).map_err(error)
    });
    let outputs = outputs.collect();
    debug_assert!(values.held.is_empty(), "every value is freed after its last use");
    outputs
}

fn check_inputs<O: Operator>(graph: &Graph<O>, inputs: &[Tensor]) -> Result<()> {
    if inputs.len() != graph.inputs().len() {
        return Err(Error::shape(format!(
            "expected {} inputs, found {}",
            graph.inputs().len(),
            inputs.len()
        )));
    }
    for (&node, input) in graph.inputs().iter().zip(inputs) {
        let Node { name, outputs, .. } = graph.node(node);
        match outputs.as_slice() {
            [expected] if expected.admits(&input.tensor_type()) => {}
            expected => {
                let expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
                return Err(Error::shape(format!(
                    "expected an input {}, found {}",
                    expected.join(", "),
                    input.tensor_type()
                ))
                .node(name.as_str()));
            }
        }
    }
    Ok(())
}

/// How often each value is read by what the outputs depend on, the outputs
/// included.
fn uses<O: Operator>(graph: &Graph<O>, order: &[NodeId]) -> BTreeMap<Value, usize> {
    let mut uses = BTreeMap::new();
    for output in graph.outputs() {
        *uses.entry(output.value).or_default() += 1;
    }
    for &node in order.iter().rev() {
        if first_used(&uses, node) {
            for operand in graph.operands(node).into_iter().flatten() {
                *uses.entry(operand).or_default() += 1;
            }
        }
    }
    uses
}

/// Whether an output of a node is used.
fn first_used(uses: &BTreeMap<Value, usize>, node: NodeId) -> bool {
    let [first, last] = [0, usize::MAX].map(|output| Value { node, output });
    uses.range(first..=last).next().is_some()
}

/// What has been computed and is still needed.
struct Values<'a, O> {
    graph: &'a Graph<O>,
    precision: Precision,
    /// How often each value will still be read.
    uses: BTreeMap<Value, usize>,
    held: BTreeMap<Value, Arc<Tensor>>,
}

impl<O: Operator> Values<'_, O> {
    fn is_used(&self, node: NodeId) -> bool {
        first_used(&self.uses, node)
    }

    fn compute(&mut self, node: NodeId, operator: &O) -> Result<()> {
        let expected = &self.graph.node(node).outputs;
        for tensor_type in expected {
            limited(tensor_type)?;
        }
        let operands = self.graph.operands(node).into_iter();
        let operands = operands.map(|operand| operand.map(|v| self.take(v)).transpose());
        let operands = operands.collect::<Result<Vec<_>>>()?;
        let references: Vec<_> = operands.iter().map(Option::as_deref).collect();
        let computed = operator.evaluate(&references)?;
        if computed.len() != expected.len() {
            return Err(Error::internal(format!(
                "the reference gives {} outputs, but {} are expected",
                computed.len(),
                expected.len()
            )));
        }
        for (output, tensor) in computed.into_iter().enumerate() {
            self.hold(Value { node, output }, tensor)?;
        }
        Ok(())
    }

    /// Keeps a value that will be read.
    fn hold(&mut self, value: Value, tensor: Tensor) -> Result<()> {
        if self.uses.contains_key(&value) {
            let tensor = self.precision.of(Arc::new(tensor))?;
            let mut expected = self.graph.type_of(value).clone();
            expected.element = self.precision.element(expected.element);
            if !expected.admits(&tensor.tensor_type()) {
                return Err(Error::internal(format!(
                    "the reference gives {}, but {expected} is expected",
                    tensor.tensor_type()
                )));
            }
            self.held.insert(value, tensor);
        }
        Ok(())
    }

    /// Reads a value; frees it when that was the last time.
    fn take(&mut self, value: Value) -> Result<Arc<Tensor>> {
        if let Some(constant) = self.graph.constant(value) {
            return self.precision.of(constant.clone());
        }
        let missing = || Error::internal("a value is read that was not computed");
        let uses = self.uses.get_mut(&value).ok_or_else(missing)?;
        *uses = uses.saturating_sub(1);
        let held = match uses {
            0 => self.held.remove(&value),
            _ => self.held.get(&value).cloned(),
        };
        held.ok_or_else(missing)
    }
}

/// The number of elements, where the reference can hold them.
fn limited(tensor_type: &TensorType) -> Result<usize> {
    let elements = tensor_type.elements()?;
    if elements > MAX_ELEMENTS {
        return Err(Error::unsupported(format!(
            "{tensor_type} is too large for the reference evaluation"
        )));
    }
    Ok(elements)
}

fn random_tensor(tensor_type: &TensorType, random: &mut SplitMix64) -> Result<Tensor> {
    let elements = limited(tensor_type)?;
    let shape: Vec<_> = tensor_type
        .shape
        .iter()
        .map(|dim| match dim {
            Dim::Fixed(size) | Dim::Bounded { max: size, .. } => *size,
        })
        .collect();
    let bits = (0..elements).map(|_| random.next());
    let data = match tensor_type.element {
        ElementType::F32 | ElementType::F64 => Data::F32(bits.map(normal).collect()),
        ElementType::U8 => Data::U8(bits.map(|bits| (bits >> 56) as u8).collect()),
        ElementType::Bool => Data::Bool(bits.map(|bits| bits >> 63 == 1).collect()),
        ElementType::I8
        | ElementType::I16
        | ElementType::I32
        | ElementType::I64
        | ElementType::U16
        | ElementType::U32
        | ElementType::U64 => Data::U64(bits.map(|bits| bits % 10).collect()),
    };
    Tensor::new(&shape, converted(&data, tensor_type.element))
}

/// Four uniform numbers of 16 bits have nearly a normal sum, and sums are the
/// same on every machine, which logarithms and cosines are not.
fn normal(bits: u64) -> f32 {
    let sum: u32 = (0..4).map(|i| (bits >> (16 * i)) as u32 & 0xffff).sum();
    // The variance of one, uniform in 0..1, is 1/12.
    (sum as f32 / 65536.0 - 2.0) * 3f32.sqrt()
}

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom
/// number generators" (2014).
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests;
