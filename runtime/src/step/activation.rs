//! Functions applied to a value just before it is stored.

use super::Section;

description! {
    /// What a kernel applies to each value before its store.
    pub enum Activation {
        /// The value itself.
        Identity,
        /// `max(x, 0)`.
        Relu,
        /// `x` where positive, else `slope * x`.
        LeakyRelu {
            /// Factor of negative values.
            slope: f32,
        },
        /// `x` where positive, else `slopes[c] * x`; one slope a channel,
        /// padded to a multiple of 16.
        ChannelRelu {
            /// Factors of negative values.
            slopes: Section,
        },
        /// `min(max(x, low), high)`.
        Clip {
            /// Smallest result.
            low: f32,
            /// Largest result.
            high: f32,
        },
        /// `1 / (1 + exp(-x))`.
        Sigmoid,
        /// `min(max(alpha * x + beta, 0), 1)`.
        HardSigmoid {
            /// Factor.
            alpha: f32,
            /// Offset.
            beta: f32,
        },
        /// `x * min(max(x / 6 + 1/2, 0), 1)`.
        HardSwish,
        /// `x / (1 + exp(-x))`.
        Silu,
        /// Hyperbolic tangent.
        Tanh,
    }
}
