//! What rules look for: the vocabulary of all patterns.

use super::Miss;
use crate::error::printable;
use crate::ir::{ElementType, NodeId, Tensor, TensorType, Value, required};
use crate::ops::{Activation, BatchNormalization, Binary, Conv, Graph, Op, ScaleShift};
use crate::step::BinaryOperation;

/// Yes, no, or why a person might have thought yes.
pub(super) type Match<T> = Result<T, Miss>;

/// The first output of a node.
pub(super) const fn output(node: NodeId) -> Value {
    Value { node, output: 0 }
}

/// The name of a node, for a message.
pub(super) fn name(graph: &Graph, node: NodeId) -> String {
    format!("`{}`", printable(&graph.node(node).name))
}

/// The operand in a slot that has to be there.
pub(super) fn operand(graph: &Graph, node: NodeId, slot: usize) -> Match<Value> {
    graph.operand(node, slot).ok_or(Miss::NoPattern)
}

/// Refuses where anything but `reader` reads a value.
pub(super) fn read_only_by(graph: &Graph, value: Value, reader: NodeId) -> Match<()> {
    let readers = graph.consumers(value);
    let name = || name(graph, value.node);
    Miss::refuse_unless(!graph.is_output(value), || {
        format!("the result of {} is also an output of the network", name())
    })?;
    Miss::refuse_unless(readers.iter().all(|&(node, _)| node == reader), || {
        format!("the result of {} has {} readers", name(), readers.len())
    })
}

/// The convolution that computes a value.
pub(super) fn conv_of(graph: &Graph, value: Value) -> Option<&Conv> {
    match graph.operator(value.node) {
        Some(Op::Conv(conv)) => Some(conv),
        _ => None,
    }
}

/// The activation that computes a value, and what it is applied to.
pub(super) fn activation_of(graph: &Graph, value: Value) -> Option<(Activation, Value)> {
    match graph.operator(value.node) {
        Some(Op::Activation(activation)) => Some((*activation, graph.operand(value.node, 0)?)),
        _ => None,
    }
}

/// Operands of a node that is this function of two values and nothing more.
pub(super) fn binary(
    graph: &Graph,
    node: NodeId,
    wanted: BinaryOperation,
) -> Option<(Value, Value)> {
    match graph.operator(node) {
        Some(Op::Binary(Binary { operation, activation: Activation::Identity }))
            if *operation == wanted =>
        {
            Some((graph.operand(node, 0)?, graph.operand(node, 1)?))
        }
        _ => None,
    }
}

/// As [`binary`], in both orders.
pub(super) fn either_order(
    graph: &Graph,
    node: NodeId,
    wanted: BinaryOperation,
) -> impl Iterator<Item = (Value, Value)> {
    let orders = binary(graph, node, wanted).map(|(a, b)| [(a, b), (b, a)]);
    orders.into_iter().flatten()
}

/// Operands of `x op number`, where the result has the type of `x`.
pub(super) fn binary_with_number(
    graph: &Graph,
    node: NodeId,
    wanted: BinaryOperation,
) -> Option<(Value, f32)> {
    let (x, constant) = binary(graph, node, wanted)?;
    number_beside(graph, node, x, constant)
}

/// As [`binary_with_number`], with the number on either side.
pub(super) fn binary_with_number_in_either_order(
    graph: &Graph,
    node: NodeId,
    wanted: BinaryOperation,
) -> Option<(Value, f32)> {
    either_order(graph, node, wanted)
        .find_map(|(x, constant)| number_beside(graph, node, x, constant))
}

fn number_beside(graph: &Graph, node: NodeId, x: Value, constant: Value) -> Option<(Value, f32)> {
    let number = uniform(graph.constant(constant)?)?;
    (graph.type_of(x) == graph.type_of(output(node))).then_some((x, number))
}

/// The one value of all elements.
pub(super) fn uniform(tensor: &Tensor) -> Option<f32> {
    let values = tensor.f32s().ok()?;
    let first = *values.first()?;
    values.iter().all(|value| value.to_bits() == first.to_bits()).then_some(first)
}

