//! Activations: functions of one value that kernels apply in their store.

/// An activation, by itself a node of one operand, or folded into another
/// operator.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// The value itself. Only as part of another operator.
    #[default]
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, else `slope * x`.
    LeakyRelu {
        /// Factor of negative values.
        slope: f32,
    },
    /// `x` where positive, else `slopes[c] * x`: `PRelu` with a slope a
    /// channel. Only as part of another operator, which says where the slopes
    /// are; by itself it is [`super::Binary::ParametricRelu`].
    ChannelRelu,
    /// `min(max(x, low), high)`.
    Clip {
        /// Smallest result; negative infinity if unbounded.
        low: f32,
        /// Largest result; infinity if unbounded.
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
