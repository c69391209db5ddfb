//! Activations into the store of what computes their operand.

use super::patch::{Link, Patch};
use super::pattern::{
    activation_name, binary, channel_values, name, operand, read_only_by, sizes_with_channels,
};
use super::recognize_activations::composed;
use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, Tensor};
use crate::ops::{Activation, Conv, Epilogue, Graph, Op};
use crate::step::{BinaryOperation, ResidualOrder};

pub(super) const PASS: Pass = Pass {
    name: "fuse-activation",
    about: "Lets convolutions, matrix products, scale and shift, and sums and products apply the \
            activation behind them before they store.",
    rules: &[fuse_activation, fuse_parametric_relu],
    sweeps: false,
};

/// `activation(layer(x)) = layer with activation (x)`
fn fuse_activation(graph: &Graph, node: NodeId) -> Outcome {
    let Some(&Op::Activation(activation)) = graph.operator(node) else {
        return Err(Miss::NoPattern);
    };
    let layer = operand(graph, node, 0)?.node;
    let operator = with_activation(graph, layer, activation)?;
    read_only_by(graph, operand(graph, node, 0)?, node)?;
    let operands = links(graph, layer);
    Ok(patch(
        layer,
        node,
        operator,
        operands,
        Patch::new(&[layer, node], what(graph, layer, activation)),
    ))
}

/// `PRelu(layer(x), slopes) = layer with activation (x, slopes)`, with a slope
/// a channel
fn fuse_parametric_relu(graph: &Graph, node: NodeId) -> Outcome {
    let (x, slopes) =
        binary(graph, node, BinaryOperation::ParametricRelu).ok_or(Miss::NoPattern)?;
    let slot = match graph.operator(x.node) {
        Some(Op::Conv(_)) => Conv::SLOPES,
        Some(Op::ScaleShift(_)) => 3,
        _ => return Err(Miss::NoPattern),
    };
    let slopes = graph
        .constant(slopes)
        .ok_or_else(|| Miss::Refused("the slopes are computed at run time".to_owned()))?;
    let sizes = sizes_with_channels(graph.type_of(x)).ok_or(Miss::NoPattern)?;
    let slopes = channel_values(slopes, &sizes).ok_or_else(|| {
        Miss::Refused(format!("the slopes {} are not one a channel", slopes.tensor_type()))
    })?;
    let operator = with_activation(graph, x.node, Activation::ChannelRelu)?;
    read_only_by(graph, x, node)?;

    let mut patch_so_far =
        Patch::new(&[x.node, node], what(graph, x.node, Activation::ChannelRelu));
    let constant = format!("{}.slopes", graph.node(x.node).name);
    let constant = patch_so_far.constant(constant, Tensor::vector(slopes));
    let mut operands = links(graph, x.node);
    operands.resize(operands.len().max(slot + 1), None);
    operands[slot] = Some(constant);
    Ok(patch(x.node, node, operator, operands, patch_so_far))
}

fn what(graph: &Graph, layer: NodeId, activation: Activation) -> String {
    format!("{} applied while {} stores", activation_name(activation), name(graph, layer))
}

fn links(graph: &Graph, node: NodeId) -> Vec<Option<Link>> {
    graph.operands(node).into_iter().map(|operand| operand.map(Link::Old)).collect()
}

fn patch(
    layer: NodeId,
    node: NodeId,
    operator: Op,
    operands: Vec<Option<Link>>,
    mut patch: Patch,
) -> Patch {
    let layer = patch.operator(layer, operator, operands);
    patch.replace(node, layer);
    patch
}

/// The operator of a layer with one more activation.
fn with_activation(graph: &Graph, layer: NodeId, activation: Activation) -> Result<Op, Miss> {
    let then = |before| {
        composed(before, activation).ok_or_else(|| {
            Miss::Refused(format!(
                "{} applies {} already",
                name(graph, layer),
                activation_name(before)
            ))
        })
    };
    let per_channel = activation == Activation::ChannelRelu;
    match graph.operator(layer) {
        Some(Op::Conv(conv)) => {
            let residual = conv.epilogue.residual;
            Miss::refuse_unless(residual != Some(ResidualOrder::AfterActivation), || {
                format!("{} adds another tensor after its activation", name(graph, layer))
            })?;
            let activation = then(conv.epilogue.activation)?;
            Ok(Conv { epilogue: Epilogue { residual, activation }, ..conv.clone() }.into())
        }
        Some(Op::ScaleShift(scale_shift)) => {
            let mut scale_shift = *scale_shift;
            scale_shift.activation = then(scale_shift.activation)?;
            Ok(scale_shift.into())
        }
        Some(Op::Gemm(gemm)) if !per_channel => {
            let mut gemm = *gemm;
            gemm.activation = then(gemm.activation)?;
            Ok(gemm.into())
        }
        Some(Op::Binary(binary)) if !per_channel => {
            let mut binary = *binary;
            binary.activation = then(binary.activation)?;
            Ok(binary.into())
        }
        _ => Err(Miss::NoPattern),
    }
}
