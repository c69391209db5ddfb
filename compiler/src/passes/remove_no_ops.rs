//! Removal of nodes that pass their operand on, and of detours.

use super::patch::Patch;
use super::pattern::{binary_with_number, binary_with_number_in_either_order, operand, output};
use super::{Miss, Outcome, Pass};
use crate::ir::{NodeId, Value};
use crate::operation::Precision;
use crate::ops::{Activation, Graph, Op, Pool, Reduce, ReduceKind, Reshape, SliceRange, Transpose};
use crate::step::BinaryOperation;

pub(super) const PASS: Pass = Pass {
    name: "remove-no-ops",
    about: "Removes nodes that change nothing, such as Identity, Dropout and reshapes to the same \
            shape, and joins reshapes and transposes that follow each other.",
    rules: &[
        no_op,
        neutral_number,
        reshape_of_reshape,
        transpose_of_transpose,
        transpose_is_reshape,
        reduce_is_reshape,
    ],
    sweeps: false,
};

/// `f(x) = x`
fn no_op(graph: &Graph, node: NodeId) -> Outcome {
    let x = operand(graph, node, 0)?;
    let why = why_no_op(graph, node, x).ok_or(Miss::NoPattern)?;
    Miss::unless(graph.type_of(x) == graph.type_of(output(node)))?;
    Ok(Patch::bypass(node, x, format!("removed: {why}")))
}

/// Why the result is the operand, provided that their types are the same.
fn why_no_op(graph: &Graph, node: NodeId, x: Value) -> Option<&'static str> {
    let operator = graph.operator(node)?;
    let (does, why) = match operator {
        Op::Identity(_) | Op::Activation(Activation::Identity) => {
            (true, "it passes its operand on")
        }
        Op::Reshape(_) | Op::Expand(_) => (true, "the shape stays as it is"),
        Op::Cast(cast) => {
            (cast.precision == Precision::Full, "the elements have that type already")
        }
        Op::Dropout(_) => {
            let mask = Value { node, output: 1 };
            let unread = graph.consumers(mask).is_empty() && !graph.is_output(mask);
            (unread, "nobody reads its mask")
        }
        Op::Transpose(Transpose { permutation }) => {
            (permutation.iter().copied().eq(0..permutation.len()), "no dimension moves")
        }
        Op::Slice(slice) => (slice.ranges.iter().all(takes_from_the_start), "it takes everything"),
        Op::Pad(pad) => (pad.pads.iter().all(|&pads| pads == (0, 0)), "it pads with nothing"),
        Op::Concat(_) => (graph.operands(node).len() == 1, "it joins only one tensor"),
        Op::Split(split) => (split.sizes.len() == 1, "it splits nothing off"),
        Op::Pool(pool) => (is_pixel_by_pixel(pool), "its windows are single pixels"),
        Op::GlobalPool(_) => {
            let sizes = graph.type_of(x).picture().ok()?;
            (sizes[2..] == [1, 1], "the planes are single pixels")
        }
        _ => return None,
    };
    does.then_some(why)
}

const fn takes_from_the_start(range: &SliceRange) -> bool {
    range.start == 0 && (range.step == 1 || range.size <= 1)
}

fn is_pixel_by_pixel(pool: &Pool) -> bool {
    pool.kernel == [1, 1] && pool.strides == [1, 1] && pool.pads == [0; 4]
}

/// `x + 0 = x - 0 = x * 1 = x / 1 = pow(x, 1) = x`
fn neutral_number(graph: &Graph, node: NodeId) -> Outcome {
    let neutral = |operation, number: f32| {
        let found = match operation {
            BinaryOperation::Add | BinaryOperation::Mul => {
                binary_with_number_in_either_order(graph, node, operation)
            }
            _ => binary_with_number(graph, node, operation),
        };
        found.filter(|(_, found)| *found == number).map(|(x, _)| x)
    };
    let x = neutral(BinaryOperation::Add, 0.0)
        .or_else(|| neutral(BinaryOperation::Sub, 0.0))
        .or_else(|| neutral(BinaryOperation::Mul, 1.0))
        .or_else(|| neutral(BinaryOperation::Div, 1.0))
        .or_else(|| neutral(BinaryOperation::Pow, 1.0))
        .ok_or(Miss::NoPattern)?;
    Ok(Patch::bypass(node, x, "removed: the constant changes nothing"))
}

