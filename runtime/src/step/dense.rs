//! Fully connected layers and matrix products.

use super::{Activation, Extent, GROUP, Plain, RANK, Section};
use alloc::vec;
use alloc::vec::Vec;

description! {
    /// Fully connected layer: `output[n][o] = activation(bias[o] + sum over i
    /// of input[n][i] * weights[o][i])`.
    pub struct Dense {
        /// Row-major `[batch, inputs]`.
        pub input: Plain,
        /// Row-major `[batch, outputs]`.
        pub output: Plain,
        /// Row-major `[outputs, inputs]`.
        pub weights: Section,
        /// `[outputs]`, padded with zeros to a multiple of 16.
        pub bias: Section,
        /// Rows; at run time as many as are there.
        pub batch: Extent,
        /// Values in.
        pub inputs: usize,
        /// Values out.
        pub outputs: usize,
        /// Applied in the store; `ChannelRelu` is not allowed.
        pub activation: Activation,
    }
}

description! {
    /// [`Dense`] for many rows: the weights are packed so that every vector of
    /// them is used for several rows.
    pub struct BatchDense {
        /// Row-major `[rows, inputs]`.
        pub input: Plain,
        /// Row-major `[rows, outputs]`.
        pub output: Plain,
        /// Packed by [`pack_dense_weights`].
        pub weights: Section,
        /// `[outputs]`, padded with zeros to a multiple of 16.
        pub bias: Section,
        /// Rows; at run time as many as are there.
        pub rows: Extent,
        /// Values in.
        pub inputs: usize,
        /// Values out.
        pub outputs: usize,
        /// Applied in the store; `ChannelRelu` is not allowed.
        pub activation: Activation,
    }
}

/// Packs a row-major `[outputs, inputs]` into panels of [`GROUP`] outputs,
/// `[outputs / GROUP][inputs][GROUP]`, the last one filled up with zeros.
///
/// ```
/// use cnnc_runtime::step::{GROUP, pack_dense_weights};
/// let packed = pack_dense_weights(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2);
/// assert_eq!(packed.len(), 3 * GROUP);
/// assert_eq!(packed[..2], [1.0, 4.0]);
/// assert_eq!(packed[GROUP..GROUP + 3], [2.0, 5.0, 0.0]);
/// ```
#[must_use]
pub fn pack_dense_weights(weights: &[f32], inputs: usize, outputs: usize) -> Vec<f32> {
    let mut packed = vec![0.0; outputs.div_ceil(GROUP) * inputs * GROUP];
    for (output, row) in weights.chunks_exact(inputs.max(1)).take(outputs).enumerate() {
        let panel = output / GROUP * inputs * GROUP + output % GROUP;
        for (input, &weight) in row.iter().enumerate() {
            packed[panel + input * GROUP] = weight;
        }
    }
    packed
}

description! {
    /// Batched product of two row-major tensors of the arena:
    /// `output[b] = left[b] (rows x depth) * right[b] (depth x columns)`.
    pub struct MatMul {
        /// Left operand.
        pub left: Plain,
        /// Right operand.
        pub right: Plain,
        /// Row-major `[batches.., rows, columns]`.
        pub output: Plain,
        /// Rows of the left matrix.
        pub rows: usize,
        /// Columns of the left, rows of the right matrix.
        pub depth: usize,
        /// Columns of the right matrix.
        pub columns: usize,
        /// Sizes of the batch dimensions of the output, leading ones first;
        /// unused ones are 1.
        pub batches: [usize; RANK],
        /// Elements of `left` from one index of each batch dimension to the
        /// next; 0 where it broadcasts.
        pub left_strides: [usize; RANK],
        /// The same for `right`.
        pub right_strides: [usize; RANK],
    }
}
