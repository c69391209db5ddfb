//! Where the slopes of an activation lie.

use crate::step::Activation;

/// Panics unless an activation has at least `channels` slopes, if any.
pub(super) fn check_slopes(activation: &Activation, channels: usize) {
    if let Activation::ChannelRelu { slopes } = activation {
        assert!(slopes.len >= channels, "slopes for every channel");
    }
}

/// Address of the slopes of an activation, or null if it has none.
pub(super) fn slopes(activation: &Activation, weights: *const u8) -> *const f32 {
    match activation {
        Activation::ChannelRelu { slopes } => weights.wrapping_add(slopes.offset).cast(),
        Activation::Identity
        | Activation::Relu
        | Activation::LeakyRelu { .. }
        | Activation::Clip { .. }
        | Activation::Sigmoid
        | Activation::HardSigmoid { .. }
        | Activation::HardSwish
        | Activation::Silu
        | Activation::Tanh => core::ptr::null(),
    }
}
