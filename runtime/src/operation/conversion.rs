//! Other element types.

use super::broadcast::operands;
use super::{ElementType, Failure, Input, Native, Operation, Output, with_type};

description! {
    /// How many digits floats keep.
    #[derive(Eq)]
    pub enum Precision {
        /// All that their type has.
        Full,
        /// Those of an IEEE 754 half, of 16 bits.
        Half,
        /// Those of a bfloat16.
        BrainHalf,
    }
}

description! {
    /// `Cast`. Operand: of any type. Result: the same numbers, of its own type.
    ///
    /// Floats become integers by dropping the fraction. Integers that do not fit
    /// lose their high bits. Floats that do not fit 8-bit, 16-bit and unsigned
    /// 32-bit integers lose the high bits of a 64-bit integer; the other
    /// integers stop at their bounds. NaN becomes 0, and true.
    pub struct ElementConversion {
        /// Digits of floats.
        pub precision: Precision,
    }
}

description! {
    /// `BitCast`. Operand: of any type. Result: the same bits, of its own type,
    /// which is as wide.
    pub struct BitConversion;
}

impl Operation for ElementConversion {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [input] = operands(inputs)?;
        let [result] = outputs else { return Err(Failure("expected one result")) };
        let to = result.element();
        with_type!(input.element(), T => {
            let values = input.values::<T>()?;
            with_type!(to, U => {
                let results = result.resize::<U>(input.sizes())?;
                for (place, &value) in results.iter_mut().zip(values) {
                    *place = converted(value);
                }
                if to.is_float() && self.precision != Precision::Full {
                    for (place, &value) in results.iter_mut().zip(values) {
                        *place = U::from_f64(self.precision.round(value.to_f64()));
                    }
                }
            });
        });
        Ok(())
    }
}

/// A number as another type.
fn converted<T: Native, U: Native>(value: T) -> U {
    let narrow = matches!(
        U::ELEMENT,
        ElementType::I8 | ElementType::I16 | ElementType::U8 | ElementType::U16 | ElementType::U32
    );
    // Integers of up to 32 bits are exact in f64, which rounds once after that.
    let exact = T::ELEMENT.is_float() || T::ELEMENT.size() <= 4 || U::ELEMENT == ElementType::F64;
    match (T::ELEMENT.is_float(), U::ELEMENT.is_float()) {
        (true, false) if narrow => U::from_i128((value.to_f64() as i64).into()),
        (true, false) => U::from_f64(value.to_f64()),
        (_, true) if exact => U::from_f64(value.to_f64()),
        _ => U::from_i128(value.to_i128()),
    }
}

impl Precision {
    /// The nearest number of this precision; of two, the even one.
    #[must_use]
    pub fn round(self, value: f64) -> f64 {
        match self {
            Self::Full => value,
            Self::Half => rounded(value, 11, -14..=15),
            Self::BrainHalf => rounded(value, 8, -126..=127),
        }
    }
}

/// The nearest number of so many binary digits and of exponents in this range.
fn rounded(value: f64, digits: i64, exponents: core::ops::RangeInclusive<i64>) -> f64 {
    if !value.is_finite() {
        return value;
    }
    let power = |exponent: i64| f64::from_bits(((exponent + 1023) as u64) << 52);
    let exponent = ((value.to_bits() >> 52) & 0x7ff) as i64 - 1023;
    if exponent > *exponents.end() {
        return f64::INFINITY.copysign(value);
    }
    let last_digit = exponent.max(*exponents.start()) - (digits - 1);
    // So large that the sum's last digit is the last that is kept.
    let shift = 1.5 * power(last_digit + 52);
    let rounded = ((value.abs() + shift) - shift).copysign(value);
    match rounded.abs() < power(exponents.end() + 1) {
        true => rounded,
        false => f64::INFINITY.copysign(value),
    }
}

impl Operation for BitConversion {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [input] = operands(inputs)?;
        let [result] = outputs else { return Err(Failure("expected one result")) };
        if input.element().size() != result.element().size() {
            return Err(Failure("elements of another width have other bits"));
        }
        match result.element() {
            ElementType::F32 => {
                let results = result.resize::<f32>(input.sizes())?;
                each_bits(input, |place, bits| results[place] = f32::from_bits(bits as u32))
            }
            ElementType::F64 => {
                let results = result.resize::<f64>(input.sizes())?;
                each_bits(input, |place, bits| results[place] = f64::from_bits(bits))
            }
            element => with_type!(element, U => {
                let results = result.resize::<U>(input.sizes())?;
                each_bits(input, |place, bits| results[place] = U::from_i128(bits.into()))
            }),
        }
    }
}

/// Visits the bits of all elements; those above an element's own are arbitrary.
fn each_bits(input: &Input<'_>, mut visit: impl FnMut(usize, u64)) -> Result<(), Failure> {
    match input.element() {
        ElementType::F32 => {
            let bits = input.values::<f32>()?.iter().map(|value| value.to_bits().into());
            bits.enumerate().for_each(|(place, bits)| visit(place, bits));
        }
        ElementType::F64 => {
            let bits = input.values::<f64>()?.iter().map(|value| value.to_bits());
            bits.enumerate().for_each(|(place, bits)| visit(place, bits));
        }
        element => with_type!(element, T => {
            let bits = input.values::<T>()?.iter().map(|value| value.to_i128() as u64);
            bits.enumerate().for_each(|(place, bits)| visit(place, bits));
        }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_to_even_and_overflow_to_infinity() {
        let half = |value| Precision::Half.round(value);
        assert_eq!(half(1.0 + 1.0 / 2048.0), 1.0);
        assert_eq!(half(1.0 + 3.0 / 2048.0), 1.0 + 1.0 / 512.0);
        assert_eq!([half(65519.9), half(65520.0)], [65504.0, f64::INFINITY]);
        assert_eq!(half(-1e300), f64::NEG_INFINITY);
        // The smallest that is not 0, and half of it.
        assert_eq!([half(6e-8), half(2.98e-8)], [5.960_464_477_539_063e-8, 0.0]);
        assert!(half(-1e-9).is_sign_negative() && half(f64::NAN).is_nan());
    }

    #[test]
    fn integers_of_64_bits_round_once() {
        // Between two numbers of f32, and above the middle by less than f64 tells.
        let value = (1i64 << 60) + (1 << 36) + 1;
        assert_eq!(converted::<i64, f32>(value), value as f32);
        assert_eq!(converted::<u64, f64>(u64::MAX), u64::MAX as f64);
        assert_eq!(converted::<u32, f32>(u32::MAX), u32::MAX as f32);
    }

    #[test]
    fn bfloat16_has_the_exponents_of_f32() {
        let round = |value| Precision::BrainHalf.round(value);
        assert_eq!(round(3.141_592_741_012_573_2), 3.140625);
        assert_eq!(round(3.39e38), 3.389_531_389_251_535_5e38);
        assert_eq!(round(f32::MAX.into()), f64::INFINITY);
        assert_eq!(round(1.0 + 1.0 / 256.0), 1.0);
    }
}
