//! Functions of one row-major tensor.

use super::Step;
use super::elementwise::activate_run;
use super::place::plain;
use super::scalar;
use crate::memory::Memory;
use crate::simd::{Isa, MOST_LANES, Vector, math, shells};
use crate::step::{Activation, Unary, UnaryFunction};
use core::ops::Range;

/// Elements of a piece.
const PIECE: usize = 8192;

impl Step for Unary {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_plain(&self.input, 4);
        memory.require_plain(&self.output, 4);
        let refused = matches!(
            self.function,
            UnaryFunction::Activation { function: Activation::ChannelRelu { .. } }
        );
        assert!(self.input.len == self.output.len && !refused, "elementwise: sizes or slopes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.output.len.div_ceil(PIECE)
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        for piece in pieces {
            let first = piece * PIECE;
            let len = PIECE.min(self.output.len - first);
            let input = plain::<f32>(memory, &self.input).wrapping_add(first).cast_const();
            let output = plain::<f32>(memory, &self.output).wrapping_add(first);
            // SAFETY: `check` has passed; the caller vouches for `isa`.
            unsafe {
                match self.function {
                    UnaryFunction::Activation { function } => {
                        activate_run(isa, input, output, len, function, core::ptr::null());
                    }
                    function => apply(isa, input, output, len, function),
                }
            }
        }
    }
}

shells! {
    /// Applies a function to `len` values.
    fn apply(input: *const f32, output: *mut f32, len: usize, function: UnaryFunction) = apply_body;
}

#[inline(always)]
unsafe fn apply_body<V: Vector>(
    input: *const f32,
    output: *mut f32,
    len: usize,
    function: UnaryFunction,
) {
    let whole = len / V::LANES * V::LANES;
    // SAFETY: the caller vouches for `len` values.
    unsafe {
        for i in (0..whole).step_by(V::LANES) {
            evaluate(function, V::load(input.add(i))).store(output.add(i));
        }
        if whole < len {
            let rest = len - whole;
            let x = V::load_first(input.add(whole), rest, 1.0);
            evaluate(function, x).store_first(output.add(whole), rest);
        }
    }
}

#[inline(always)]
fn evaluate<V: Vector>(function: UnaryFunction, x: V) -> V {
    match function {
        UnaryFunction::Activation { function } => math::activate(&function, x, x),
        UnaryFunction::Abs => x.abs(),
        UnaryFunction::Neg => x * x.like(-1.0),
        UnaryFunction::Exp => math::exp(x),
        UnaryFunction::Log => by_lane(x, scalar::ln),
        UnaryFunction::Sqrt => x.sqrt(),
        UnaryFunction::Reciprocal => x.like(1.0) / x,
        UnaryFunction::Floor => {
            let nearest = round(x);
            nearest.select_greater(x, nearest - x.like(1.0), nearest).copy_sign(x)
        }
        UnaryFunction::Ceil => {
            let nearest = round(x);
            x.select_greater(nearest, nearest + x.like(1.0), nearest).copy_sign(x)
        }
        UnaryFunction::Round => round(x),
        UnaryFunction::Erf => error_function(x),
        UnaryFunction::Softplus => softplus(x),
        UnaryFunction::Elu { alpha } => {
            x.select_greater(x.like(0.0), x, exp_minus_one(x) * x.like(alpha))
        }
    }
}

#[inline(always)]
fn by_lane<V: Vector>(x: V, function: impl Fn(f32) -> f32) -> V {
    let mut lanes = [1.0; MOST_LANES];
    // SAFETY: there are at least `LANES` places; `x` proves the instructions.
    unsafe {
        x.store(lanes.as_mut_ptr());
        lanes[..V::LANES].iter_mut().for_each(|lane| *lane = function(*lane));
        V::load(lanes.as_ptr())
    }
}

