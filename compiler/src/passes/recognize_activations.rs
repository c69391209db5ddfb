//! Activations that exporters spell as several nodes.

use super::patch::{Link, Patch};
use super::pattern::{
    activation_of, binary_with_number, binary_with_number_in_either_order, close, either_order,
    operand,
};
use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, Value};
use crate::ops::{Activation, Graph, Op};
use crate::step::BinaryOperation;

pub(super) const PASS: Pass = Pass {
    name: "recognize-activations",
    about: "Gives SiLU, hard swish, ReLU and clipping, spelled as several nodes, their own.",
    rules: &[silu, hard_swish_of_hard_sigmoid, hard_swish_of_clip, bound, two_in_a_row],
    sweeps: false,
};

fn replaced(node: NodeId, x: Value, activation: Activation) -> Patch {
    let what = format!("recognized as {}", activation.spelling());
    Patch::operator_for(&[node], what, activation, vec![Some(Link::Old(x))])
}

/// `x * sigmoid(x) = silu(x)`
fn silu(graph: &Graph, node: NodeId) -> Outcome {
    either_order(graph, node, BinaryOperation::Mul)
        .find(|&(x, gate)| activation_of(graph, gate) == Some((Activation::Sigmoid, x)))
        .map(|(x, _)| replaced(node, x, Activation::Silu))
        .ok_or(Miss::NoPattern)
}

/// `x * hard_sigmoid(x; 1/6, 1/2) = hard_swish(x)`
fn hard_swish_of_hard_sigmoid(graph: &Graph, node: NodeId) -> Outcome {
    let gates = |gate, x| match activation_of(graph, gate) {
        Some((Activation::HardSigmoid { alpha, beta }, of)) => {
            of == x && close(alpha, 1.0 / 6.0) && close(beta, 0.5)
        }
        _ => false,
    };
    either_order(graph, node, BinaryOperation::Mul)
        .find(|&(x, gate)| gates(gate, x))
        .map(|(x, _)| replaced(node, x, Activation::HardSwish))
        .ok_or(Miss::NoPattern)
}

/// `x * clip(x + 3; 0, 6) / 6 = hard_swish(x)`, with the division at any of the
/// three places
fn hard_swish_of_clip(graph: &Graph, node: NodeId) -> Outcome {
    let (product, mut divided) = match sixth(graph, node) {
        Some(product) => (product.node, true),
        None => (node, false),
    };
    let sides = either_order(graph, product, BinaryOperation::Mul);
    for (x, gate) in sides {
        let gate = match (divided, sixth(graph, gate.node)) {
            (false, Some(gate)) => {
                divided = true;
                gate
            }
            _ => gate,
        };
        let clipped = match activation_of(graph, gate) {
            Some((Activation::Clip { low: 0.0, high }, sum)) if close(high, 6.0) => sum,
            _ => continue,
        };
        let shifted = binary_with_number_in_either_order(graph, clipped.node, BinaryOperation::Add);
        if divided && shifted == Some((x, 3.0)) {
            return Ok(replaced(node, x, Activation::HardSwish));
        }
    }
    Err(Miss::NoPattern)
}

/// What a node divides by 6.
fn sixth(graph: &Graph, node: NodeId) -> Option<Value> {
    let quotient = binary_with_number(graph, node, BinaryOperation::Div);
    if let Some((x, number)) = quotient
        && close(number, 6.0)
    {
        return Some(x);
    }
    match binary_with_number_in_either_order(graph, node, BinaryOperation::Mul) {
        Some((x, number)) if close(number, 1.0 / 6.0) => Some(x),
        _ => None,
    }
}

/// `max(x, 0) = relu(x)`, `max(x, low)` and `min(x, high)` are clips
fn bound(graph: &Graph, node: NodeId) -> Outcome {
    let number = |operation| binary_with_number_in_either_order(graph, node, operation);
    if let Some((x, low)) = number(BinaryOperation::Max) {
        let activation = match low {
            0.0 => Activation::Relu,
            low => Activation::Clip { low, high: f32::INFINITY },
        };
        return Ok(replaced(node, x, activation));
    }
    if let Some((x, high)) = number(BinaryOperation::Min) {
        return Ok(replaced(node, x, Activation::Clip { low: f32::NEG_INFINITY, high }));
    }
    match graph.operator(node) {
        Some(&Op::Activation(Activation::Clip { low: 0.0, high: f32::INFINITY })) => {
            Ok(replaced(node, operand(graph, node, 0)?, Activation::Relu))
        }
        _ => Err(Miss::NoPattern),
    }
}

/// `clip(relu(x); low, high)` and the like are one clip
fn two_in_a_row(graph: &Graph, node: NodeId) -> Outcome {
    let Some(&Op::Activation(second)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    let (first, x) = activation_of(graph, operand(graph, node, 0)?).ok_or(Miss::NoPattern)?;
    let both = composed(first, second).ok_or(Miss::NoPattern)?;
    Ok(replaced(node, x, both))
}

/// One activation that does what two do, one after the other.
pub(super) fn composed(first: Activation, second: Activation) -> Option<Activation> {
    if first == Activation::Identity {
        return Some(second);
    }
    let ((low, high), (second_low, second_high)) = (bounds(first)?, bounds(second)?);
    // Each bound of the first passes through the second.
    let clip = |x: f32| x.max(second_low).min(second_high);
    match (clip(low), clip(high)) {
        (0.0, f32::INFINITY) => Some(Activation::Relu),
        (low, high) => Some(Activation::Clip { low, high }),
    }
}

/// The bounds that an activation clips to, if it does just that.
const fn bounds(activation: Activation) -> Option<(f32, f32)> {
    match activation {
        Activation::Identity => Some((f32::NEG_INFINITY, f32::INFINITY)),
        Activation::Relu => Some((0.0, f32::INFINITY)),
        Activation::Clip { low, high } => Some((low, high)),
        Activation::LeakyRelu { .. }
        | Activation::ChannelRelu
        | Activation::Sigmoid
        | Activation::HardSigmoid { .. }
        | Activation::HardSwish
        | Activation::Silu
        | Activation::Tanh => None,
    }
}

/// The smallest and the largest result of an activation.
pub(super) const fn range(activation: Activation) -> (f32, f32) {
    match activation {
        Activation::Clip { low, high } => (low, high),
        Activation::Relu => (0.0, f32::INFINITY),
        Activation::Sigmoid | Activation::HardSigmoid { .. } => (0.0, 1.0),
        Activation::Tanh => (-1.0, 1.0),
        // The minimum of x (x + 3) / 6, and less than that of x / (1 + e^-x).
        Activation::HardSwish => (-0.375, f32::INFINITY),
        Activation::Silu => (-0.279, f32::INFINITY),
        Activation::Identity | Activation::LeakyRelu { .. } | Activation::ChannelRelu => {
            (f32::NEG_INFINITY, f32::INFINITY)
        }
    }
}
