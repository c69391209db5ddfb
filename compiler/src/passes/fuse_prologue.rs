//! Scale, shift and activation into the load of the convolution behind them:
//! the order of DenseNet (Huang et al. 2017) and of pre-activation ResNets (He
//! et al. 2016).

use super::patch::{Link, Patch};
use super::pattern::{name, operand, read_only_by};
use super::{Miss, Outcome, Pass};
use crate::ir::NodeId;
use crate::ops::{Activation, Conv, Graph, Op, Prologue};

pub(super) const PASS: Pass = Pass {
    name: "fuse-prologue",
    about: "Lets a convolution scale, shift and activate its input by itself.",
    rules: &[fuse_prologue],
    sweeps: false,
};

/// `conv(activation(x * s + t)) = conv with prologue (x)`
fn fuse_prologue(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Conv(conv)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    Miss::unless(conv.prologue.is_none())?;
    let input = operand(graph, node, Conv::INPUT)?;
    let Some(Op::ScaleShift(scale_shift)) = graph.operator(input.node) else {
        return Err(Miss::NoPattern);
    };
    let activation = scale_shift.activation;
    Miss::refuse_unless(activation != Activation::ChannelRelu, || {
        format!("{} applies a slope a channel", name(graph, input.node))
    })?;
    read_only_by(graph, input, node)?;

    let link = |slot| graph.operand(input.node, slot).map(Link::Old);
    let mut operands: Vec<Option<Link>> =
        graph.operands(node).into_iter().map(|operand| operand.map(Link::Old)).collect();
    operands.resize(operands.len().max(Conv::SHIFT + 1), None);
    operands[Conv::INPUT] = link(0);
    operands[Conv::SCALE] = link(1);
    operands[Conv::SHIFT] = link(2);
    let what = format!("{} applied while {} loads", name(graph, input.node), name(graph, node));
    let conv = Conv { prologue: Some(Prologue { activation }), ..conv.clone() };
    Ok(Patch::operator_for(&[input.node, node], what, conv, operands))
}
