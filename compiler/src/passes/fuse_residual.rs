//! Addition of a tensor into the store of the convolution that computes the
//! other.

use super::patch::{Link, Patch};
use super::pattern::{activation_name, conv_of, name, operand, output, read_only_by};
use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, Value};
use crate::ops::{Activation, Binary, Conv, Epilogue, Graph, Op};
use crate::step::{BinaryOperation, ResidualOrder};

pub(super) const PASS: Pass = Pass {
    name: "fuse-residual",
    about: "Lets a convolution add another tensor, as residual connections do, to its result \
            before it stores it.",
    rules: &[fuse_residual],
    sweeps: false,
};

/// `activation(conv(x) + y) = conv with residual (x, y)`, and
/// `activation(conv(x)) + y` likewise
fn fuse_residual(graph: &Graph, node: NodeId) -> Outcome {
    let Some(&Op::Binary(Binary { operation: BinaryOperation::Add, activation })) =
        graph.operator(node)
    else {
        return Err(Miss::NoPattern);
    };
    let (left, right) = (operand(graph, node, 0)?, operand(graph, node, 1)?);
    // Of two convolutions the later one adds: the other has its result ready.
    let mut orders = [(left, right), (right, left)];
    orders.sort_by_key(|(sum, _)| std::cmp::Reverse(graph.node(sum.node).position));
    let mut refused = Miss::NoPattern;
    for (sum, addend) in orders {
        match added_by(graph, node, sum, addend, activation) {
            Ok(epilogue) => return Ok(patch(graph, node, sum.node, addend, epilogue)),
            Err(Miss::NoPattern) => {}
            Err(why) => refused = why,
        }
    }
    Err(refused)
}

/// The epilogue with which the convolution that computes `sum` adds `addend`.
fn added_by(
    graph: &Graph,
    node: NodeId,
    sum: Value,
    addend: Value,
    after: Activation,
) -> Result<Epilogue, Miss> {
    let conv = conv_of(graph, sum).ok_or(Miss::NoPattern)?;
    let layer = || name(graph, sum.node);
    // Nothing but the addition reads the convolution: `addend` cannot depend
    // on it.
    read_only_by(graph, sum, node)?;
    Miss::refuse_unless(sum != addend, || format!("{} is added to itself", layer()))?;
    Miss::refuse_unless(graph.type_of(sum) == graph.type_of(addend), || {
        format!("{} is broadcast to the result of {}", name(graph, addend.node), layer())
    })?;
    Miss::refuse_unless(conv.epilogue.residual.is_none(), || {
        format!("{} adds another tensor already", layer())
    })?;
    let before = conv.epilogue.activation;
    match (before, after) {
        (Activation::Identity, activation) => {
            Ok(Epilogue { residual: Some(ResidualOrder::BeforeActivation), activation })
        }
        (activation, Activation::Identity) => {
            Ok(Epilogue { residual: Some(ResidualOrder::AfterActivation), activation })
        }
        (before, after) => Err(Miss::Refused(format!(
            "{} applies {} before the addition, and {} comes after it",
            layer(),
            activation_name(before),
            activation_name(after)
        ))),
    }
}

fn patch(graph: &Graph, node: NodeId, layer: NodeId, addend: Value, epilogue: Epilogue) -> Patch {
    let what = format!("added while {} stores", name(graph, layer));
    let mut patch = Patch::new(&[layer, node], what);
    let Some(conv) = conv_of(graph, output(layer)) else { return patch };
    let mut operands: Vec<Option<Link>> =
        graph.operands(layer).into_iter().map(|operand| operand.map(Link::Old)).collect();
    operands.resize(operands.len().max(Conv::RESIDUAL + 1), None);
    operands[Conv::RESIDUAL] = Some(addend.into());
    let conv = patch.operator(layer, Conv { epilogue, ..conv.clone() }, operands);
    patch.replace(node, conv);
    patch
}
