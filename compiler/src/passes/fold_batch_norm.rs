//! Batch normalisation, and scale and shift in any spelling, into the weights
//! of the convolution or matrix product before it.

use super::patch::{Link, Patch};
use super::pattern::{
    Affine, Match, affine, affine_operand, channel_values, constant_weights, name, narrow, operand,
    read_only_by,
};
use super::{Miss, Outcome, Pass};
use crate::error::{Error, Result};
use crate::ir::{Data, NodeId, Operator, Tensor, Value};
use crate::ops::{Activation, Conv, Gemm, Graph, Op};

pub(super) const PASS: Pass = Pass {
    name: "fold-batch-norm",
    about: "Multiplies the scale of a batch normalization, or of a chain of Mul, Div, Add and \
            Sub, into the weights of the convolution or matrix product before it.",
    rules: &[after_conv, after_gemm],
    sweeps: false,
};

/// `conv(x, w) + b`, times `s`, plus `t`  =  `conv(x, s * w) + (s * b + t)`
fn after_conv(graph: &Graph, node: NodeId) -> Outcome {
    let x = affine_operand(graph, node)?;
    let Some(Op::Conv(conv)) = graph.operator(x.node) else { return Err(Miss::NoPattern) };
    Miss::unless(conv.epilogue.activation == Activation::Identity)?;
    Miss::unless(conv.epilogue.residual.is_none())?;
    let affine = affine(graph, node)?;
    let weights = constant_weights(graph, x.node, Conv::WEIGHTS)?;
    let bias = offset(graph, x.node, Conv::BIAS, 1.0, &affine)?;
    read_only_by(graph, x, node)?;

    let mut patch = Patch::new(&[x.node, node], folded(graph, node, x.node));
    let layer = &graph.node(x.node).name;
    let mut operands: Vec<Option<Link>> =
        graph.operands(x.node).into_iter().map(|operand| operand.map(Link::Old)).collect();
    if operands.len() <= Conv::BIAS {
        operands.resize(Conv::BIAS + 1, None);
    }
    operands[Conv::BIAS] = Some(patch.constant(format!("{layer}.bias"), narrow(&bias)));
    if !affine.only_shifts() {
        operands[Conv::WEIGHTS] = Some(scaled(&mut patch, layer, weights, affine.scale, true));
    }
    let conv = patch.operator(x.node, conv.clone(), operands);
    patch.replace(node, conv);
    Ok(patch)
}

/// `alpha * a * b + beta * c`, times `s`, plus `t`  =
/// `alpha * a * (s * b) + (s * beta * c + t)`
fn after_gemm(graph: &Graph, node: NodeId) -> Outcome {
    let x = affine_operand(graph, node)?;
    let Some(Op::Gemm(gemm)) = graph.operator(x.node) else { return Err(Miss::NoPattern) };
    Miss::unless(gemm.activation == Activation::Identity)?;
    let affine = affine(graph, node)?;
    let weights = constant_weights(graph, x.node, 1)?;
    let c = offset(graph, x.node, 2, gemm.beta, &affine)?;
    read_only_by(graph, x, node)?;

    let mut patch = Patch::new(&[x.node, node], folded(graph, node, x.node));
    let layer = &graph.node(x.node).name;
    let a = operand(graph, x.node, 0)?;
    let c = patch.constant(format!("{layer}.bias"), narrow(&c));
    let b = if affine.only_shifts() {
        weights.into()
    } else {
        scaled(&mut patch, layer, weights, affine.scale, gemm.transpose_b)
    };
    let gemm = Gemm { beta: 1.0, ..*gemm };
    let gemm = patch.operator(x.node, gemm, vec![Some(a.into()), Some(b), Some(c)]);
    patch.replace(node, gemm);
    Ok(patch)
}

fn folded(graph: &Graph, node: NodeId, layer: NodeId) -> String {
    let operator = graph.operator(node).map(Operator::name).unwrap_or_default();
    format!("{operator} folded into the weights of {}", name(graph, layer))
}

/// What is added to the result, one value a channel: the layer's own offset
/// times `factor`, scaled and shifted.
fn offset(
    graph: &Graph,
    layer: NodeId,
    slot: usize,
    factor: f32,
    affine: &Affine,
) -> Match<Vec<f64>> {
    let mut offset = affine.shift.clone();
    let Some(own) = graph.operand(layer, slot) else { return Ok(offset) };
    let own = graph.constant(own).ok_or_else(|| {
        Miss::Refused(format!("the offset of {} is computed at run time", name(graph, layer)))
    })?;
    // A vector is one value a channel of rows, but not of pictures.
    let own = channel_values(own, &[1, offset.len()]).ok_or_else(|| {
        Miss::Refused(format!("the offset of {} differs from row to row", name(graph, layer)))
    })?;
    for ((offset, own), scale) in offset.iter_mut().zip(own).zip(&affine.scale) {
        *offset += scale * f64::from(factor) * f64::from(own);
    }
    Ok(offset)
}

/// The weights with each output's multiplied by its factor: a run of values
/// where outputs come first, else every so many.
fn scaled(
    patch: &mut Patch,
    layer: &str,
    weights: Value,
    scale: Vec<f64>,
    outputs_first: bool,
) -> Link {
    patch.changed(format!("{layer}.weights"), weights, move |tensor| {
        let values = f32s_mut(tensor)?;
        let outputs = scale.len().max(1);
        if outputs_first {
            let each = (values.len() / outputs).max(1);
            for (values, scale) in values.chunks_exact_mut(each).zip(&scale) {
                multiply(values, std::iter::repeat(scale));
            }
        } else {
            for values in values.chunks_exact_mut(outputs) {
                multiply(values, scale.iter());
            }
        }
        Ok(())
    })
}

fn multiply<'s>(values: &mut [f32], factors: impl Iterator<Item = &'s f64>) {
    for (value, factor) in values.iter_mut().zip(factors) {
        *value = (f64::from(*value) * factor) as f32;
    }
}

/// The values of weights, to change.
pub(super) fn f32s_mut(tensor: &mut Tensor) -> Result<&mut Vec<f32>> {
    match tensor.data_mut() {
        Data::F32(values) => Ok(values),
        other => Err(Error::shape(format!("expected f32 weights, found {}", other.element()))),
    }
}
