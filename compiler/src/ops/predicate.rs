//! Questions about single elements.

use super::floats::check_float;
use super::reading::{check, one};
use super::{AnyOperation, Definition};
use crate::error::Result;
use crate::ir::{
    Attribute, Attributes, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::ElementwisePredicate;

/// `IsNaN`, `IsInf`. Operand: floats. Result: truth values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// Whether it is no number.
    IsNan,
    /// Whether it is infinite.
    IsInfinite {
        /// Whether infinity counts.
        positive: bool,
        /// Whether negative infinity counts.
        negative: bool,
    },
}

impl Definition for Predicate {
    const NAMES: &'static [&'static str] = &["IsNaN", "IsInf"];

    fn name(&self) -> &'static str {
        match self {
            Self::IsNan => "IsNaN",
            Self::IsInfinite { .. } => "IsInf",
        }
    }

    fn attributes(&self) -> Attributes {
        match *self {
            Self::IsNan => Attributes::default(),
            Self::IsInfinite { positive, negative } => Attributes::default()
                .with("detect_negative", Attribute::Int(negative.into()))
                .with("detect_positive", Attribute::Int(positive.into())),
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        if signature.operator == "IsNaN" {
            check(signature, &[], 1)?;
            return Ok(Parsed::first(Self::IsNan, 1));
        }
        check(signature, &["detect_negative", "detect_positive"], 1)?;
        let detects = |name| Ok(signature.attributes.int_or(name, 1)? != 0);
        let (positive, negative) = (detects("detect_positive")?, detects("detect_negative")?);
        Ok(Parsed::first(Self::IsInfinite { positive, negative }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_float(input)?;
        one(TensorType { element: ElementType::Bool, shape: input.shape.clone() })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let (nan, infinity, negative_infinity) = match *self {
            Self::IsNan => (true, false, false),
            Self::IsInfinite { positive, negative } => (false, positive, negative),
        };
        Some(ElementwisePredicate { nan, infinity, negative_infinity }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn answers_for_every_element() {
        let case = |name| {
            let values = vec![1.0f32, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
            Case::new(name, 20).operand(Tensor::vector(values))
        };
        assert_eq!(case("IsNaN").value(), Tensor::vector(vec![false, true, false, false]));
        assert_eq!(case("IsInf").value(), Tensor::vector(vec![false, false, true, true]));
        let positive = case("IsInf").int("detect_negative", 0).value();
        assert_eq!(positive, Tensor::vector(vec![false, false, true, false]));
        let negative = case("IsInf").int("detect_positive", 0).value();
        assert_eq!(negative, Tensor::vector(vec![false, false, false, true]));
        Case::new("IsNaN", 20).list(&[1]).refused(ErrorKind::Unsupported, "found i64");
    }
}