/// `reshape(reshape(x)) = reshape(x)`
fn reshape_of_reshape(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Reshape(reshape)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    let between = operand(graph, node, 0)?.node;
    let Some(Op::Reshape(_)) = graph.operator(between) else { return Err(Miss::NoPattern) };
    let x = operand(graph, between, 0)?;
    let what = "the last of two reshapes decides";
    Ok(Patch::operator_for(&[between, node], what, reshape.clone(), vec![Some(x.into())]))
}

/// `transpose(transpose(x)) = transpose(x)`
fn transpose_of_transpose(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Transpose(last)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    let between = operand(graph, node, 0)?.node;
    let Some(Op::Transpose(first)) = graph.operator(between) else { return Err(Miss::NoPattern) };
    let x = operand(graph, between, 0)?;
    let permutation = last.permutation.iter().map(|&from| first.permutation.get(from).copied());
    let permutation = permutation.collect::<Option<_>>().ok_or(Miss::NoPattern)?;
    let joined = Transpose { permutation };
    let what = "two transposes are one";
    Ok(Patch::operator_for(&[between, node], what, joined, vec![Some(x.into())]))
}

/// A transpose that keeps the order of all dimensions but those of size 1.
fn transpose_is_reshape(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Transpose(transpose)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    let x = operand(graph, node, 0)?;
    let sizes = graph.type_of(x).sizes().map_err(|_| Miss::NoPattern)?;
    let moved: Vec<usize> =
        transpose.permutation.iter().copied().filter(|&d| sizes.get(d) != Some(&1)).collect();
    Miss::unless(moved.is_sorted() && !transpose.permutation.is_sorted())?;
    let what = "a transpose that only moves dimensions of size 1 is a reshape";
    reshape_instead(graph, node, x, what)
}

/// A reduction over dimensions of size 1.
fn reduce_is_reshape(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Reduce(Reduce { kind, axes, .. })) = graph.operator(node) else {
        return Err(Miss::NoPattern);
    };
    match kind {
        ReduceKind::Mean
        | ReduceKind::Sum
        | ReduceKind::Max
        | ReduceKind::Min
        | ReduceKind::Prod => {}
        ReduceKind::L1
        | ReduceKind::L2
        | ReduceKind::SumSquare
        | ReduceKind::LogSum
        | ReduceKind::LogSumExp => return Err(Miss::NoPattern),
    }
    let x = operand(graph, node, 0)?;
    let sizes = graph.type_of(x).sizes().map_err(|_| Miss::NoPattern)?;
    Miss::unless(axes.iter().all(|&axis| sizes.get(axis) == Some(&1)))?;
    reshape_instead(graph, node, x, "a reduction over dimensions of size 1 is a reshape")
}

