//! Scale and shift that no layer took in become one step.

use super::patch::{Link, Patch};
use super::pattern::{Affine, affine, affine_operand, name, narrow, output, read_only_by};
use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, Operator, Tensor};
use crate::ops::{Activation, Binary, Graph, Op, ScaleShift};
use crate::step::BinaryOperation;

pub(super) const PASS: Pass = Pass {
    name: "scale-shift",
    about: "Makes one scale and shift a channel of what is left of batch normalizations and of \
            chains of Mul, Div, Add and Sub.",
    rules: &[chain, single, vectors],
    sweeps: false,
};

/// `(x * s + t) * u + v  =  x * (s * u) + (t * u + v)`
fn chain(graph: &Graph, node: NodeId) -> Outcome {
    let x = affine_operand(graph, node)?;
    affine_operand(graph, x.node)?;
    let (first, second) = (affine(graph, x.node)?, affine(graph, node)?);
    Miss::unless(graph.type_of(x).rank() == 4)?;
    read_only_by(graph, x, node)?;
    let what = format!(
        "{} and {} are one scale and shift",
        operator(graph, x.node),
        operator(graph, node)
    );
    Ok(scale_shift(graph, &[x.node, node], what, &second.after(&first)))
}

/// `x * s + t` of pictures, in any spelling
fn single(graph: &Graph, node: NodeId) -> Outcome {
    Miss::unless(!matches!(graph.operator(node), Some(Op::ScaleShift(_))))?;
    let affine = affine(graph, node)?;
    Miss::unless(graph.type_of(affine.x).rank() == 4)?;
    let what = format!("{} is a scale and shift a channel", operator(graph, node));
    Ok(scale_shift(graph, &[node], what, &affine))
}

/// A batch normalization of other than pictures  =  `Add(Mul(x, s), t)`
fn vectors(graph: &Graph, node: NodeId) -> Outcome {
    Miss::unless(matches!(graph.operator(node), Some(Op::BatchNormalization(_))))?;
    let affine = affine(graph, node)?;
    let rank = graph.type_of(affine.x).rank();
    Miss::unless(rank != 4)?;
    let layer = &graph.node(node).name;
    let mut patch = Patch::new(&[node], "a batch normalization is Mul and Add");
    let mut shape = vec![1; rank.saturating_sub(1)];
    if let Some(channels) = shape.first_mut() {
        *channels = affine.scale.len();
    }
    let scale = patch.constant(format!("{layer}.scale"), narrow(&affine.scale).reshaped(&shape)?);
    let shift = patch.constant(format!("{layer}.shift"), narrow(&affine.shift).reshaped(&shape)?);
    let binary = |operation| Binary { operation, activation: Activation::Identity };
    let x = Some(affine.x.into());
    let product = patch.operator(node, binary(BinaryOperation::Mul), vec![x, Some(scale)]);
    let operands = vec![Some(product), Some(shift)];
    let sum = patch.operator(node, binary(BinaryOperation::Add), operands);
    patch.replace(node, sum);
    Ok(patch)
}

fn operator(graph: &Graph, node: NodeId) -> String {
    let operator = graph.operator(node).map(Operator::name).unwrap_or_default();
    format!("{operator} {}", name(graph, node))
}

