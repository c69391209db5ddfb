//! Truth values and integers with all bits turned.

use super::bits::check_bits;
use super::broadcasting::elementwise_facts;
use super::reading::{check, one};
use super::{AnyOperation, Definition};
use crate::error::Result;
use crate::ir::{
    Attributes, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::ElementwiseNot;

/// `Not` of truth values, `BitwiseNot` of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Not {
    /// Whether of truth values.
    pub of_truths: bool,
}

impl Definition for Not {
    const NAMES: &'static [&'static str] = &["Not", "BitwiseNot"];

    fn name(&self) -> &'static str {
        if self.of_truths { "Not" } else { "BitwiseNot" }
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &[], 1)?;
        Ok(Parsed::first(Self { of_truths: signature.operator == "Not" }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_bits(input, self.of_truths)?;
        one(input.clone())
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        elementwise_facts(operands, ElementType::Bool, |[x]: [&Fact; 1]| {
            Fact::between(1 - x.high.clamp(0, 1), 1 - x.low.clamp(0, 1))
        })
        .filter(|_| self.of_truths)
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(ElementwiseNot.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn all_bits_are_turned() {
        let truths = || Tensor::vector(vec![true, false]);
        let turned = Case::new("Not", 7).operand(truths()).value();
        assert_eq!(turned, Tensor::vector(vec![false, true]));
        let bits = Case::new("BitwiseNot", 18).operand(Tensor::vector(vec![0u16, 0xff00])).value();
        assert_eq!(bits, Tensor::vector(vec![0xffffu16, 0xff]));
        Case::new("Not", 7).list(&[1]).refused(ErrorKind::Shape, "expected truth values");
        let case = Case::new("BitwiseNot", 18).operand(truths());
        case.refused(ErrorKind::Shape, "expected integers");
    }
}
