//! Comparisons of elements.

use super::broadcasting::{broadcast, elementwise_facts};
use super::floats::check_same_element;
use super::reading::{check, one};
use super::{AnyOperation, Definition, interval};
use crate::error::{Error, Result};
use crate::ir::{
    Attributes, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{Comparison, ElementwiseComparison};

/// `Equal`, `Greater`, `GreaterOrEqual`, `Less`, `LessOrEqual`. Operands: two of
/// one type, which are broadcast. Result: truth values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compare {
    /// What is asked.
    pub comparison: Comparison,
}

impl Definition for Compare {
    const NAMES: &'static [&'static str] =
        &["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"];

    fn name(&self) -> &'static str {
        match self.comparison {
            Comparison::Equal => "Equal",
            Comparison::Greater => "Greater",
            Comparison::GreaterOrEqual => "GreaterOrEqual",
            Comparison::Less => "Less",
            Comparison::LessOrEqual => "LessOrEqual",
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &[], 2)?;
        let comparison = match signature.operator {
            "Equal" => Comparison::Equal,
            "Greater" => Comparison::Greater,
            "GreaterOrEqual" => Comparison::GreaterOrEqual,
            "Less" => Comparison::Less,
            "LessOrEqual" => Comparison::LessOrEqual,
            other => return Err(Error::internal(format!("{other} is no comparison"))),
        };
        Ok(Parsed::first(Self { comparison }, 2))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let left = required(operands, 0, "left")?.tensor_type;
        let right = required(operands, 1, "right")?.tensor_type;
        check_same_element(left, right)?;
        if left.element == ElementType::Bool && self.comparison != Comparison::Equal {
            return Err(Error::shape(format!("truth values have no order, found {left}")));
        }
        one(TensorType { element: ElementType::Bool, shape: broadcast(left, right)? })
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        elementwise_facts(operands, ElementType::Bool, |[left, right]: [&Fact; 2]| {
            interval::comparison(self.comparison, left, right)
        })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(ElementwiseComparison { comparison: self.comparison }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn nothing_compares_with_nan() {
        let case = |name| {
            let left = Tensor::vector(vec![1.0f32, 2.0, 3.0, f32::NAN]);
            Case::new(name, 16).operand(left).operand(Tensor::scalar(2.0f32)).value()
        };
        let truths = |values: [bool; 4]| Tensor::vector(values.to_vec());
        assert_eq!(case("Equal"), truths([false, true, false, false]));
        assert_eq!(case("Greater"), truths([false, false, true, false]));
        assert_eq!(case("GreaterOrEqual"), truths([false, true, true, false]));
        assert_eq!(case("Less"), truths([true, false, false, false]));
        assert_eq!(case("LessOrEqual"), truths([true, true, false, false]));
    }

    #[test]
    fn all_types_compare() {
        let large = Case::new("Less", 13).operand(Tensor::vector(vec![u64::MAX - 1, 3]));
        let large = large.operand(Tensor::vector(vec![u64::MAX, 3])).value();
        assert_eq!(large, Tensor::vector(vec![true, false]));
        let truths = || Case::new("Equal", 13).operand(Tensor::vector(vec![true, false]));
        let equal = truths().operand(Tensor::scalar(false)).value();
        assert_eq!(equal, Tensor::vector(vec![false, true]));
        truths().list(&[1]).refused(ErrorKind::Shape, "one element type");
        let ordered = Case::new("Less", 13).operand(Tensor::scalar(true));
        ordered.operand(Tensor::scalar(true)).refused(ErrorKind::Shape, "no order");
    }
}
