//! What a node costs.

use super::{Conv, Graph, MatMul, Op};
use crate::ir::NodeId;

/// Multiply-adds of a node: those of convolutions and matrix products; other
/// operators count nothing.
#[must_use]
pub fn multiply_adds(graph: &Graph, node: NodeId) -> u64 {
    let operand = |slot| graph.operand(node, slot).map(|value| graph.type_of(value));
    let Some(result) = graph.node(node).outputs.first() else { return 0 };
    match (graph.operator(node), operand(0), operand(1)) {
        (Some(Op::Conv(_)), Some(_), Some(weights)) => Conv::multiply_adds(weights, result),
        (Some(Op::Gemm(gemm)), Some(a), Some(_)) => gemm.multiply_adds(a, result),
        (Some(Op::MatMul(_)), Some(left), Some(right)) => MatMul::multiply_adds(left, right),
        _ => 0,
    }
}