/// To the nearest, halves to even. From 2^23 on every f32 is whole; below,
/// adding it leaves no room for a fraction.
#[inline(always)]
fn round<V: Vector>(x: V) -> V {
    let limit = x.like(8_388_608.0);
    let magnitude = x.abs();
    let rounded = ((magnitude + limit) - limit).copy_sign(x);
    limit.select_greater(magnitude, rounded, x)
}

/// A polynomial in `x`, the constant term last.
#[inline(always)]
fn polynomial<V: Vector, const N: usize>(x: V, coefficients: [f32; N]) -> V {
    coefficients.into_iter().fold(x.like(0.0), |sum, term| sum.fma(x, x.like(term)))
}

/// Gauss error function to an absolute error of 2e-7: its series (Abramowitz
/// and Stegun, Handbook of Mathematical Functions, 7.1.5) to 1, their formula
/// 7.1.26 beyond.
#[inline(always)]
fn error_function<V: Vector>(x: V) -> V {
    const FACTOR: f32 = core::f32::consts::FRAC_2_SQRT_PI;
    let magnitude = x.abs();
    let square = x * x;
    // (-1)^n / (n! (2n + 1)) for n from 10 down.
    let series = polynomial(
        square,
        [
            1.0 / 76_204_800.0,
            -1.0 / 6_894_720.0,
            1.0 / 685_440.0,
            -1.0 / 75_600.0,
            1.0 / 9_360.0,
            -1.0 / 1_320.0,
            1.0 / 216.0,
            -1.0 / 42.0,
            0.1,
            -1.0 / 3.0,
            1.0,
        ],
    );
    let near = magnitude * series * x.like(FACTOR);
    let t = x.like(1.0) / magnitude.fma(x.like(0.327_591_1), x.like(1.0));
    let tail =
        polynomial(t, [1.061_405_4, -1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6, 0.0]);
    let far = x.like(1.0) - tail * math::exp(x.like(0.0) - square);
    x.like(1.0).select_greater(magnitude, near, far).copy_sign(x)
}

/// `log(1 + exp(x)) = max(x, 0) + log(1 + e)` with `e = exp(-|x|)`, at most 1;
/// the logarithm is `2 artanh(e / (2 + e))` by its series.
#[inline(always)]
fn softplus<V: Vector>(x: V) -> V {
    let e = math::exp(x.like(0.0) - x.abs());
    let s = e / (e + x.like(2.0));
    let series = polynomial(
        s * s,
        [1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 0.2, 1.0 / 3.0, 1.0],
    );
    (s * series).fma(x.like(2.0), x.like(0.0).max(x))
}

