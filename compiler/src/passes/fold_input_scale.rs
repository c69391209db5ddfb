//! Scale and shift into the weights of the convolution behind them.

use super::fold_batch_norm::f32s_mut;
use super::patch::{Link, Patch};
use super::pattern::{Affine, affine, affine_operand, constant_weights, name, narrow, operand};
use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, Operator, Tensor, Value};
use crate::ops::{Conv, Graph, Op};

pub(super) const PASS: Pass = Pass {
    name: "fold-input-scale",
    about: "Multiplies a scale and shift that no layer before them took in into the weights of \
            the convolution behind them.",
    rules: &[before_conv],
    sweeps: false,
};

/// `conv(s * x + t, w) + b  =  conv(x, w * s) + (b + sum of w * t)`, where no
/// window looks beyond the border
fn before_conv(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Conv(conv)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    Miss::unless(conv.prologue.is_none())?;
    let before = operand(graph, node, Conv::INPUT)?.node;
    affine_operand(graph, before)?;
    let affine = affine(graph, before)?;
    Miss::refuse_unless(conv.pads == [0; 4] || affine.only_scales(), || {
        format!(
            "{} shifts its result, and the zeros around it are not shifted",
            name(graph, before)
        )
    })?;
    let weights = constant_weights(graph, node, Conv::WEIGHTS)?;
    let shape = graph.constant(weights).map(|weights| weights.shape().to_vec());
    let Some(&[outputs, depth, height, width]) = shape.as_deref() else {
        return Err(Miss::NoPattern);
    };
    let taps = height.checked_mul(width).ok_or(Miss::NoPattern)?;
    let filters = Filters { outputs, depth, taps, groups: conv.groups };
    Miss::unless(filters.fit(affine.scale.len()))?;

    let operator = graph.operator(before).map(Operator::name).unwrap_or_default();
    let what = format!("{operator} folded into the weights of {}", name(graph, node));
    let mut patch = Patch::new(&[before, node], what);
    let layer = &graph.node(node).name;
    let mut operands = Link::operands(graph, node);
    Link::fill(&mut operands, Conv::INPUT, affine.x.into());
    if !affine.only_scales() {
        let bias = filters.bias(graph, node, weights, &affine)?;
        let bias = patch.constant(format!("{layer}.bias"), bias);
        Link::fill(&mut operands, Conv::BIAS, bias);
    }
    if !affine.only_shifts() {
        let change = move |weights: &mut Tensor| {
            filters.scale(f32s_mut(weights)?, &affine.scale);
            Ok(())
        };
        let weights = patch.changed(format!("{layer}.weights"), weights, change);
        Link::fill(&mut operands, Conv::WEIGHTS, weights);
    }
    let conv = patch.operator(node, conv.clone(), operands);
    patch.replace(node, conv);
    Ok(patch)
}

/// How weights `[outputs, depth, height, width]` belong to input channels.
#[derive(Clone, Copy)]
struct Filters {
    outputs: usize,
    depth: usize,
    taps: usize,
    groups: usize,
}

impl Filters {
    fn fit(self, channels: usize) -> bool {
        self.outputs.is_multiple_of(self.groups.max(1))
            && self.depth.checked_mul(self.groups) == Some(channels)
            && ![self.outputs, self.depth, self.taps].contains(&0)
    }

    /// The first input channel that an output channel reads.
    const fn first_channel(self, output: usize) -> usize {
        output / (self.outputs / self.groups) * self.depth
    }

    fn scale(self, weights: &mut [f32], scale: &[f64]) {
        for (output, filter) in weights.chunks_exact_mut(self.depth * self.taps).enumerate() {
            let scale = &scale[self.first_channel(output)..];
            for (values, scale) in filter.chunks_exact_mut(self.taps).zip(scale) {
                for value in values {
                    *value = (f64::from(*value) * scale) as f32;
                }
            }
        }
    }