fn reshape_instead(graph: &Graph, node: NodeId, x: Value, what: &str) -> Outcome {
    let shape = graph.type_of(output(node)).sizes()?;
    Ok(Patch::operator_for(&[node], what, Reshape { shape }, vec![Some(x.into())]))
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{ignores, rewrites};

    /// Asserts that a node between an input and a Relu disappears.
    #[track_caller]
    fn disappears(shape: &str, node: &str) {
        let before = format!("x = input f32{shape}\n{node}\ny = Relu(n)\noutput y");
        rewrites(&PASS, &before, &format!("x = input f32{shape}\ny = Relu(x)\noutput y"));
    }

    /// Asserts that it does not.
    #[track_caller]
    fn stays(shape: &str, node: &str) {
        ignores(&PASS, &format!("x = input f32{shape}\n{node}\ny = Relu(n)\noutput y"));
    }

    #[test]
    fn nodes_that_change_nothing_disappear() {
        disappears("[2,3]", "n = Identity(x)");
        disappears("[2,3]", "n = Dropout(x)");
        disappears("[2,3]", "n, mask = Dropout(x)");
        disappears("[2,3]", "n = Reshape(x) { shape = [2, 3] }");
        disappears("[2,3]", "n = Expand(x) { shape = [2, 3] }");
        disappears("[2,3]", "n = Cast(x) { to = 1 }");
        disappears("[2,3]", "n = Transpose(x) { perm = [0, 1] }");
        disappears("[2,3]", "n = Slice(x) { starts = [0], ends = [99], axes = [1] }");
        disappears("[2,3]", "n = Pad(x) { pads = [0, 0, 0, 0] }");
        disappears("[2,3]", "n = Concat(x) { axis = 1 }");
        disappears("[2,3]", "n = Split(x) { axis = 1, split = [3] }");
        disappears("[1,2,3,3]", "n = AveragePool(x) { kernel_shape = [1, 1] }");
        disappears("[1,2,1,1]", "n = GlobalAveragePool(x)");
    }

    #[test]
    fn nodes_that_look_alike_stay() {
        stays("[2,3]", "n = Reshape(x) { shape = [3, 2] }");
        stays("[2,3]", "n = Cast(x) { to = 10 }");
        stays("[3,3]", "n = Transpose(x) { perm = [1, 0] }");
        stays("[3]", "n = Slice(x) { starts = [-1], ends = [-99], axes = [0], steps = [-1] }");
        stays("[2,3]", "n = Pad(x) { pads = [1, 0, -1, 0] }");
        stays("[2,3]", "n = Concat(x, x) { axis = 1 }");
        stays("[1,2,3,3]", "n = AveragePool(x) { kernel_shape = [1, 1], strides = [2, 2] }");
        stays("[1,2,3,3]", "n = MaxPool(x) { kernel_shape = [3, 3], pads = [1, 1, 1, 1] }");
    }

    #[test]
    fn neutral_numbers_disappear() {
        let beside = |operands: &str, number: f32| {
            format!("c = constant f32[3] [{number}, {number}, {number}]\nn = {operands}")
        };
        disappears("[2,3]", &beside("Add(x, c)", 0.0));
        disappears("[2,3]", &beside("Add(c, x)", 0.0));
        disappears("[2,3]", &beside("Sub(x, c)", 0.0));
        disappears("[2,3]", &beside("Mul(c, x)", 1.0));
        disappears("[2,3]", &beside("Div(x, c)", 1.0));
        disappears("[2,3]", &beside("Pow(x, c)", 1.0));
        stays("[2,3]", &beside("Sub(c, x)", 0.0));
        stays("[2,3]", &beside("Add(x, c)", 1.0));
        // The constant repeats the rows.
        stays("[3]", "c = constant f32[2,1] [0, 0]\nn = Add(x, c)");
    }

    #[test]
    fn detours_are_shortened() {
        rewrites(
            &PASS,
            "x = input f32[2,3,4]
             a = Reshape(x) { shape = [6, 4] }
             b = Reshape(a) { shape = [2, 12] }
             output b",
            "x = input f32[2,3,4]
             b = Reshape(x) { shape = [2, 12] }
             output b",
        );
        rewrites(
            &PASS,
            "x = input f32[2,3,4]
             a = Reshape(x) { shape = [6, 4] }
             b = Reshape(a) { shape = [2, 3, 4] }
             y = Relu(b)
             output y",
            "x = input f32[2,3,4]
             y = Relu(x)
             output y",
        );
        rewrites(
            &PASS,
            "x = input f32[2,3,4]
             a = Transpose(x) { perm = [1, 2, 0] }
             b = Transpose(a) { perm = [0, 2, 1] }
             output b",
            "x = input f32[2,3,4]
             b = Transpose(x) { perm = [1, 0, 2] }
             output b",
        );
    }

    #[test]
    fn moving_and_reducing_dimensions_of_size_1_is_reshaping() {
        rewrites(
            &PASS,
            "x = input f32[1,3,1,4]
             a = Transpose(x) { perm = [1, 2, 3, 0] }
             output a",
            "x = input f32[1,3,1,4]
             a = Reshape(x) { shape = [3, 1, 4, 1] }
             output a",
        );
        rewrites(
            &PASS,
            "x = input f32[2,3,1,1]
             a = ReduceMean(x) { axes = [2, 3], keepdims = 0 }
             output a",
            "x = input f32[2,3,1,1]
             a = Reshape(x) { shape = [2, 3] }
             output a",
        );
        ignores(
            &PASS,
            "x = input f32[2,3,1,1]
             a = ReduceL2(x) { axes = [2, 3], keepdims = 0 }
             output a",
        );
    }
}