/// Whether two numbers are the same up to rounding.
pub(super) fn close(a: f32, b: f32) -> bool {
    (a - b).abs() <= 2.0 * f32::EPSILON * b.abs()
}

/// The sizes of an f32 value that has channels, in dimension 1.
pub(super) fn sizes_with_channels(tensor_type: &TensorType) -> Option<Vec<usize>> {
    let sizes = tensor_type.sizes().ok()?;
    (tensor_type.element == ElementType::F32 && sizes.len() >= 2).then_some(sizes)
}

/// The values of a constant that is broadcast to tensors of these sizes and
/// differs at most from channel to channel: one a channel.
pub(super) fn channel_values(constant: &Tensor, sizes: &[usize]) -> Option<Vec<f32>> {
    let values = constant.f32s().ok()?;
    let channels = *sizes.get(1)?;
    if let &[value] = values {
        return (constant.shape().len() <= sizes.len()).then(|| vec![value; channels]);
    }
    let missing = sizes.len().checked_sub(constant.shape().len())?;
    let mut dimensions = constant.shape().iter().zip(missing..);
    let fits = dimensions.all(|(&size, dimension)| match dimension {
        1 => size == channels,
        _ => size == 1,
    });
    fits.then(|| values.to_vec())
}

/// A node that computes `x * scale[c] + shift[c]`, however it is spelled.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Affine {
    /// What it is applied to.
    pub x: Value,
    /// One factor a channel.
    pub scale: Vec<f64>,
    /// One offset a channel.
    pub shift: Vec<f64>,
}

impl Affine {
    /// Whether it only adds.
    pub(super) fn only_shifts(&self) -> bool {
        self.scale.iter().all(|&scale| scale.to_bits() == 1f64.to_bits())
    }

    /// Whether it only multiplies.
    pub(super) fn only_scales(&self) -> bool {
        self.shift.iter().all(|&shift| shift == 0.0)
    }

    /// This after another one.
    pub(super) fn after(mut self, first: &Self) -> Self {
        self.x = first.x;
        let first = first.scale.iter().zip(&first.shift);
        for ((scale, shift), (s, t)) in self.scale.iter_mut().zip(&mut self.shift).zip(first) {
            *shift += *scale * t;
            *scale *= s;
        }
        self
    }

    /// Refuses factors and offsets that are no finite f32.
    fn finite(self) -> Match<Self> {
        let numbers = || self.scale.iter().zip(&self.shift);
        let wrong = numbers().position(|(&scale, &shift)| {
            !(scale as f32).is_finite() || !(shift as f32).is_finite()
        });
        match wrong {
            None => Ok(self),
            Some(channel) => Err(Miss::Refused(format!(
                "channel {channel} is scaled or shifted by what is no finite number"
            ))),
        }
    }
}

/// What a node that may be an [`Affine`] is applied to; cheap.
pub(super) fn affine_operand(graph: &Graph, node: NodeId) -> Match<Value> {
    let first = operand(graph, node, 0)?;
    match graph.operator(node) {
        Some(
            Op::BatchNormalization(_)
            | Op::ScaleShift(ScaleShift { activation: Activation::Identity }),
        ) => Ok(first),
        Some(Op::Binary(Binary { operation, activation: Activation::Identity })) => {
            let second = operand(graph, node, 1)?;
            match (operation, graph.constant(first), graph.constant(second)) {
                (
                    BinaryOperation::Add
                    | BinaryOperation::Sub
                    | BinaryOperation::Mul
                    | BinaryOperation::Div,
                    None,
                    Some(_),
                ) => Ok(first),
                (
                    BinaryOperation::Add | BinaryOperation::Sub | BinaryOperation::Mul,
                    Some(_),
                    None,
                ) => Ok(second),
                _ => Err(Miss::NoPattern),
            }
        }
        _ => Err(Miss::NoPattern),
    }
}

