//! What a node costs.

use super::{Conv, ConvTranspose, Graph, MatMul, Op};
use crate::ir::NodeId;

/// Multiply-adds of a node: those of convolutions and matrix products; other
/// operators count nothing.
#[must_use]
pub fn multiply_adds(graph: &Graph, node: NodeId) -> u64 {
    let operand = |slot| graph.operand(node, slot).map(|value| graph.type_of(value));
    let Some(result) = graph.node(node).outputs.first() else { return 0 };
    match (graph.operator(node), operand(0), operand(1)) {
        (
            Some(Op::Conv(_) | Op::GeneralConv(_) | Op::DeformConv(_) | Op::IntegerConv(_)),
            Some(_),
            Some(weights),
        ) => Conv::multiply_adds(weights, result),
        (Some(Op::QuantizedConv(_)), ..) => {
            operand(3).map_or(0, |weights| Conv::multiply_adds(weights, result))
        }
        (Some(Op::ConvTranspose(_) | Op::GeneralConvTranspose(_)), Some(input), Some(weights)) => {
            ConvTranspose::multiply_adds(input, weights)
        }
        (Some(Op::Gemm(gemm)), Some(a), Some(_)) => gemm.multiply_adds(a, result),
        (Some(Op::MatMul(_)), Some(left), Some(right)) => MatMul::multiply_adds(left, right),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Attribute, Attributes, Builder, TensorType};

    fn counted(operator: &str, attributes: &Attributes, operands: &[&[usize]]) -> u64 {
        let mut builder = Builder::<Op>::new("test", 13);
        let inputs: Vec<_> = operands
            .iter()
            .map(|shape| Some(builder.graph.add_input("input", TensorType::f32(shape))))
            .collect();
        let outputs = builder.node("node", operator, attributes, &inputs, &[true]).unwrap();
        multiply_adds(&builder.graph, outputs[0].node)
    }

    #[test]
    fn products_count_and_nothing_else() {
        let none = Attributes::default();
        let grouped = Attributes::default().with("group", Attribute::Int(3));
        // The result is [2, 6, 3, 4] and each value sums 2 * 2 * 2 products.
        assert_eq!(counted("Conv", &grouped, &[&[2, 6, 4, 5], &[6, 2, 2, 2], &[6]]), 144 * 8);
        // Each of 2 * 6 * 4 * 5 values is multiplied with 4 * 2 * 3 weights.
        assert_eq!(counted("Conv", &none, &[&[1, 2, 5], &[3, 2, 4]]), 6 * 8);
        assert_eq!(counted("ConvTranspose", &grouped, &[&[2, 6, 4, 5], &[6, 4, 2, 3]]), 240 * 24);
        let transposed = Attributes::default().with("transA", Attribute::Int(1));
        assert_eq!(counted("Gemm", &transposed, &[&[5, 2], &[5, 3], &[3]]), 2 * 5 * 3);
        assert_eq!(counted("MatMul", &none, &[&[7, 1, 2, 5], &[4, 5, 3]]), 7 * 4 * 2 * 5 * 3);
        assert_eq!(counted("MatMul", &none, &[&[5], &[5]]), 5);
        assert_eq!(counted("Mul", &none, &[&[5], &[5]]), 0);
    }
}
