//! The vector that kernels are written with.

use core::ops::{Add, Div, Mul, Sub};

/// `LANES` f32 values in a register.
///
/// A value of the type proves that the processor has its instructions: only
/// the unsafe functions make one from nothing.
pub(crate) trait Vector:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// Values in a vector.
    const LANES: usize;

    /// The same value in every lane.
    ///
    /// # Safety
    ///
    /// The processor has the instruction set, as for every unsafe function
    /// here.
    unsafe fn splat(value: f32) -> Self;

    /// `LANES` values from `source` on, at any alignment.
    ///
    /// # Safety
    ///
    /// They are readable.
    unsafe fn load(source: *const f32) -> Self;

    /// Writes the lanes to `target`, at any alignment.
    ///
    /// # Safety
    ///
    /// They are writable.
    unsafe fn store(self, target: *mut f32);

    /// The first half of the lanes from `low`, the second from `high`: a vector
    /// of 16 channels lies in two blocks of the channel-blocked layout.
    ///
    /// # Safety
    ///
    /// `LANES / 2` values are readable at each place.
    #[inline(always)]
    unsafe fn load_halves(low: *const f32, high: *const f32) -> Self {
        let mut lanes = [0.0; MOST_LANES];
        // SAFETY: the caller vouches for the halves; LANES <= MOST_LANES.
        unsafe {
            core::ptr::copy_nonoverlapping(low, lanes.as_mut_ptr(), Self::LANES / 2);
            core::ptr::copy_nonoverlapping(
                high,
                lanes.as_mut_ptr().add(Self::LANES / 2),
                Self::LANES / 2,
            );
            Self::load(lanes.as_ptr())
        }
    }

    /// Writes the first half of the lanes to `low`, the second to `high`.
    ///
    /// # Safety
    ///
    /// `LANES / 2` values are writable at each place.
    #[inline(always)]
    unsafe fn store_halves(self, low: *mut f32, high: *mut f32) {
        let mut lanes = [0.0; MOST_LANES];
        // SAFETY: the caller vouches for the halves; LANES <= MOST_LANES.
        unsafe {
            self.store(lanes.as_mut_ptr());
            core::ptr::copy_nonoverlapping(lanes.as_ptr(), low, Self::LANES / 2);
            core::ptr::copy_nonoverlapping(
                lanes.as_ptr().add(Self::LANES / 2),
                high,
                Self::LANES / 2,
            );
        }
    }

    /// The first half of the lanes from `source`; the others are anything.
    ///
    /// # Safety
    ///
    /// `LANES / 2` values are readable.
    #[inline(always)]
    unsafe fn load_low_half(source: *const f32) -> Self {
        // SAFETY: the caller vouches for the source.
        unsafe { Self::load_first(source, Self::LANES / 2, 0.0) }
    }

    /// Writes the first half of the lanes.
    ///
    /// # Safety
    ///
    /// `LANES / 2` values are writable.
    #[inline(always)]
    unsafe fn store_low_half(self, target: *mut f32) {
        // SAFETY: the caller vouches for the target.
        unsafe { self.store_first(target, Self::LANES / 2) }
    }

    /// Transposes a matrix of 8 rows and 8 columns, whatever `LANES` is:
    /// `source` and `target` give the address of each row.
    ///
    /// # Safety
    ///
    /// Eight values are readable or writable at each address. No target
    /// overlaps a source.
    #[inline(always)]
    unsafe fn transpose_8x8(
        source: impl Fn(usize) -> *const f32,
        target: impl Fn(usize) -> *mut f32,
    ) {
        for row in 0..8 {
            let source = source(row);
            for column in 0..8 {
                // SAFETY: the caller vouches for both.
                unsafe { target(column).add(row).write(*source.add(column)) };
            }
        }
    }

    /// `self * factor + addend`, rounded once where the processor can.
    fn fma(self, factor: Self, addend: Self) -> Self;

    /// The larger of each pair; `other` where either is NaN, so that the limit
    /// goes first: `limit.max(x)` keeps a NaN in `x`.
    fn max(self, other: Self) -> Self;

    /// The smaller of each pair; NaN as in [`Vector::max`].
    fn min(self, other: Self) -> Self;

    /// `yes` in lanes where `self > other`, else `no`.
    fn select_greater(self, other: Self, yes: Self, no: Self) -> Self;

    /// Square root.
    fn sqrt(self) -> Self;

    /// Magnitude.
    fn abs(self) -> Self;

    /// Magnitude of `self` with the sign of `sign`.
    fn copy_sign(self, sign: Self) -> Self;

    /// `2^n` for a whole `n` from -126 to 127, given as `n + 1.5 * 2^23`: in
    /// that form the low bits of the significand are `n` as an integer.
    fn power_of_two(self) -> Self;

    /// Sum of the lanes.
    fn reduce_sum(self) -> f32;

    /// Another vector of the same kind with `value` in every lane.
    #[inline(always)]
    fn like(self, value: f32) -> Self {
        // SAFETY: `self` proves that the instructions exist.
        unsafe { Self::splat(value) }
    }

    /// `min(max(self, low), high)`; keeps NaN.
    #[inline(always)]
    fn clamp(self, low: Self, high: Self) -> Self {
        high.min(low.max(self))
    }

    /// The first `count` lanes from `source`, the others `fill`.
    ///
    /// # Safety
    ///
    /// `count` values are readable, `count <= LANES`.
    #[inline(always)]
    unsafe fn load_first(source: *const f32, count: usize, fill: f32) -> Self {
        let mut lanes = [fill; MOST_LANES];
        // SAFETY: the caller vouches for the source; LANES <= MOST_LANES.
        unsafe {
            core::ptr::copy_nonoverlapping(source, lanes.as_mut_ptr(), count);
            Self::load(lanes.as_ptr())
        }
    }

    /// Writes the first `count` lanes.
    ///
    /// # Safety
    ///
    /// `count` values are writable, `count <= LANES`.
    #[inline(always)]
    unsafe fn store_first(self, target: *mut f32, count: usize) {
        let mut lanes = [0.0; MOST_LANES];
        // SAFETY: the caller vouches for the target; LANES <= MOST_LANES.
        unsafe {
            self.store(lanes.as_mut_ptr());
            core::ptr::copy_nonoverlapping(lanes.as_ptr(), target, count);
        }
    }
}

/// Lanes of the widest vector.
pub(crate) const MOST_LANES: usize = 16;

/// Implements the arithmetic operators of a vector type by intrinsics.
macro_rules! operators {
    ($vector:ident, $add:ident, $sub:ident, $mul:ident, $div:ident) => {
        operators!(@one $vector, Add, add, $add);
        operators!(@one $vector, Sub, sub, $sub);
        operators!(@one $vector, Mul, mul, $mul);
        operators!(@one $vector, Div, div, $div);
    };
    (@one $vector:ident, $trait:ident, $method:ident, $intrinsic:ident) => {
        impl core::ops::$trait for $vector {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: a value of the type proves that the instructions exist.
                Self(unsafe { $intrinsic(self.0, other.0) })
            }
        }
    };
}
#[allow(unused_imports)]
pub(super) use operators;
