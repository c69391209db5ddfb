//! Means and maxima of whole planes, in any spelling, become global pooling.

use super::patch::Patch;
use super::pattern::{operand, output};
use super::{Miss, Outcome, Pass};
use crate::ir::{ElementType, NodeId};
use crate::ops::{GlobalPool, GlobalPoolKind, Graph, Op, Pool, PoolKind, ReduceKind, Reshape};

pub(super) const PASS: Pass = Pass {
    name: "pool-planes",
    about: "Recognizes reductions over height and width, and pooling whose window is the whole \
            picture, as global pooling.",
    rules: &[reduction, window],
    sweeps: false,
};

/// `mean(x, [2, 3]) = global_average(x)`
fn reduction(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Reduce(reduce)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    let kind = match reduce.kind {
        ReduceKind::Mean => GlobalPoolKind::Average,
        ReduceKind::Max => GlobalPoolKind::Max,
        ReduceKind::Sum
        | ReduceKind::Min
        | ReduceKind::Prod
        | ReduceKind::L1
        | ReduceKind::L2
        | ReduceKind::SumSquare
        | ReduceKind::LogSum
        | ReduceKind::LogSumExp => return Err(Miss::NoPattern),
    };
    let x = operand(graph, node, 0)?;
    let tensor_type = graph.type_of(x);
    Miss::unless(tensor_type.element == ElementType::F32 && tensor_type.rank() == 4)?;
    Miss::refuse_unless(reduce.axes == [2, 3], || {
        format!(
            "only a reduction over height and width is global pooling, not over {:?}",
            reduce.axes
        )
    })?;
    let mut patch = Patch::new(&[node], "a reduction over whole planes is global pooling");
    let mut new = patch.operator(node, GlobalPool { kind }, vec![Some(x.into())]);
    if !reduce.keep {
        let shape = graph.type_of(output(node)).sizes().map_err(|_| Miss::NoPattern)?;
        new = patch.operator(node, Reshape { shape }, vec![Some(new)]);
    }
    patch.replace(node, new);
    Ok(patch)
}

/// `pool(x, [height, width]) = global_pool(x)`
fn window(graph: &Graph, node: NodeId) -> Outcome {
    let Some(Op::Pool(pool)) = graph.operator(node) else { return Err(Miss::NoPattern) };
    let x = operand(graph, node, 0)?;
    let [_, _, height, width] = graph.type_of(x).picture().map_err(|_| Miss::NoPattern)?;
    let [_, _, rows, columns] =
        graph.type_of(output(node)).picture().map_err(|_| Miss::NoPattern)?;
    Miss::unless([rows, columns] == [1, 1] && [height, width] != [1, 1])?;
    Miss::unless(covers(pool, 0, height) && covers(pool, 1, width))?;
    let kind = match pool.kind {
        PoolKind::Max => GlobalPoolKind::Max,
        PoolKind::Average { include_pad } => {
            let exact = !include_pad || pool.pads == [0; 4];
            Miss::refuse_unless(exact, || "padding counts in the mean".to_owned())?;
            GlobalPoolKind::Average
        }
    };
    let what = "the window is the whole picture: global pooling";
    Ok(Patch::operator_for(&[node], what, GlobalPool { kind }, vec![Some(x.into())]))
}

/// Whether the first window holds every pixel along an axis.
fn covers(pool: &Pool, axis: usize, size: usize) -> bool {
    let inside = pool.kernel[axis].saturating_sub(pool.pads[axis]);
    (pool.dilations[axis] == 1 || size == 1) && inside >= size
}

#[cfg(test)]
mod tests {
    use super::PASS;
    use crate::passes::testing::{ignores, refuses, rewrites};

    #[test]
    fn means_and_maxima_of_planes_are_global_pooling() {
        let report = rewrites(
            &PASS,
            "x = input f32[2,3,4,5]
             y = ReduceMean(x) { axes = [2, 3], keepdims = 1 }
             output y",
            "x = input f32[2,3,4,5]
             y = GlobalAveragePool(x)
             output y",
        );
        assert_eq!(report.rewrites[0].what, "a reduction over whole planes is global pooling");
        rewrites(
            &PASS,
            "x = input f32[2,3,4,5]
             y = ReduceMax(x) { axes = [-1, -2], keepdims = 1 }
             output y",
            "x = input f32[2,3,4,5]
             y = GlobalMaxPool(x)
             output y",
        );
    }

    #[test]
    fn dimensions_that_vanish_are_reshaped_away() {
        rewrites(
            &PASS,
            "x = input f32[2,3,4,5]
             y = ReduceMean(x) { axes = [2, 3], keepdims = 0 }
             output y",
            "x = input f32[2,3,4,5]
             %1 = GlobalAveragePool(x)
             %2 = Reshape(%1) { shape = [2, 3] }
             output y = %2",
        );
    }

    #[test]
    fn a_window_as_large_as_the_picture_is_global_pooling() {
        rewrites(
            &PASS,
            "x = input f32[2,3,4,5]
             y = AveragePool(x) { kernel_shape = [4, 5], strides = [3, 3] }
             output y",
            "x = input f32[2,3,4,5]
             y = GlobalAveragePool(x)
             output y",
        );
        rewrites(
            &PASS,
            "x = input f32[2,3,4,5]
             y = MaxPool(x) { kernel_shape = [6, 6], pads = [1, 0, 1, 1], strides = [2, 2] }
             output y",
            "x = input f32[2,3,4,5]
             y = GlobalMaxPool(x)
             output y",
        );
    }

    #[test]
    fn other_reductions_and_windows_stay() {
        refuses(
            &PASS,
            "x = input f32[2,3,4,5]
             y = ReduceMean(x) { axes = [1, 2], keepdims = 1 }
             output y",
            &[("y", "only a reduction over height and width is global pooling, not over [1, 2]")],
        );
        refuses(
            &PASS,
            "x = input f32[1,3,2,2]
             y = AveragePool(x) { kernel_shape = [3, 3], pads = [1, 1, 0, 0], count_include_pad = 1 }
             output y",
            &[("y", "padding counts in the mean")],
        );
        ignores(
            &PASS,
            "x = input f32[1,3,3,3]
             y = MaxPool(x) { kernel_shape = [2, 2], dilations = [2, 2] }
             output y",
        );
        ignores(
            &PASS,
            "x = input f32[1,3,3,3]
             y = MaxPool(x) { kernel_shape = [3, 3], strides = [3, 3], pads = [2, 2, 0, 0] }
             output y",
        );
    }
}