/// `exp(x) - 1` for negative `x`: by its series where the difference would
/// lose digits.
#[inline(always)]
fn exp_minus_one<V: Vector>(x: V) -> V {
    let series = polynomial(
        x,
        [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 0.0],
    );
    x.like(-0.35).select_greater(x, math::exp(x) - x.like(1.0), series)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Arena, Numbers, activate, run_pieces};
    use crate::step::{Activation, Unary, UnaryFunction};
    use alloc::vec;
    use proptest::prelude::*;

    fn functions() -> impl Strategy<Value = UnaryFunction> {
        prop::sample::select(vec![
            UnaryFunction::Activation { function: Activation::HardSwish },
            UnaryFunction::Activation { function: Activation::Relu },
            UnaryFunction::Abs,
            UnaryFunction::Neg,
            UnaryFunction::Exp,
            UnaryFunction::Log,
            UnaryFunction::Sqrt,
            UnaryFunction::Reciprocal,
            UnaryFunction::Floor,
            UnaryFunction::Ceil,
            UnaryFunction::Round,
            UnaryFunction::Erf,
            UnaryFunction::Softplus,
            UnaryFunction::Elu { alpha: 1.5 },
        ])
    }

    /// The error function by Abramowitz and Stegun 7.1.6, all of whose terms
    /// are positive.
    fn error_function(x: f64) -> f64 {
        if x.abs() > 6.0 {
            return x.signum();
        }
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        core::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
    }

    fn apply(function: UnaryFunction, x: f64) -> f64 {
        match function {
            UnaryFunction::Activation { function } => activate(&function, 0.0, x),
            UnaryFunction::Abs => x.abs(),
            UnaryFunction::Neg => -x,
            UnaryFunction::Exp => x.exp(),
            UnaryFunction::Log => x.ln(),
            UnaryFunction::Sqrt => x.sqrt(),
            UnaryFunction::Reciprocal => 1.0 / x,
            UnaryFunction::Floor => x.floor(),
            UnaryFunction::Ceil => x.ceil(),
            UnaryFunction::Round => x.round_ties_even(),
            UnaryFunction::Erf => error_function(x),
            UnaryFunction::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            UnaryFunction::Elu { alpha } => {
                if x > 0.0 {
                    x
                } else {
                    f64::from(alpha) * x.exp_m1()
                }
            }
        }
    }

    fn agrees(function: UnaryFunction, values: &[f32], in_place: bool) {
        let mut arena = Arena::new();
        let input = arena.plain(values.len());
        arena.values[input.offset / 4..][..values.len()].copy_from_slice(values);
        let output = if in_place { input } else { arena.plain(values.len()) };
        let step = Unary { input, output, function };
        run_pieces(&step, &mut arena, &[], |before, after| {
            // Each value by itself, so that a large one hides no error.
            for (i, &value) in values.iter().enumerate() {
                let expected = apply(function, value.into());
                let actual = f64::from(after.elements(&output)[i]);
                // By their formulas these are only right against 1 or `x`.
                let scale = match function {
                    UnaryFunction::Erf => 0.3,
                    UnaryFunction::Activation { .. } => f64::from(value).abs(),
                    _ => expected.abs(),
                };
                let near = (actual - expected).abs() <= 1e-6 * scale.max(1e-2);
                let same = actual == expected || (actual.is_nan() && expected.is_nan());
                let overflow = expected > f64::from(f32::MAX) && actual == f64::INFINITY;
                assert!(
                    near || same || overflow,
                    "{function:?}({value}) = {actual}, not {expected}"
                );
            }
            let inside = output.offset / 4..output.offset / 4 + output.len;
            for (place, (after, before)) in after.values.iter().zip(&before.values).enumerate() {
                assert!(inside.contains(&place) || after.to_bits() == before.to_bits());
            }
        });
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            function in functions(),
            len in prop_oneof![1..=70usize, 8190..=8200usize],
            magnitude in prop::sample::select(vec![0.01f32, 1.0, 10.0, 80.0]),
            in_place: bool,
            seed: u64,
        ) {
            let mut values = Numbers::new(seed).take(len);
            values.iter_mut().for_each(|value| *value *= magnitude);
            if matches!(function, UnaryFunction::Log | UnaryFunction::Sqrt) {
                values.iter_mut().for_each(|value| *value = value.abs());
            }
            agrees(function, &values, in_place);
        }
    }

    #[test]
    fn whole_and_half_numbers_are_rounded_right() {
        let values = [
            0.5,
            1.5,
            2.5,
            -0.5,
            -1.5,
            -2.5,
            0.49999997,
            3.0,
            -3.0,
            0.0,
            -0.0,
            8_388_607.5,
            -8_388_607.5,
            8_388_609.0,
            1e30,
            -1e30,
            0.1,
            -0.1,
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
        ];
        for function in [UnaryFunction::Floor, UnaryFunction::Ceil, UnaryFunction::Round] {
            agrees(function, &values, false);
        }
    }

    #[test]
    fn special_values_are_kept() {
        let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0];
        agrees(UnaryFunction::Erf, &values, false);
        agrees(UnaryFunction::Abs, &values, false);
        agrees(UnaryFunction::Log, &[f32::NAN, f32::INFINITY, -1.0, 0.0, 1.0], false);
        agrees(UnaryFunction::Softplus, &values[1..], false);
        agrees(UnaryFunction::Elu { alpha: 1.0 }, &values[1..], false);
    }
}
