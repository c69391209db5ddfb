//! Questions about single elements.

use super::broadcast::{map, operands};
use super::{Failure, Input, Native, Operation, Output, Truth, with_type};

description! {
    /// `IsNaN`, `IsInf`. Operand: floats. Result: truth values.
    pub struct ElementwisePredicate {
        /// Whether it is true of what is no number.
        pub nan: bool,
        /// Whether it is true of infinity.
        pub infinity: bool,
        /// Whether it is true of negative infinity.
        pub negative_infinity: bool,
    }
}

impl Operation for ElementwisePredicate {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [input] = operands(inputs)?;
        let [result] = outputs else { return Err(Failure("expected one result")) };
        with_type!(input.element(), T: floats => {
            map(input, result, |value: T| {
                let value = value.to_f64();
                Truth::from(
                    self.nan && value.is_nan()
                        || self.infinity && value == f64::INFINITY
                        || self.negative_infinity && value == f64::NEG_INFINITY,
                )
            })
        })
    }
}
