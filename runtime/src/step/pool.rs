//! Pooling.

use super::{Blocked, Plain};

description! {
    /// What a [`Pool`] takes of its window.
    pub enum PoolKind {
        /// The largest value inside the picture.
        Max,
        /// The sum over the number of window pixels inside the picture.
        AverageInside,
        /// The sum over the number of window pixels inside the picture and its
        /// padding (`count_include_pad`).
        AveragePadded,
    }
}

description! {
    /// Pooling of a channel-blocked tensor. Windows are cut at the border of
    /// the picture; the halo is not read.
    pub struct Pool {
        /// Input.
        pub input: Blocked,
        /// Output.
        pub output: Blocked,
        /// What is taken.
        pub kind: PoolKind,
        /// Height and width of the window.
        pub kernel: [usize; 2],
        /// Rows and columns between windows.
        pub stride: [usize; 2],
        /// Rows and columns between pixels of a window.
        pub dilation: [usize; 2],
        /// Rows above and columns to the left that are padding.
        pub pad: [usize; 2],
        /// Rows below and columns to the right that are padding: with `pad`
        /// they bound what [`PoolKind::AveragePadded`] counts.
        pub pad_end: [usize; 2],
    }
}

description! {
    /// Mean of each plane of a channel-blocked tensor, to a row-major
    /// `[batch, channels]`.
    pub struct GlobalAverage {
        /// Input.
        pub input: Blocked,
        /// Output.
        pub output: Plain,
    }
}
