//! What division leaves.

use super::broadcasting::{broadcast, elementwise_facts};
use super::floats::check_same_element;
use super::reading::{check, one};
use super::{AnyOperation, Definition, interval};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{Arithmetic, ElementFunction, ElementwiseArithmetic};

/// `Mod`. Operands: dividend, divisor, which are broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modulo {
    /// Whether the quotient is cut off, so that the sign is that of the
    /// dividend; otherwise it is rounded down, and the sign that of the divisor.
    pub truncates: bool,
}

impl Modulo {
    const fn arithmetic(self) -> Arithmetic {
        if self.truncates { Arithmetic::Remainder } else { Arithmetic::Modulo }
    }
}

impl Definition for Modulo {
    const NAMES: &'static [&'static str] = &["Mod"];

    fn name(&self) -> &'static str {
        "Mod"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("fmod", Attribute::Int(self.truncates.into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["fmod"], 2)?;
        Ok(Parsed::first(Self { truncates: signature.attributes.flag("fmod")? }, 2))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let left = required(operands, 0, "dividend")?.tensor_type;
        let right = required(operands, 1, "divisor")?.tensor_type;
        check_same_element(left, right)?;
        if left.element == ElementType::Bool {
            return Err(Error::shape(format!("expected numbers, found {left}")));
        }
        one(TensorType { element: left.element, shape: broadcast(left, right)? })
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let element = operands.first()?.as_ref()?.tensor_type.element;
        elementwise_facts(operands, element, |[left, right]: [&Fact; 2]| {
            interval::arithmetic(self.arithmetic(), left, right)
        })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let (function, then) = (self.arithmetic(), ElementFunction::Identity);
        Some(ElementwiseArithmetic { function, then }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn the_sign_is_that_of_the_divisor_or_of_the_dividend() {
        let integers = || Case::new("Mod", 13).list(&[-4, 7, 5, 4, -7, 8]).list(&[2, -3, 8, -2, 3, 5]);
        assert_eq!(integers().value(), Tensor::vector(vec![0i64, -2, 5, 0, 2, 3]));
        let truncated = integers().int("fmod", 1).value();
        assert_eq!(truncated, Tensor::vector(vec![0i64, 1, 5, 0, -1, 3]));
        let floats = || {
            let left = Case::new("Mod", 13).operand(Tensor::vector(vec![-4.3f32, 7.2, 5.0]));
            left.operand(Tensor::vector(vec![2.1f32, -3.4, 8.0]))
        };
        let (_, values) = floats().int("fmod", 1).f32s();
        assert!((values[0] + 0.1).abs() < 1e-6 && (values[1] - 0.4).abs() < 1e-6, "{values:?}");
        let (_, values) = floats().f32s();
        assert!((values[0] - 2.0).abs() < 1e-6 && (values[1] + 3.0).abs() < 1e-6, "{values:?}");
    }

    #[test]
    fn zero_divides_no_integer() {
        Case::new("Mod", 13).list(&[1]).list(&[0]).refused(ErrorKind::Shape, "by zero");
        let lowest = Case::new("Mod", 13).list(&[i64::MIN]).list(&[-1]).value();
        assert_eq!(lowest, Tensor::vector(vec![0i64]));
        let boolean = || Tensor::scalar(true);
        let case = Case::new("Mod", 13).operand(boolean()).operand(boolean());
        case.refused(ErrorKind::Shape, "expected numbers");
    }
}
