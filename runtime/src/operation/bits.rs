//! Truth values and bits of integers.

use super::broadcast::{combine, map, operands};
use super::{ElementType, Failure, Input, Native, Operation, Output, Truth, with_type};

description! {
    /// A function of the bits of two integers, or of two truth values.
    #[derive(Eq)]
    pub enum BitFunction {
        /// Bits that both have.
        And,
        /// Bits that any has.
        Or,
        /// Bits that one of them has.
        Xor,
        /// The left one moved to higher bits, by the right one.
        ShiftLeft,
        /// The left one moved to lower bits, by the right one; its sign is
        /// repeated.
        ShiftRight,
    }
}

description! {
    /// `And`, `BitwiseAnd`, `BitShift` and their kin. Operands: left, right, of
    /// one type, which are broadcast. Result: of that type.
    pub struct ElementwiseBits {
        /// What is computed.
        pub function: BitFunction,
    }
}

description! {
    /// `Not`, `BitwiseNot`. Operand: truth values or integers. Result: the same
    /// with all bits turned.
    pub struct ElementwiseNot;
}

impl Operation for ElementwiseBits {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [left, right] = operands(inputs)?;
        let [result] = outputs else { return Err(Failure("expected one result")) };
        let bits = 8 * left.element().size() as i128;
        if left.element() == ElementType::Bool {
            let of_truths = |a: Truth, b: Truth| {
                Ok(Truth::from_i128(self.apply(a.to_i128(), b.to_i128(), bits)))
            };
            return combine(left, right, result, of_truths);
        }
        with_type!(left.element(), T: integers => {
            combine(left, right, result, |a: T, b: T| {
                Ok(T::from_i128(self.apply(a.to_i128(), b.to_i128(), bits)))
            })
        })
    }
}

impl ElementwiseBits {
    /// The function of integers of so many bits.
    fn apply(&self, a: i128, b: i128, bits: i128) -> i128 {
        match self.function {
            BitFunction::And => a & b,
            BitFunction::Or => a | b,
            BitFunction::Xor => a ^ b,
            BitFunction::ShiftLeft if !(0..bits).contains(&b) => 0,
            BitFunction::ShiftLeft => a << b,
            BitFunction::ShiftRight if !(0..bits).contains(&b) => {
                if a < 0 {
                    -1
                } else {
                    0
                }
            }
            BitFunction::ShiftRight => a >> b,
        }
    }
}

impl Operation for ElementwiseNot {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [input] = operands(inputs)?;
        let [result] = outputs else { return Err(Failure("expected one result")) };
        if input.element() == ElementType::Bool {
            return map(input, result, |value: Truth| Truth::from(!value.get()));
        }
        with_type!(input.element(), T: integers => {
            map(input, result, |value: T| T::from_i128(!value.to_i128()))
        })
    }
}