/// The [`Affine`] that a node is.
pub(super) fn affine(graph: &Graph, node: NodeId) -> Match<Affine> {
    let x = affine_operand(graph, node)?;
    Miss::unless(graph.type_of(x) == graph.type_of(output(node)))?;
    let sizes = sizes_with_channels(graph.type_of(x)).ok_or(Miss::NoPattern)?;
    let (scale, shift) = match graph.operator(node) {
        Some(Op::BatchNormalization(normalization)) => normalized(graph, node, normalization)?,
        Some(Op::ScaleShift(_)) => (channels(graph, node, 1)?, channels(graph, node, 2)?),
        Some(Op::Binary(binary)) => {
            let first = operand(graph, node, 0)?;
            let constant = if first == x { operand(graph, node, 1)? } else { first };
            let constant = graph.constant(constant).ok_or(Miss::NoPattern)?;
            let values = channel_values(constant, &sizes).ok_or(Miss::NoPattern)?;
            spelled(binary.operation, first == x, &values)?
        }
        _ => return Err(Miss::NoPattern),
    };
    Affine { x, scale, shift }.finite()
}

/// Values of a constant operand, one a channel.
fn channels(graph: &Graph, node: NodeId, slot: usize) -> Match<Vec<f64>> {
    let constant = graph.constant(operand(graph, node, slot)?).ok_or_else(|| {
        let name = name(graph, node);
        Miss::Refused(format!("operand {slot} of {name} is computed at run time"))
    })?;
    Ok(constant.f32s()?.iter().map(|&value| value.into()).collect())
}

/// Ioffe and Szegedy 2015, algorithm 2, line 11: `scale * (x - mean) /
/// sqrt(variance + epsilon) + bias`.
fn normalized(
    graph: &Graph,
    node: NodeId,
    normalization: &BatchNormalization,
) -> Match<(Vec<f64>, Vec<f64>)> {
    let channels = |slot| channels(graph, node, slot);
    let (mut scale, mut shift) = (channels(1)?, channels(2)?);
    let (mean, variance) = (channels(3)?, channels(4)?);
    let epsilon = f64::from(normalization.epsilon);
    for (channel, variance) in variance.iter().enumerate() {
        let (Some(scale), Some(shift), Some(mean)) =
            (scale.get_mut(channel), shift.get_mut(channel), mean.get(channel))
        else {
            return Err(Miss::NoPattern);
        };
        *scale /= (variance + epsilon).sqrt();
        *shift -= mean * *scale;
    }
    Ok((scale, shift))
}

/// Scale and shift of `x op constant` or, with `x` on the right, `constant op x`.
fn spelled(
    operation: BinaryOperation,
    x_on_left: bool,
    values: &[f32],
) -> Match<(Vec<f64>, Vec<f64>)> {
    let given: Vec<f64> = values.iter().map(|&value| value.into()).collect();
    let all = |value: f64| vec![value; given.len()];
    let each = |function: fn(&f64) -> f64| given.iter().map(function).collect();
    Ok(match (operation, x_on_left) {
        (BinaryOperation::Add, _) => (all(1.0), given),
        (BinaryOperation::Sub, true) => (all(1.0), each(|c| -c)),
        (BinaryOperation::Sub, false) => (all(-1.0), given),
        (BinaryOperation::Mul, _) => (given.clone(), all(0.0)),
        (BinaryOperation::Div, true) => (each(|c| 1.0 / c), all(0.0)),
        _ => return Err(Miss::NoPattern),
    })
}

/// The constant weights of a convolution or matrix product.
pub(super) fn constant_weights(graph: &Graph, node: NodeId, slot: usize) -> Match<Value> {
    let value = required(&graph.operands(node), slot, "weights")?;
    Miss::refuse_unless(graph.constant(value).is_some(), || {
        format!("the weights of {} are computed at run time", name(graph, node))
    })?;
    Ok(value)
}

/// One value a channel, as operands hold it.
pub(super) fn narrow(values: &[f64]) -> Tensor {
    Tensor::vector(values.iter().map(|&value| value as f32).collect::<Vec<f32>>())
}
