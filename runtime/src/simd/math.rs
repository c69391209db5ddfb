//! Functions of a vector.

use super::Vector;
use crate::step::Activation;

/// Adding it to a small number rounds that to a whole one, which is then in the
/// low bits of the significand.
const ROUND: f32 = 1.5 * 8_388_608.0;

/// ln 2 in two parts. The first has so few digits that its product with an
/// exponent is exact (Cody and Waite, Software Manual for the Elementary
/// Functions, 1980, chapter 6).
const LN_2_HIGH: f32 = 355.0 / 512.0;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// Largest argument whose exponential is finite, smallest whose is normal.
const EXP_HIGHEST: f32 = 88.722_83;
const EXP_LOWEST: f32 = -86.643_4;

/// `e^x` to about one unit in the last place; 0 where the result would be
/// below the smallest normal number times two, infinity where it overflows.
///
/// `x = n ln 2 + r` with `|r| <= ln 2 / 2`; the series of `e^r` to degree 7
/// leaves a relative error of 6e-9.
#[inline(always)]
pub(crate) fn exp<V: Vector>(x: V) -> V {
    let constant = |value| x.like(value);
    let bounded = x.clamp(constant(EXP_LOWEST), constant(EXP_HIGHEST));
    let shifted = bounded.fma(constant(core::f32::consts::LOG2_E), constant(ROUND));
    let n = shifted - constant(ROUND);
    let r = n.fma(constant(-LN_2_HIGH), bounded);
    let r = n.fma(constant(-LN_2_LOW), r);
    let series = constant(1.0 / 5040.0);
    let series = series.fma(r, constant(1.0 / 720.0));
    let series = series.fma(r, constant(1.0 / 120.0));
    let series = series.fma(r, constant(1.0 / 24.0));
    let series = series.fma(r, constant(1.0 / 6.0));
    let series = series.fma(r, constant(0.5));
    let series = (r * r).fma(series, r) + constant(1.0);
    // n reaches 128, whose power has no exponent: half of it twice.
    let half_power = (shifted - constant(1.0)).power_of_two();
    let result = series * half_power * constant(2.0);
    let result = x.select_greater(constant(EXP_HIGHEST), constant(f32::INFINITY), result);
    constant(EXP_LOWEST).select_greater(x, constant(0.0), result)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid<V: Vector>(x: V) -> V {
    let one = x.like(1.0);
    one / (one + exp(x.like(0.0) - x))
}

/// `x / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn silu<V: Vector>(x: V) -> V {
    x / (x.like(1.0) + exp(x.like(0.0) - x))
}

/// Hyperbolic tangent to a few units in the last place.
///
/// `(1 - e) / (1 + e)` with `e = e^-2|x|` loses digits near zero. There, up to
/// 5/8, Lambert's continued fraction to its seventh term takes over (its error
/// is 1e-12); both are quotients, so that one division serves.
#[inline(always)]
pub(crate) fn tanh<V: Vector>(x: V) -> V {
    let constant = |value| x.like(value);
    let magnitude = x.abs();
    let square = x * x;
    let near_top = square + constant(378.0);
    let near_top = near_top.fma(square, constant(17_325.0));
    let near_top = near_top.fma(square, constant(135_135.0)) * magnitude;
    let near_bottom = square.fma(constant(28.0), constant(3_150.0));
    let near_bottom = near_bottom.fma(square, constant(62_370.0));
    let near_bottom = near_bottom.fma(square, constant(135_135.0));
    let e = exp(magnitude * constant(-2.0));
    let limit = constant(0.625);
    let top = magnitude.select_greater(limit, constant(1.0) - e, near_top);
    let bottom = magnitude.select_greater(limit, constant(1.0) + e, near_bottom);
    (top / bottom).copy_sign(x)
}

/// Applies `activation`. Its slopes, if it has one a channel, are given in
/// `slopes` for the channels of these lanes; otherwise `slopes` is unused.
#[inline(always)]
pub(crate) fn activate<V: Vector>(activation: &Activation, slopes: V, x: V) -> V {
    let constant = |value| x.like(value);
    let zero = constant(0.0);
    let one = constant(1.0);
    match *activation {
        Activation::Identity => x,
        Activation::Relu => zero.max(x),
        Activation::LeakyRelu { slope } => x.select_greater(zero, x, x * constant(slope)),
        Activation::ChannelRelu { .. } => x.select_greater(zero, x, x * slopes),
        Activation::Clip { low, high } => x.clamp(constant(low), constant(high)),
        Activation::Sigmoid => sigmoid(x),
        Activation::HardSigmoid { alpha, beta } => {
            x.fma(constant(alpha), constant(beta)).clamp(zero, one)
        }
        Activation::HardSwish => x * x.fma(constant(1.0 / 6.0), constant(0.5)).clamp(zero, one),
        Activation::Silu => silu(x),
        Activation::Tanh => tanh(x),
    }
}
