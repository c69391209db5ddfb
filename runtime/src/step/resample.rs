//! Resampling along one dimension.

use super::{Blocked, Plain, Section};

description! {
    /// What each result along a dimension is made of: `terms` pixels and their
    /// weights, and a constant.
    pub struct Filter {
        /// Pixels that a result is made of at most; unused ones weigh nothing.
        pub terms: usize,
        /// `[results, terms]` positions of pixels, as the bits of a `u32` each.
        pub pixels: Section,
        /// `[results, terms]` weights.
        pub weights: Section,
        /// `[results]` constants.
        pub constants: Section,
    }
}

description! {
    /// Resamples the middle of a row-major `[outer, size, inner]`.
    pub struct Resample {
        /// Input.
        pub input: Plain,
        /// Output: `[outer, results, inner]`.
        pub output: Plain,
        /// Independent runs.
        pub outer: usize,
        /// Pixels along the dimension.
        pub size: usize,
        /// Results along the dimension.
        pub results: usize,
        /// Values beside each other.
        pub inner: usize,
        /// How results are made.
        pub filter: Filter,
    }
}

description! {
    /// A spatial dimension of a channel-blocked tensor.
    pub enum Axis {
        /// Rows are resampled.
        Rows,
        /// Columns are resampled.
        Columns,
    }
}

description! {
    /// Resamples rows or columns of a channel-blocked tensor.
    pub struct BlockedResample {
        /// Input.
        pub input: Blocked,
        /// Output.
        pub output: Blocked,
        /// What is resampled.
        pub axis: Axis,
        /// How results are made.
        pub filter: Filter,
    }
}
