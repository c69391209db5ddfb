//! Normalisation.

use super::{Activation, Blocked, Plain, Section};

description! {
    /// `output = activation(input * scale[c] + shift[c])` on a channel-blocked
    /// tensor: BatchNormalization that no convolution could take in.
    pub struct ScaleShift {
        /// Input.
        pub input: Blocked,
        /// Output.
        pub output: Blocked,
        /// One factor a channel, padded with zeros to a multiple of 16.
        pub scale: Section,
        /// One offset a channel, padded with zeros to a multiple of 16.
        pub shift: Section,
        /// Applied in the store.
        pub activation: Activation,
    }
}

description! {
    /// Local response normalisation across channels (Krizhevsky et al. 2012,
    /// section 3.3) of a row-major `[batch, channels, plane]`:
    /// `x / (bias + alpha / size * sum of squares of the neighbours)^beta`.
    pub struct LocalResponse {
        /// Input.
        pub input: Plain,
        /// Output.
        pub output: Plain,
        /// Pictures.
        pub batch: usize,
        /// Channels.
        pub channels: usize,
        /// Pixels of a plane.
        pub plane: usize,
        /// Channels in a window, centred as `c - (size - 1) / 2 ..= c + size / 2`.
        pub size: usize,
        /// Weight of the mean of squares.
        pub alpha: f32,
        /// Exponent.
        pub beta: f32,
        /// Offset.
        pub bias: f32,
    }
}

description! {
    /// Softmax over the middle of a row-major `[outer, axis, inner]`.
    pub struct Softmax {
        /// Input.
        pub input: Plain,
        /// Output.
        pub output: Plain,
        /// Independent runs before the axis.
        pub outer: usize,
        /// Values that sum to one.
        pub axis: usize,
        /// Independent runs after the axis.
        pub inner: usize,
        /// Whether the logarithm of the result is stored.
        pub logarithm: bool,
    }
}
