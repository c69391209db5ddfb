//! Activations that exporters spell as several nodes.

use super::patch::{Link, Patch};
use super::pattern::{
    activation_of, binary, binary_with_number, binary_with_number_in_either_order, close,
    either_order, operand, output, uniform,
};
use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, Value};
use crate::ops::{Activation, Graph, Op};
use crate::step::BinaryOperation;

pub(super) const PASS: Pass = Pass {
    name: "recognize-activations",
    about: "Recognizes SiLU, hard swish, leaky and clipped ReLU that are spelled as several nodes.",
    rules: &[
        silu,
        hard_sigmoid,
        hard_swish_of_hard_sigmoid,
        hard_swish_of_clip,
        leaky_relu,
        leaky_relu_of_slopes,
        bound,
        canonical_clip,
        two_in_a_row,
    ],
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

/// `clip(x + 3; 0, 6) / 6 = hard_sigmoid(x; 1/6, 1/2)`
fn hard_sigmoid(graph: &Graph, node: NodeId) -> Outcome {
    let clipped = sixth(graph, node).ok_or(Miss::NoPattern)?;
    let x = clipped_from_three(graph, clipped).ok_or(Miss::NoPattern)?;
    Ok(replaced(node, x, Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 }))
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

/// `x * clip(x + 3; 0, 6) / 6 = x / 6 * clip(x + 3; 0, 6) = hard_swish(x)`
fn hard_swish_of_clip(graph: &Graph, node: NodeId) -> Outcome {
    let gated = |product, divided| {
        either_order(graph, product, BinaryOperation::Mul).find_map(|(factor, gate)| {
            let x = if divided { factor } else { sixth(graph, factor.node)? };
            (clipped_from_three(graph, gate) == Some(x)).then_some(x)
        })
    };
    sixth(graph, node)
        .and_then(|product| gated(product.node, true))
        .or_else(|| gated(node, false))
        .map(|x| replaced(node, x, Activation::HardSwish))
        .ok_or(Miss::NoPattern)
}

/// The `x` of `clip(x + 3; 0, 6)`.
fn clipped_from_three(graph: &Graph, value: Value) -> Option<Value> {
    match activation_of(graph, value)? {
        (Activation::Clip { low: 0.0, high: 6.0 }, sum) => {
            let sum = binary_with_number_in_either_order(graph, sum.node, BinaryOperation::Add)?;
            (sum.1 == 3.0).then_some(sum.0)
        }
        _ => None,
    }
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

/// `max(x, slope * x) = leaky_relu(x; slope)` for slopes between 0 and 1
fn leaky_relu(graph: &Graph, node: NodeId) -> Outcome {
    let slope = |x: Value, scaled: Value| {
        let (of, slope) =
            binary_with_number_in_either_order(graph, scaled.node, BinaryOperation::Mul)?;
        (of == x && slope > 0.0 && slope < 1.0).then_some(slope)
    };
    either_order(graph, node, BinaryOperation::Max)
        .find_map(|(x, scaled)| Some((x, slope(x, scaled)?)))
        .map(|(x, slope)| replaced(node, x, Activation::LeakyRelu { slope }))
        .ok_or(Miss::NoPattern)
}

/// `prelu(x, slopes) = leaky_relu(x; slope)` where all slopes are the same
fn leaky_relu_of_slopes(graph: &Graph, node: NodeId) -> Outcome {
    let (x, slopes) =
        binary(graph, node, BinaryOperation::ParametricRelu).ok_or(Miss::NoPattern)?;
    let slope = graph.constant(slopes).and_then(|slopes| uniform(slopes));
    let slope = slope.ok_or(Miss::NoPattern)?;
    Ok(replaced(node, x, Activation::LeakyRelu { slope }))
}

/// `max(x, low) = clip(x; low, inf)`, `min(x, high) = clip(x; -inf, high)`
fn bound(graph: &Graph, node: NodeId) -> Outcome {
    let number = |operation| {
        let found = binary_with_number_in_either_order(graph, node, operation);
        found.filter(|(_, number)| !number.is_nan())
    };
    let low = number(BinaryOperation::Max);
    let low = low.map(|(x, low)| (x, Activation::Clip { low, high: f32::INFINITY }));
    let high = || {
        let high = number(BinaryOperation::Min);
        high.map(|(x, high)| (x, Activation::Clip { low: f32::NEG_INFINITY, high }))
    };
    let (x, clip) = low.or_else(high).ok_or(Miss::NoPattern)?;
    Ok(replaced(node, x, clip))
}

/// `clip(x; 0, inf) = relu(x)`, `clip(x; -inf, inf) = x`
fn canonical_clip(graph: &Graph, node: NodeId) -> Outcome {
    let Some(&Op::Activation(Activation::Clip { low, high })) = graph.operator(node) else {
        return Err(Miss::NoPattern);
    };
    let x = operand(graph, node, 0)?;
    match (low, high) {
        (0.0, f32::INFINITY) => Ok(replaced(node, x, Activation::Relu)),
        (f32::NEG_INFINITY, f32::INFINITY) => {
            Ok(Patch::bypass(node, x, "removed: it clips nothing"))
        }
        _ => Err(Miss::NoPattern),
    }
}

/// `clip(relu(x); low, high)` and the like are one activation
fn two_in_a_row(graph: &Graph, node: NodeId) -> Outcome {
    let Some(&Op::Activation(second)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    let between = operand(graph, node, 0)?;
    let (first, x) = activation_of(graph, between).ok_or(Miss::NoPattern)?;
    let both = composed(first, second).ok_or(Miss::NoPattern)?;
    if both == first {
        return Ok(Patch::bypass(node, between, "removed: nothing is left for it to do"));
    }
    // Otherwise `x` would have one more reader, and whoever computes it could
    // not activate it.
    Miss::unless(graph.only_consumer(between).is_some())?;
    debug_assert_eq!(graph.type_of(x), graph.type_of(output(node)));
    Ok(replaced(node, x, both))
}

/// One activation that does what two do, one after the other.
pub(super) fn composed(first: Activation, second: Activation) -> Option<Activation> {
    if first == Activation::Identity {
        return Some(second);
    }
    let (second_low, second_high) = clip_bounds(second)?;
    if second_low.is_nan() || second_high.is_nan() || second_low > second_high {
        return None;
    }
    let (low, high) = range(first);
    if second_low <= low && high <= second_high {
        return Some(first);
    }
    let (low, high) = clip_bounds(first)?;
    if low.is_nan() || high.is_nan() || low > high {
        return None;
    }
    // Each bound of the first passes through the second.
    let clip = |x: f32| x.max(second_low).min(second_high);
    match (clip(low), clip(high)) {
        (0.0, f32::INFINITY) => Some(Activation::Relu),
        (low, high) => Some(Activation::Clip { low, high }),
    }
}

/// The bounds that an activation clips to, if it does just that.
const fn clip_bounds(activation: Activation) -> Option<(f32, f32)> {
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

/// Bounds of the results of an activation.
pub(super) const fn range(activation: Activation) -> (f32, f32) {
    match activation {
        // `min(max(x, low), high)` is `high` where the bounds are exchanged.
        Activation::Clip { low, high } if low <= high => (low, high),
        Activation::Relu => (0.0, f32::INFINITY),
        Activation::Sigmoid | Activation::HardSigmoid { .. } => (0.0, 1.0),
        Activation::Tanh => (-1.0, 1.0),
        // The minimum of x (x + 3) / 6, and less than that of x / (1 + e^-x).
        Activation::HardSwish => (-0.375, f32::INFINITY),
        Activation::Silu => (-0.279, f32::INFINITY),
        Activation::Clip { .. }
        | Activation::Identity
        | Activation::LeakyRelu { .. }
        | Activation::ChannelRelu => (f32::NEG_INFINITY, f32::INFINITY),
    }
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{ignores, rewrites};

    /// Asserts that nodes between `x` and the output `y` are one activation.
    #[track_caller]
    fn recognized(nodes: &str, activation: &str) {
        let before = format!("x = input f32[2,9]\n{nodes}\noutput y");
        rewrites(&PASS, &before, &format!("x = input f32[2,9]\ny = {activation}\noutput y"));
    }

    /// Asserts that they are none.
    #[track_caller]
    fn unknown(nodes: &str) {
        ignores(&PASS, &format!("x = input f32[2,9]\n{nodes}\noutput y"));
    }

    #[test]
    fn silu_is_a_value_times_its_sigmoid() {
        recognized("s = Sigmoid(x)\ny = Mul(x, s)", "Swish(x)");
        recognized("s = Sigmoid(x)\ny = Mul(s, x)", "Swish(x)");
        unknown("u = Relu(x)\ns = Sigmoid(u)\ny = Mul(x, s)");
        unknown("s = Sigmoid(x)\ny = Add(x, s)");
    }

    #[test]
    fn hard_swish_has_many_spellings() {
        let three = "three = constant f32[] [3]\nsix = constant f32[] [6]
            sixth = constant f32[1] [0.16666667]
            s = Add(x, three)
            c = Clip(s) { min = 0.0, max = 6.0 }";
        let hard_swish = "HardSwish(x)";
        recognized(&format!("{three}\np = Mul(x, c)\ny = Div(p, six)"), hard_swish);
        recognized(&format!("{three}\np = Mul(c, x)\ny = Mul(sixth, p)"), hard_swish);
        recognized(&format!("{three}\ng = Div(c, six)\ny = Mul(x, g)"), hard_swish);
        recognized(&format!("{three}\ng = Mul(c, sixth)\ny = Mul(g, x)"), hard_swish);
        recognized(&format!("{three}\ng = Div(x, six)\ny = Mul(g, c)"), hard_swish);
        let gate = "g = HardSigmoid(x) { alpha = 0.16666667, beta = 0.5 }";
        recognized(&format!("{gate}\ny = Mul(g, x)"), hard_swish);
        let hard_sigmoid = "HardSigmoid(x) { alpha = 0.16666667, beta = 0.5 }";
        recognized(&format!("{three}\ny = Div(c, six)"), hard_sigmoid);
        recognized(
            "three = constant f32[] [3]\nzero = constant f32[] [0]\nsix = constant f32[] [6]
            s = Add(x, three)\nr = Max(s, zero)\nc = Min(six, r)\np = Mul(x, c)\ny = Div(p, six)",
            hard_swish,
        );
    }

    #[test]
    fn what_is_almost_hard_swish_is_not() {
        unknown("g = HardSigmoid(x) { alpha = 0.2, beta = 0.5 }\ny = Mul(g, x)");
        unknown("g = HardSigmoid(x) { alpha = 0.1666, beta = 0.5 }\ny = Mul(g, x)");
        let clipped = |three: f32, x: &str| {
            format!(
                "three = constant f32[] [{three}]\nsix = constant f32[] [6]
                u = Tanh(x)\ns = Add({x}, three)\nc = Clip(s) {{ min = 0.0, max = 6.0 }}
                p = Mul(x, c)\ny = Div(p, six)"
            )
        };
        unknown(&clipped(2.0, "x"));
        unknown(&clipped(3.0, "u"));
    }

    #[test]
    fn bounds_are_clips() {
        recognized("c = constant f32[] [0]\ny = Max(x, c)", "Relu(x)");
        recognized("c = constant f32[1,1] [-1]\ny = Max(c, x)", "Clip(x) { min = -1.0 }");
        recognized("c = constant f32[] [0.5]\ny = Min(x, c)", "Clip(x) { max = 0.5 }");
        recognized("y = Clip(x) { min = 0.0 }", "Relu(x)");
        unknown("c = constant f32[9] [1, 2, 3, 4, 5, 6, 7, 8, 9]\ny = Max(x, c)");
        unknown("c = constant f32[1,1,1] [1]\ny = Max(x, c)");
        unknown("c = constant f32[] [nan]\nd = Max(x, c)\ny = Relu(x)");
        rewrites(
            &PASS,
            "x = input f32[9]\nc = Clip(x)\ny = Neg(c)\noutput y",
            "x = input f32[9]\ny = Neg(x)\noutput y",
        );
    }

    #[test]
    fn two_in_a_row_are_one() {
        recognized(
            "r = Relu(x)\ny = Clip(r) { min = -1.0, max = 6.0 }",
            "Clip(x) { min = 0.0, max = 6.0 }",
        );
        recognized(
            "c = constant f32[] [6]\nr = Relu(x)\ny = Min(r, c)",
            "Clip(x) { min = 0.0, max = 6.0 }",
        );
        recognized("r = Clip(x) { max = 6.0 }\ny = Relu(r)", "Clip(x) { min = 0.0, max = 6.0 }");
        recognized(
            "r = Clip(x) { min = -1.0, max = 0.5 }\ny = Clip(r) { min = 0.25, max = 9.0 }",
            "Clip(x) { min = 0.25, max = 0.5 }",
        );
        recognized("r = Relu(x)\ny = Clip(r) { max = -1.0 }", "Clip(x) { min = -1.0, max = -1.0 }");
        unknown("r = Clip(x) { min = 1.0, max = -1.0 }\ny = Relu(r)");
        unknown("r = Tanh(x)\ny = Relu(r)");
    }

    #[test]
    fn clipping_what_is_within_bounds_does_nothing() {
        let unchanged = |first: &str| {
            rewrites(
                &PASS,
                &format!(
                    "x = input f32[9]\na = {first}\nb = Clip(a) {{ min = -1.0, max = 1.0 }}\ny = Neg(b)\noutput y"
                ),
                &format!("x = input f32[9]\na = {first}\ny = Neg(a)\noutput y"),
            );
        };
        unchanged("Sigmoid(x)");
        unchanged("Tanh(x)");
        unchanged("HardSigmoid(x) { alpha = 0.2, beta = 0.5 }");
        rewrites(
            &PASS,
            "x = input f32[9]\na = Relu(x)\nb = Relu(a)\noutput a\noutput b",
            "x = input f32[9]\na = Relu(x)\noutput a\noutput b = a",
        );
    }

    #[test]
    fn a_value_that_is_read_between_two_activations_stays() {
        ignores(
            &PASS,
            "x = input f32[9]\na = Relu(x)\nb = Clip(a) { max = 6.0 }\noutput a\noutput b",
        );
    }

    #[test]
    fn leaky_relu_has_two_spellings() {
        let leaky = "LeakyRelu(x) { alpha = 0.25 }";
        recognized("c = constant f32[] [0.25]\ns = Mul(c, x)\ny = Max(x, s)", leaky);
        recognized("c = constant f32[1] [0.25]\ny = PRelu(x, c)", leaky);
        unknown("c = constant f32[] [1.5]\ns = Mul(c, x)\ny = Max(x, s)");
        unknown("c = constant f32[] [-0.5]\ns = Mul(c, x)\ny = Max(x, s)");
        unknown("c = constant f32[9] [1, 2, 3, 4, 5, 6, 7, 8, 9]\ny = PRelu(x, c)");
    }
}
