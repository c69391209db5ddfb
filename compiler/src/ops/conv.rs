//! Convolution over two spatial dimensions.

use super::Activation;
use crate::step::ResidualOrder;

/// `Conv`, and what passes have folded into it.
///
/// Computes `activation(conv(prologue(x), weights) + bias)`, with the residual
/// added before or after the activation.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Rows and columns between output pixels.
    pub strides: [usize; 2],
    /// Zeros above, to the left, below and to the right.
    pub pads: [usize; 4],
    /// Rows and columns between taps.
    pub dilations: [usize; 2],
    /// Independent runs of channels.
    pub groups: usize,
    /// Folded from before: `activation(x * scale[c] + shift[c])`.
    pub prologue: Option<Prologue>,
    /// Folded from behind.
    pub epilogue: Epilogue,
}

/// A per-channel scale and shift (in slots [`Conv::SCALE`] and
/// [`Conv::SHIFT`]) and an activation applied to the input before padding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prologue {
    /// Applied after the shift.
    pub activation: Activation,
}

/// What is applied to a result before it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Epilogue {
    /// Whether and when the tensor in slot [`Conv::RESIDUAL`] is added.
    pub residual: Option<ResidualOrder>,
    /// The activation. [`Activation::ChannelRelu`] takes its slopes `[channels]`
    /// from slot [`Conv::SLOPES`].
    pub activation: Activation,
}

impl Conv {
    /// Slot of the input.
    pub const INPUT: usize = 0;
    /// Slot of the weights `[out, in / groups, kh, kw]`.
    pub const WEIGHTS: usize = 1;
    /// Slot of the bias `[out]`; may be empty.
    pub const BIAS: usize = 2;
    /// Slot of the residual.
    pub const RESIDUAL: usize = 3;
    /// Slot of the slopes of [`Activation::ChannelRelu`], one an output channel.
    pub const SLOPES: usize = 4;
    /// Slot of the prologue's scale, one an input channel.
    pub const SCALE: usize = 5;
    /// Slot of the prologue's shift, one an input channel.
    pub const SHIFT: usize = 6;
}
