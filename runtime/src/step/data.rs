//! Movement of data.

use super::{Blocked, Plain, RANK, Section};

description! {
    /// Row-major `[batch, channels, height, width]` to channel-blocked. Unused
    /// lanes of the last block become zero.
    pub struct Pack {
        /// Input.
        pub input: Plain,
        /// Output.
        pub output: Blocked,
    }
}

description! {
    /// Channel-blocked to row-major `[batch, channels, height, width]`.
    pub struct Unpack {
        /// Input.
        pub input: Blocked,
        /// Output.
        pub output: Plain,
    }
}

description! {
    /// Copies a channel-blocked tensor to the channels of a wider one that
    /// start at `first`: concatenation where a part could not be written in
    /// place. `first` need not be a multiple of 8. Parts are copied in order:
    /// the lanes after the part in its last block become zero.
    pub struct BlockedCopy {
        /// Input.
        pub input: Blocked,
        /// The wider tensor.
        pub output: Blocked,
        /// First channel written.
        pub first: usize,
    }
}

description! {
    /// Copies elements of 4 or 8 bytes between row-major tensors with any
    /// strides: transposition, slices, concatenation, expansion, padding.
    /// Sizes and strides are padded at the front with 1 and 0. Strides may be
    /// negative (a slice with a negative step); positions wrap accordingly.
    pub struct StridedCopy {
        /// Input.
        pub input: Plain,
        /// Output.
        pub output: Plain,
        /// Bytes of an element: 1, 2, 4 or 8.
        pub element: usize,
        /// Elements copied in each dimension.
        pub sizes: [usize; RANK],
        /// First element read.
        pub input_start: usize,
        /// Elements of the input from one index to the next.
        pub input_strides: [isize; RANK],
        /// First element written.
        pub output_start: usize,
        /// Elements of the output from one index to the next.
        pub output_strides: [isize; RANK],
    }
}

description! {
    /// Fills an f32 tensor from the weights (a constant that a step reads) or,
    /// where the section has one element, with that value.
    pub struct Fill {
        /// Output.
        pub output: Plain,
        /// Source.
        pub source: Section,
    }
}