/// The last of the nodes as a scale and shift.
fn scale_shift(graph: &Graph, nodes: &[NodeId], what: String, affine: &Affine) -> Patch {
    let mut patch = Patch::new(nodes, what);
    let Some(&last) = nodes.last() else { return patch };
    let layer = &graph.node(last).name;
    debug_assert_eq!(graph.type_of(affine.x), graph.type_of(output(last)));
    let mut constant = |what: &str, values: &[f64]| -> Option<Link> {
        let tensor: Tensor = narrow(values);
        Some(patch.constant(format!("{layer}.{what}"), tensor))
    };
    let operands = vec![
        Some(affine.x.into()),
        constant("scale", &affine.scale),
        constant("shift", &affine.shift),
    ];
    let activation = Activation::Identity;
    let new = patch.operator(last, ScaleShift { activation }, operands);
    patch.replace(last, new);
    patch
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{graph, refuses, rewrites};

    #[test]
    fn what_is_left_of_a_batch_norm_is_a_scale_and_shift() {
        let report = rewrites(
            &PASS,
            "x = input f32[1,2,3,3]
             scale = constant f32[2] [1, 2]
             bias = constant f32[2] [0.5, 0]
             mean = constant f32[2] [1, 2]
             variance = constant f32[2] [1, 0.25]
             z = BatchNormalization(x, scale, bias, mean, variance) { epsilon = 0.0 }
             output z",
            "x = input f32[1,2,3,3]
             z.scale = constant f32[2] [1, 4]
             z.shift = constant f32[2] [-0.5, -8]
             z = ScaleShift(x, z.scale, z.shift)
             output z",
        );
        assert_eq!(
            report.rewrites[0].what,
            "BatchNormalization `z` is a scale and shift a channel"
        );
    }

    #[test]
    fn a_chain_is_one() {
        rewrites(
            &PASS,
            "x = input f32[1,2,3,3]
             a = constant f32[2,1,1] [2, 3]
             b = constant f32[1,2,1,1] [10, 20]
             c = constant f32[] [4]
             u = Mul(x, a)
             v = Add(b, u)
             z = Div(v, c)
             output z",
            "x = input f32[1,2,3,3]
             z.shift = constant f32[2] [2.5, 5]
             z.scale = constant f32[2] [0.5, 0.75]
             z = ScaleShift(x, z.scale, z.shift)
             output z",
        );
    }

    #[test]
    fn a_chain_that_is_read_in_the_middle_is_two() {
        refuses_after(
            "x = input f32[1,2,3,3]
             a = constant f32[2,1,1] [2, 3]
             u = Mul(x, a)
             z = Add(u, a)
             output u
             output z",
            &[("z", "the result of `u` is also an output of the network")],
        );
    }

    /// Asserts what is refused where something else is rewritten.
    #[track_caller]
    fn refuses_after(before: &str, reasons: &[(&str, &str)]) {
        let report = PASS.run(&mut graph(before)).unwrap();
        assert!(!report.rewrites.is_empty());
        let found: Vec<_> =
            report.refusals.iter().map(|r| (r.node.as_str(), r.why.as_str())).collect();
        assert_eq!(found, reasons);
    }

    #[test]
    fn vectors_are_multiplied_and_added() {
        rewrites(
            &PASS,
            "x = input f32[3,2]
             s = constant f32[2] [1, 2]
             m = constant f32[2] [0, 1]
             v = constant f32[2] [1, 0.25]
             z = BatchNormalization(x, s, s, m, v) { epsilon = 0.0 }
             output z",
            "x = input f32[3,2]
             z.scale = constant f32[2] [1, 4]
             z.shift = constant f32[2] [1, -2]
             %3 = Mul(x, z.scale)
             %4 = Add(%3, z.shift)
             output z = %4",
        );
        rewrites(
            &PASS,
            "x = input f32[1,2,5]
             s = constant f32[2] [1, 2]
             m = constant f32[2] [0, 1]
             v = constant f32[2] [1, 0.25]
             z = BatchNormalization(x, s, s, m, v) { epsilon = 0.0 }
             output z",
            "x = input f32[1,2,5]
             z.scale = constant f32[2,1] [1, 4]
             z.shift = constant f32[2,1] [1, -2]
             %3 = Mul(x, z.scale)
             %4 = Add(%3, z.shift)
             output z = %4",
        );
    }

    #[test]
    fn parameters_that_depend_on_the_data_are_refused() {
        refuses(
            &PASS,
            "x = input f32[1,2,3,3]
             s = input f32[2]
             c = constant f32[2] [1, 1]
             z = BatchNormalization(x, s, c, c, c)
             output z",
            &[("z", "operand 1 of `z` is computed at run time")],
        );
    }
}
