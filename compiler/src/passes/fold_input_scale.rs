//! Scale and shift into the weights of the convolution behind them.

use super::fold_batch_norm::f32s_mut;
use super::patch::{Link, Patch};
use super::pattern::{Affine, affine, affine_operand, constant_weights, name, narrow, operand};
use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, Operator, Tensor};
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
    let filters = Filters { outputs, depth, taps: height * width, groups: conv.groups };
    Miss::unless(filters.fit(affine.scale.len()))?;

    let operator = graph.operator(before).map(Operator::name).unwrap_or_default();
    let what = format!("{operator} folded into the weights of {}", name(graph, node));
    let mut patch = Patch::new(&[before, node], what);
    let layer = &graph.node(node).name;
    let mut operands: Vec<Option<Link>> =
        graph.operands(node).into_iter().map(|operand| operand.map(Link::Old)).collect();
    operands[Conv::INPUT] = Some(affine.x.into());
    if !affine.only_scales() {
        let bias = filters.bias(graph, node, weights, &affine)?;
        operands.resize(operands.len().max(Conv::BIAS + 1), None);
        operands[Conv::BIAS] = Some(patch.constant(format!("{layer}.bias"), bias));
    }
    if !affine.only_shifts() {
        let change = move |weights: &mut Tensor| {
            filters.scale(f32s_mut(weights)?, &affine.scale);
            Ok(())
        };
        operands[Conv::WEIGHTS] = Some(patch.changed(format!("{layer}.weights"), weights, change));
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
            && self.outputs * self.depth * self.taps > 0
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
        weights: crate::ir::Value,
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
