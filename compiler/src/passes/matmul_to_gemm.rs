//! Matrix products with constant weights take one form: weights by output,
//! no factors.

use super::fold_batch_norm::f32s_mut;
use super::patch::{Link, Patch};
use super::pattern::{name, operand};
use super::{Miss, Outcome, Pass};
use crate::error::Result;
use crate::ir::{ElementType, NodeId, Tensor};
use crate::ops::{Activation, Gemm, Graph, Op};

pub(super) const PASS: Pass = Pass {
    name: "matmul-to-gemm",
    about: "Makes fully connected layers of matrix products with constants: weights stored by \
            output, factors multiplied in.",
    rules: &[matmul, weights_by_output, factor_of_product, factor_of_offset],
    sweeps: false,
};

/// `matmul(a, b) = gemm(a, transpose(b))`
fn matmul(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::MatMul(_)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    let (a, b) = (operand(graph, node, 0)?, operand(graph, node, 1)?);
    Miss::unless(graph.constant(b).is_some() && graph.type_of(b).rank() == 2)?;
    Miss::unless(graph.type_of(b).element == ElementType::F32)?;
    Miss::refuse_unless(graph.type_of(a).rank() == 2, || {
        format!("only a matrix goes through a fully connected layer, not {}", graph.type_of(a))
    })?;
    let mut patch =
        Patch::new(&[node], "a product with constant weights is a fully connected layer");
    let weights = patch.changed(format!("{}.weights", graph.node(node).name), b, transpose);
    let gemm = Gemm {
        alpha: 1.0,
        beta: 1.0,
        transpose_a: false,
        transpose_b: true,
        activation: Activation::Identity,
    };
    let gemm = patch.operator(node, gemm, vec![Some(a.into()), Some(weights)]);
    patch.replace(node, gemm);
    Ok(patch)
}

/// `gemm(a, b) = gemm(a, transpose(b))`, for constant `b`
fn weights_by_output(graph: &Graph, node: NodeId) -> Outcome {
    let gemm = gemm(graph, node)?;
    let b = operand(graph, node, 1)?;
    Miss::unless(!gemm.transpose_b && graph.constant(b).is_some())?;
    let mut patch =
        Patch::new(&[node], format!("weights of {} stored by output", name(graph, node)));
    let weights = patch.changed(format!("{}.weights", graph.node(node).name), b, transpose);
    rewired(graph, node, patch, Gemm { transpose_b: true, ..*gemm }, 1, weights)
}

/// `alpha * (a * b) = a * (alpha * b)`
fn factor_of_product(graph: &Graph, node: NodeId) -> Outcome {
    let gemm = gemm(graph, node)?;
    let b = operand(graph, node, 1)?;
    Miss::unless(!is_one(gemm.alpha) && graph.constant(b).is_some())?;
    let mut patch = Patch::new(&[node], "alpha multiplied into the weights");
    let alpha = gemm.alpha;
    let name = format!("{}.weights", graph.node(node).name);
    let weights = patch.changed(name, b, move |weights| multiply(weights, alpha));
    rewired(graph, node, patch, Gemm { alpha: 1.0, ..*gemm }, 1, weights)
}

/// `beta * c`, computed
fn factor_of_offset(graph: &Graph, node: NodeId) -> Outcome {
    let gemm = gemm(graph, node)?;
    Miss::unless(!is_one(gemm.beta))?;
    let Some(c) = graph.operand(node, 2) else {
        // A factor of nothing; without it, equal layers look equal.
        let operands = Link::operands(graph, node);
        let gemm = Gemm { beta: 1.0, ..*gemm };
        return Ok(Patch::operator_for(
            &[node],
            "beta dropped: there is no offset",
            gemm,
            operands,
        ));
    };
    Miss::unless(graph.constant(c).is_some())?;
    let mut patch = Patch::new(&[node], "beta multiplied into the offset");
    let beta = gemm.beta;
    let name = format!("{}.bias", graph.node(node).name);
    let offset = patch.changed(name, c, move |offset| multiply(offset, beta));
    rewired(graph, node, patch, Gemm { beta: 1.0, ..*gemm }, 2, offset)
}

fn gemm(graph: &Graph, node: NodeId) -> std::result::Result<&Gemm, Miss> {
    match graph.operator(node) {
        Some(Op::Gemm(gemm)) => Ok(gemm),
        _ => Err(Miss::NoPattern),
    }
}

const fn is_one(factor: f32) -> bool {
    factor.to_bits() == 1f32.to_bits()
}

