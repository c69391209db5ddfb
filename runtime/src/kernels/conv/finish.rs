//! The activations that need more registers than a tile has to spare: a second
//! pass over a row that is still in the nearest cache.

use crate::simd::{Vector, math, shells};
use crate::step::{Activation, LANES};

/// The bounds that an activation clamps to, or `None` if it does more than that
/// and [`finish`] has to apply it.
pub(super) fn bounds(activation: &Activation) -> Option<[f32; 2]> {
    match *activation {
        Activation::Identity => Some([f32::NEG_INFINITY, f32::INFINITY]),
        Activation::Relu => Some([0.0, f32::INFINITY]),
        Activation::Clip { low, high } => Some([low, high]),
        Activation::LeakyRelu { .. }
        | Activation::ChannelRelu { .. }
        | Activation::Sigmoid
        | Activation::HardSigmoid { .. }
        | Activation::HardSwish
        | Activation::Silu
        | Activation::Tanh => None,
    }
}

/// A run of pixels of one channel block and what is still to be done to them.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a> {
    /// First pixel.
    pub(super) pixels: *mut f32,
    /// Pixels.
    pub(super) count: usize,
    /// First pixel of the residual, or null.
    pub(super) residual: *const f32,
    /// Whether the residual is added after the activation.
    pub(super) residual_last: bool,
    /// Function to apply.
    pub(super) activation: &'a Activation,
    /// Slopes of the block's channels, or null if the activation has none.
    pub(super) slopes: *const f32,
}

shells! {
    /// Finishes a run of pixels.
    pub(super) fn finish(run: &Finish<'_>) = finish_body;
}

#[inline(always)]
unsafe fn finish_body<V: Vector>(run: &Finish<'_>) {
    let len = run.count * LANES;
    let whole = len / V::LANES * V::LANES;
    // SAFETY: the caller vouches for the pixels, the residual and the slopes.
    unsafe {
        for i in (0..whole).step_by(V::LANES) {
            let x = V::load(run.pixels.add(i));
            let residual =
                if run.residual.is_null() { V::splat(0.0) } else { V::load(run.residual.add(i)) };
            finish_vector(run, i, x, residual).store(run.pixels.add(i));
        }
        if whole < len {
            let x = V::load_low_half(run.pixels.add(whole));
            let residual = if run.residual.is_null() {
                V::splat(0.0)
            } else {
                V::load_low_half(run.residual.add(whole))
            };
            finish_vector(run, whole, x, residual).store_low_half(run.pixels.add(whole));
        }
    }
}

/// Finishes the vector at element `i` of a run.
#[inline(always)]
unsafe fn finish_vector<V: Vector>(run: &Finish<'_>, i: usize, x: V, residual: V) -> V {
    // SAFETY: the caller vouches for eight slopes.
    let slopes = unsafe {
        if run.slopes.is_null() {
            V::splat(0.0)
        } else if V::LANES > LANES {
            V::load_halves(run.slopes, run.slopes)
        } else {
            V::load(run.slopes.add(i % LANES))
        }
    };
    if run.residual_last {
        math::activate(run.activation, slopes, x) + residual
    } else {
        math::activate(run.activation, slopes, x + residual)
    }
}