    /// The bias with what the shift adds to each output.
    fn bias(
        self,
        graph: &Graph,
        node: NodeId,
        weights: Value,
        affine: &Affine,
    ) -> Result<Tensor, Miss> {
        let constant = |value| graph.constant(value).ok_or(Miss::NoPattern);
        let weights = constant(weights)?.f32s()?;
        let mut bias = vec![0.0; self.outputs];
        if let Some(own) = graph.operand(node, Conv::BIAS) {
            for (bias, own) in bias.iter_mut().zip(constant(own)?.f32s()?) {
                *bias = f64::from(*own);
            }
        }
        for (output, filter) in weights.chunks_exact(self.depth * self.taps).enumerate() {
            let shift = &affine.shift[self.first_channel(output)..];
            for (values, shift) in filter.chunks_exact(self.taps).zip(shift) {
                let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
                bias[output] += sum * shift;
            }
        }
        Ok(narrow(&bias))
    }
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{ignores, refuses, rewrites};

    #[test]
    fn scale_and_shift_before_a_convolution_without_padding() {
        let report = rewrites(
            &PASS,
            "x = input f32[1,2,4,4]
             s = constant f32[2] [10, 100]
             t = constant f32[2] [1, 2]
             z = ScaleShift(x, s, t)
             w = constant f32[2,2,1,2] [1, 2, 3, 4, 5, 6, 7, 8]
             b = constant f32[2] [0.5, 0.25]
             y = Conv(z, w, b)
             output y",
            "x = input f32[1,2,4,4]
             y.bias = constant f32[2] [17.5, 41.25]
             y.weights = constant f32[2,2,1,2] [10, 20, 300, 400, 50, 60, 700, 800]
             y = Conv(x, y.weights, y.bias)
             output y",
        );
        assert_eq!(report.rewrites[0].what, "ScaleShift folded into the weights of `y`");
    }

    #[test]
    fn every_group_has_its_own_input_channels() {
        rewrites(
            &PASS,
            "x = input f32[1,4,3,3]
             s = constant f32[4,1,1] [1, 10, 100, 1000]
             z = Mul(x, s)
             w = constant f32[2,2,1,1] [1, 2, 3, 4]
             y = Conv(z, w) { group = 2, pads = [1, 1, 1, 1] }
             output y",
            "x = input f32[1,4,3,3]
             y.weights = constant f32[2,2,1,1] [1, 20, 300, 4000]
             y = Conv(x, y.weights) { group = 2, pads = [1, 1, 1, 1] }
             output y",
        );
        rewrites(
            &PASS,
            "x = input f32[1,4,3,3]
             t = constant f32[4,1,1] [1, 10, 100, 1000]
             z = Add(x, t)
             w = constant f32[2,2,1,1] [1, 2, 3, 4]
             y = Conv(z, w) { group = 2 }
             output y",
            "x = input f32[1,4,3,3]
             y.bias = constant f32[2] [21, 4300]
             w = constant f32[2,2,1,1] [1, 2, 3, 4]
             y = Conv(x, w, y.bias) { group = 2 }
             output y",
        );
    }

    #[test]
    fn a_shift_does_not_reach_the_zeros_around_the_picture() {
        refuses(
            &PASS,
            "x = input f32[1,2,3,3]
             t = constant f32[] [1]
             z = Add(x, t)
             w = constant f32[2,2,3,3] random(1)
             y = Conv(z, w) { pads = [1, 1, 1, 1] }
             output y",
            &[("y", "`z` shifts its result, and the zeros around it are not shifted")],
        );
    }

    #[test]
    fn only_linear_neighbours_are_folded() {
        ignores(
            &PASS,
            "x = input f32[1,2,3,3]
             s = constant f32[2] [10, 100]
             z = ScaleShift(x, s, s) { activation = \"Relu\" }
             w = constant f32[2,2,3,3] random(1)
             y = Conv(z, w)
             output y",
        );
    }
}
