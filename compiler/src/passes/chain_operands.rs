//! Functions of many operands become chains of functions of two, which have
//! kernels.

use super::patch::{Link, Patch};
use super::pattern::output;
use super::{Miss, Outcome, Pass};
use crate::ir::{ElementType, NodeId, Tensor};
use crate::operation::FoldFunction;
use crate::ops::{Activation, Binary, Graph, Op};
use crate::step::BinaryOperation;

pub(super) const PASS: Pass = Pass {
    name: "chain-operands",
    about: "Makes chains of two operands each of sums, means, minima and maxima of many.",
    rules: &[chain],
    sweeps: false,
};

/// `sum(a, b, c) = a + b + c`
fn chain(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Variadic(variadic)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    let tensor_type = graph.type_of(output(node));
    Miss::unless(tensor_type.element == ElementType::F32 && tensor_type.is_fixed())?;
    let binary = |operation| Binary { operation, activation: Activation::Identity };
    let operation = match variadic.function {
        FoldFunction::Sum | FoldFunction::Mean => BinaryOperation::Add,
        FoldFunction::Min => BinaryOperation::Min,
        FoldFunction::Max => BinaryOperation::Max,
    };
    let operands = Link::operands(graph, node);
    let count = operands.len();
    let mut rest = operands.into_iter();
    let mut joined = rest.next().flatten().ok_or(Miss::NoPattern)?;
    let mut patch = Patch::new(&[node], format!("{count} operands joined two by two"));
    for operand in rest {
        joined = patch.operator(node, binary(operation), vec![Some(joined), operand]);
    }
    if variadic.function == FoldFunction::Mean {
        let count = Tensor::scalar(count as f32);
        let count = patch.constant(format!("{}.count", graph.node(node).name), count);
        let divide = binary(BinaryOperation::Div);
        joined = patch.operator(node, divide, vec![Some(joined), Some(count)]);
    }
    patch.replace(node, joined);
    Ok(patch)
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{ignores, rewrites};

    const INPUTS: &str = "a = input f32[2,3]\nb = input f32[3]\nc = input f32[2,1]\n";

    #[test]
    fn many_operands_are_joined_two_by_two() {
        rewrites(
            &PASS,
            &format!("{INPUTS}y = Sum(a, b, c)\noutput y"),
            &format!("{INPUTS}%3 = Add(a, b)\n%4 = Add(%3, c)\noutput y = %4"),
        );
        rewrites(
            &PASS,
            &format!("{INPUTS}y = Max(a, b, c)\noutput y"),
            &format!("{INPUTS}%3 = Max(a, b)\n%4 = Max(%3, c)\noutput y = %4"),
        );
    }

    #[test]
    fn a_mean_is_a_sum_divided_by_its_count() {
        rewrites(
            &PASS,
            &format!("{INPUTS}y = Mean(a, b)\noutput y"),
            &format!(
                "{INPUTS}%3 = Add(a, b)\ny.count = constant f32[] [2]\n\
                 %5 = Div(%3, y.count)\noutput y = %5"
            ),
        );
    }

    #[test]
    fn other_types_are_left_alone() {
        ignores(
            &PASS,
            "a = input i64[2]
             y = Max(a, a, a)
             output y",
        );
    }
}
