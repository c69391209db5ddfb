//! Portable vectors: arrays that the compiler maps to what the target has.

use super::vector::Vector;
use core::array::from_fn;

/// Four lanes without intrinsics: one register of SSE2, NEON or wasm SIMD.
#[derive(Clone, Copy)]
pub(crate) struct Scalar([f32; 4]);

impl Scalar {
    #[inline(always)]
    fn zip(self, other: Self, function: impl Fn(f32, f32) -> f32) -> Self {
        Self(from_fn(|lane| function(self.0[lane], other.0[lane])))
    }

    #[inline(always)]
    fn map(self, function: impl Fn(f32) -> f32) -> Self {
        Self(self.0.map(function))
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $operator:tt) => {
        impl core::ops::$trait for Scalar {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, |a, b| a $operator b)
            }
        }
    };
}

operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);

impl Vector for Scalar {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        // SAFETY: the caller vouches for four values.
        Self(unsafe { source.cast::<[f32; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller vouches for four values.
        unsafe { target.cast::<[f32; 4]>().write_unaligned(self.0) }
    }

    /// Rounds twice: a fused operation is a library call where the target has
    /// no instruction for it.
    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn select_greater(self, other: Self, yes: Self, no: Self) -> Self {
        Self(from_fn(|lane| if self.0[lane] > other.0[lane] { yes.0[lane] } else { no.0[lane] }))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(square_root)
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.map(f32::abs)
    }

    #[inline(always)]
    fn copy_sign(self, sign: Self) -> Self {
        self.zip(sign, f32::copysign)
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        self.map(|x| f32::from_bits((x.to_bits() << 23).wrapping_add(1.0f32.to_bits())))
    }

    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        let [a, b, c, d] = self.0;
        (a + c) + (b + d)
    }
}

#[cfg(feature = "std")]
#[inline(always)]
fn square_root(x: f32) -> f32 {
    x.sqrt()
}

/// `core` has no square root. Halving the exponent gives a first guess to 6 %;
/// each step of Newton's iteration in f64 doubles the correct digits.
#[cfg(not(feature = "std"))]
fn square_root(x: f32) -> f32 {
    if x.is_nan() || x < 0.0 {
        return f32::NAN;
    }
    if x == 0.0 || x == f32::INFINITY {
        return x;
    }
    let value = f64::from(x);
    let half_exponent = (value.to_bits() >> 1) + (1.0f64.to_bits() >> 1);
    let mut root = f64::from_bits(half_exponent);
    for _ in 0..4 {
        root = 0.5 * (root + value / root);
    }
    root as f32
}