/// The layer with another operand in one slot.
fn rewired(
    graph: &Graph,
    node: NodeId,
    mut patch: Patch,
    gemm: Gemm,
    slot: usize,
    operand: Link,
) -> Outcome {
    let mut operands = Link::operands(graph, node);
    Link::fill(&mut operands, slot, operand);
    let gemm = patch.operator(node, gemm, operands);
    patch.replace(node, gemm);
    Ok(patch)
}

fn multiply(tensor: &mut Tensor, factor: f32) -> Result<()> {
    f32s_mut(tensor)?.iter_mut().for_each(|value| *value *= factor);
    Ok(())
}

/// Rows that are transposed together: a column of that many rows is read while
/// the cache lines it touches stay.
const ROWS: usize = 16;

/// Transposes a matrix.
fn transpose(tensor: &mut Tensor) -> Result<()> {
    let &[rows, columns] = tensor.shape() else {
        return Err(crate::Error::shape(format!("{} is no matrix", tensor.tensor_type())));
    };
    let values = f32s_mut(tensor)?;
    let mut transposed = vec![0.0; values.len()];
    let strips = values.chunks(columns.saturating_mul(ROWS).max(1));
    for (strip, first) in strips.zip((0..rows).step_by(ROWS)) {
        for (column, target) in transposed.chunks_exact_mut(rows.max(1)).enumerate() {
            let source = strip[column..].iter().step_by(columns);
            target[first..].iter_mut().zip(source).for_each(|(slot, &value)| *slot = value);
        }
    }
    *tensor = Tensor::new(&[columns, rows], transposed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::ir::Tensor;
    use crate::passes::testing::{ignores, refuses, rewrites};

    #[test]
    fn a_product_with_constants_is_a_fully_connected_layer() {
        rewrites(
            &PASS,
            "x = input f32[2,3]
             w = constant f32[3,2] [1, 2, 3, 4, 5, 6]
             y = MatMul(x, w)
             output y",
            "x = input f32[2,3]
             y.weights = constant f32[2,3] [1, 3, 5, 2, 4, 6]
             y = Gemm(x, y.weights) { transB = 1 }
             output y",
        );
        refuses(
            &PASS,
            "x = input f32[2,2,3]
             w = constant f32[3,2] [1, 2, 3, 4, 5, 6]
             y = MatMul(x, w)
             output y",
            &[("y", "only a matrix goes through a fully connected layer, not f32[2,2,3]")],
        );
        ignores(
            &PASS,
            "x = input f32[2,3]
             w = input f32[3,2]
             y = MatMul(x, w)
             output y",
        );
    }

    #[test]
    fn factors_are_multiplied_in() {
        rewrites(
            &PASS,
            "x = input f32[2,2]
             w = constant f32[2,2] [1, 2, 3, 4]
             c = constant f32[2] [1, 2]
             y = Gemm(x, w, c) { alpha = 2.0, beta = 3.0 }
             output y",
            "x = input f32[2,2]
             y.weights = constant f32[2,2] [2, 6, 4, 8]
             y.bias = constant f32[2] [3, 6]
             y = Gemm(x, y.weights, y.bias) { transB = 1 }
             output y",
        );
        rewrites(
            &PASS,
            "x = input f32[2,2]
             w = constant f32[2,2] [1, 2, 3, 4]
             y = Gemm(x, w) { beta = 3.0, transA = 1, transB = 1 }
             output y",
            "x = input f32[2,2]
             w = constant f32[2,2] [1, 2, 3, 4]
             y = Gemm(x, w) { transA = 1, transB = 1 }
             output y",
        );
        ignores(
            &PASS,
            "x = input f32[2,2]
             w = input f32[2,2]
             y = Gemm(x, w) { alpha = 2.0 }
             output y",
        );
    }

    #[test]
    fn transposing_works_for_any_number_of_strips() {
        for (rows, columns) in [(1, 1), (1, 5), (5, 1), (16, 3), (17, 33), (40, 2), (0, 3), (3, 0)]
        {
            let value = |row, column| (row * 1000 + column) as f32;
            let values: Vec<f32> = (0..rows)
                .flat_map(|row| (0..columns).map(move |column| value(row, column)))
                .collect();
            let mut matrix = Tensor::new(&[rows, columns], values).unwrap();
            super::transpose(&mut matrix).unwrap();
            let transposed: Vec<f32> = (0..columns)
                .flat_map(|column| (0..rows).map(move |row| value(row, column)))
                .collect();
            assert_eq!(matrix, Tensor::new(&[columns, rows], transposed).unwrap());
        }
    }
}
