//! Functions of truth values and of the bits of integers.

use super::broadcasting::{broadcast, elementwise_facts};
use super::floats::check_same_element;
use super::reading::{check, one};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{BitFunction, ElementwiseBits};

/// `And`, `Or`, `Xor`, `BitwiseAnd`, `BitwiseOr`, `BitwiseXor`, `BitShift`.
/// Operands: two of one type, which are broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    /// What is computed.
    pub function: BitFunction,
    /// Whether of truth values, not of integers.
    pub of_truths: bool,
}

impl Definition for Bits {
    const NAMES: &'static [&'static str] =
        &["And", "Or", "Xor", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitShift"];

    fn name(&self) -> &'static str {
        match (self.function, self.of_truths) {
            (BitFunction::And, true) => "And",
            (BitFunction::Or, true) => "Or",
            (BitFunction::Xor, true) => "Xor",
            (BitFunction::And, false) => "BitwiseAnd",
            (BitFunction::Or, false) => "BitwiseOr",
            (BitFunction::Xor, false) => "BitwiseXor",
            (BitFunction::ShiftLeft | BitFunction::ShiftRight, _) => "BitShift",
        }
    }

    fn attributes(&self) -> Attributes {
        let direction = match self.function {
            BitFunction::ShiftLeft => "LEFT",
            BitFunction::ShiftRight => "RIGHT",
            BitFunction::And | BitFunction::Or | BitFunction::Xor => return Attributes::default(),
        };
        Attributes::default().with("direction", Attribute::String(direction.to_owned()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let known: &[&str] = if signature.operator == "BitShift" { &["direction"] } else { &[] };
        check(signature, known, 2)?;
        let function = match signature.operator {
            "And" | "BitwiseAnd" => BitFunction::And,
            "Or" | "BitwiseOr" => BitFunction::Or,
            "Xor" | "BitwiseXor" => BitFunction::Xor,
            _ => match signature.attributes.string("direction")?.map(String::as_str) {
                Some("LEFT") => BitFunction::ShiftLeft,
                Some("RIGHT") => BitFunction::ShiftRight,
                _ => {
                    return Err(Error::malformed(
                        "expected attribute `direction` to be `LEFT` or `RIGHT`",
                    ));
                }
            },
        };
        let of_truths = matches!(signature.operator, "And" | "Or" | "Xor");
        Ok(Parsed::first(Self { function, of_truths }, 2))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let left = required(operands, 0, "left")?.tensor_type;
        let right = required(operands, 1, "right")?.tensor_type;
        check_same_element(left, right)?;
        check_bits(left, self.of_truths)?;
        one(TensorType { element: left.element, shape: broadcast(left, right)? })
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        elementwise_facts(operands, ElementType::Bool, |[left, right]: [&Fact; 2]| {
            let either = |value| left.value() == Some(value) || right.value() == Some(value);
            match (self.function, left.value(), right.value()) {
                _ if !self.of_truths => Fact::ANYTHING,
                (BitFunction::And, ..) if either(0) => Fact::known(0),
                (BitFunction::Or, ..) if either(1) => Fact::known(1),
                (BitFunction::And, Some(_), Some(_)) => Fact::known(1),
                (BitFunction::Or, Some(_), Some(_)) => Fact::known(0),
                (BitFunction::Xor, Some(left), Some(right)) => Fact::known(left ^ right),
                _ => Fact::between(0, 1),
            }
        })
        .filter(|_| self.of_truths)
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(ElementwiseBits { function: self.function }.into())
    }
}

/// Refuses operands that are no truth values, or no integers.
pub(super) fn check_bits(operand: &TensorType, truths: bool) -> Result<()> {
    let what = if truths { "truth values" } else { "integers" };
    let fits = !operand.element.is_float() && (operand.element == ElementType::Bool) == truths;
    fits.then_some(()).ok_or_else(|| Error::shape(format!("expected {what}, found {operand}")))
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn truth_values_are_joined() {
        let case = |name| {
            let left = Case::new(name, 7).operand(Tensor::vector(vec![true, true, false, false]));
            left.operand(Tensor::vector(vec![true, false, true, false])).value()
        };
        assert_eq!(case("And"), Tensor::vector(vec![true, false, false, false]));
        assert_eq!(case("Or"), Tensor::vector(vec![true, true, true, false]));
        assert_eq!(case("Xor"), Tensor::vector(vec![false, true, true, false]));
        let integers = Case::new("And", 7).list(&[1]).list(&[1]);
        integers.refused(ErrorKind::Shape, "expected truth values");
        let floats = Case::new("BitwiseOr", 18).counting(&[1]).counting(&[1]);
        floats.refused(ErrorKind::Shape, "expected integers");
    }

    #[test]
    fn bits_of_integers_are_joined() {
        let case = |name| {
            let left = Case::new(name, 18).operand(Tensor::vector(vec![-1i8, 12]));
            left.operand(Tensor::scalar(10i8)).value()
        };
        assert_eq!(case("BitwiseAnd"), Tensor::vector(vec![10i8, 8]));
        assert_eq!(case("BitwiseOr"), Tensor::vector(vec![-1i8, 14]));
        assert_eq!(case("BitwiseXor"), Tensor::vector(vec![-11i8, 6]));
    }

    #[test]
    fn shifts_drop_what_leaves_the_type() {
        let case = |direction, by: Vec<u8>| {
            let left = Case::new("BitShift", 11).operand(Tensor::vector(vec![0x81u8; 3]));
            left.operand(Tensor::vector(by)).string("direction", direction).value()
        };
        assert_eq!(case("LEFT", vec![0, 1, 8]), Tensor::vector(vec![0x81u8, 2, 0]));
        assert_eq!(case("RIGHT", vec![1, 7, 200]), Tensor::vector(vec![0x40u8, 1, 0]));
        let signed = Case::new("BitShift", 28).list(&[-8, -8, -8, 8]).list(&[1, 64, -1, -1]);
        let signed = signed.string("direction", "RIGHT").value();
        assert_eq!(signed, Tensor::vector(vec![-4i64, -1, -1, 0]));
        let nowhere = Case::new("BitShift", 11).list(&[1]).list(&[1]);
        nowhere.refused(ErrorKind::Malformed, "`direction`");
    }
}
