//! Sums of elements of any type.

use super::Native;

/// A number that elements are summed up in: `f64` for floating-point numbers,
/// `i64` modulo 2^64 for integers of every width, so that a sum is what it
/// would be in the type of the elements itself.
pub(super) trait Accumulator: Copy {
    /// Nothing yet.
    const ZERO: Self;

    fn of<T: Native>(value: T) -> Self;
    fn element<T: Native>(self) -> T;
    fn add(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// Times a factor that mostly is 1.
    fn scaled(self, factor: f32) -> Self;

    /// For keeping it in scratch memory.
    fn to_bits(self) -> u64;
    fn from_bits(bits: u64) -> Self;
}

impl Accumulator for f64 {
    const ZERO: Self = 0.0;

    fn of<T: Native>(value: T) -> Self {
        value.to_f64()
    }

    fn element<T: Native>(self) -> T {
        T::from_f64(self)
    }

    fn add(self, other: Self) -> Self {
        self + other
    }

    fn times(self, other: Self) -> Self {
        self * other
    }

    fn scaled(self, factor: f32) -> Self {
        self * factor as Self
    }

    fn to_bits(self) -> u64 {
        self.to_bits()
    }

    fn from_bits(bits: u64) -> Self {
        Self::from_bits(bits)
    }
}

impl Accumulator for i64 {
    const ZERO: Self = 0;

    fn of<T: Native>(value: T) -> Self {
        value.to_i128() as Self
    }

    fn element<T: Native>(self) -> T {
        T::from_i128(self.into())
    }

    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn times(self, other: Self) -> Self {
        self.wrapping_mul(other)
    }

    fn scaled(self, factor: f32) -> Self {
        if factor.to_bits() == 1f32.to_bits() {
            return self;
        }
        (factor as f64 * self as f64) as Self
    }

    fn to_bits(self) -> u64 {
        self as u64
    }

    fn from_bits(bits: u64) -> Self {
        bits as Self
    }
}
