//! Fully connected layers and matrix products.

use super::{Activation, Extent, Plain, RANK, Section};

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
