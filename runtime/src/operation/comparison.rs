//! Comparisons of elements.

use super::broadcast::{combine, operands};
use super::{Failure, Input, Operation, Output, Truth, with_type};

description! {
    /// How two elements compare. Nothing compares with NaN.
    #[derive(Eq)]
    pub enum Comparison {
        /// Both are the same.
        Equal,
        /// The left one is larger.
        Greater,
        /// The left one is not smaller.
        GreaterOrEqual,
        /// The left one is smaller.
        Less,
        /// The left one is not larger.
        LessOrEqual,
    }
}

description! {
    /// `Equal`, `Greater`, `Less` and their kin. Operands: left, right, which
    /// are broadcast. Result: truth values.
    pub struct ElementwiseComparison {
        /// What is asked.
        pub comparison: Comparison,
    }
}

impl Operation for ElementwiseComparison {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [left, right] = operands(inputs)?;
        let [result] = outputs else { return Err(Failure("expected one result")) };
        with_type!(left.element(), T => {
            match self.comparison {
                Comparison::Equal => {
                    combine(left, right, result, |a: T, b: T| Ok(Truth::from(a == b)))
                }
                Comparison::Greater => {
                    combine(left, right, result, |a: T, b: T| Ok(Truth::from(a > b)))
                }
                Comparison::GreaterOrEqual => {
                    combine(left, right, result, |a: T, b: T| Ok(Truth::from(a >= b)))
                }
                Comparison::Less => {
                    combine(left, right, result, |a: T, b: T| Ok(Truth::from(a < b)))
                }
                Comparison::LessOrEqual => {
                    combine(left, right, result, |a: T, b: T| Ok(Truth::from(a <= b)))
                }
            }
        })
    }
}
