//! A scale, a shift and an activation a channel.

use super::Activation;

/// `activation(x * scale[c] + shift[c])`: what becomes of a batch normalisation
/// that no convolution took in. Operands: x, scale `[channels]`, shift
/// `[channels]`, and for [`Activation::ChannelRelu`] slopes `[channels]`.
///
/// No model file spells it; passes make it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleShift {
    /// Applied after the shift.
    pub activation: Activation,
}
