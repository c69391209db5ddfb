//! Elementwise functions of any number of operands, with broadcasting.

use super::broadcasting::{broadcast_all, folded_facts};
use super::floats::check_float;
use super::reading::{check, one};
use super::{AnyOperation, Definition, interval};
use crate::error::{Error, Result};
use crate::ir::{
    Attributes, ElementType, Fact, Operand, Parsed, Signature, TensorType,
};
use crate::operation::{Arithmetic, ElementwiseFold, FoldFunction};

/// `Sum`, `Mean`, `Min`, `Max` of any number of operands. Where two are given
/// or one, all but `Mean` are read as [`super::Binary`] and
/// [`super::Identity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variadic {
    /// What is computed.
    pub function: FoldFunction,
}

impl Definition for Variadic {
    const NAMES: &'static [&'static str] = &["Sum", "Mean", "Min", "Max"];

    fn reads(signature: &Signature<'_>) -> bool {
        signature.operator == "Mean" || !matches!(signature.operands.len(), 1 | 2)
    }

    fn name(&self) -> &'static str {
        match self.function {
            FoldFunction::Sum => "Sum",
            FoldFunction::Mean => "Mean",
            FoldFunction::Min => "Min",
            FoldFunction::Max => "Max",
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &[], usize::MAX)?;
        let function = match signature.operator {
            "Sum" => FoldFunction::Sum,
            "Mean" => FoldFunction::Mean,
            "Min" => FoldFunction::Min,
            "Max" => FoldFunction::Max,
            other => return Err(Error::internal(format!("{other} does not take any number"))),
        };
        Ok(Parsed::as_written(Self { function }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let all = broadcast_all(operands)?;
        let of_integers = matches!(self.function, FoldFunction::Min | FoldFunction::Max);
        if !of_integers || all.element == ElementType::Bool {
            check_float(&all)?;
        }
        one(all)
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let function = match self.function {
            FoldFunction::Min => Arithmetic::Min,
            FoldFunction::Max => Arithmetic::Max,
            FoldFunction::Sum | FoldFunction::Mean => return None,
        };
        folded_facts(operands, |a, b| interval::arithmetic(function, a, b))
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(ElementwiseFold { function: self.function }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::{Operator, Tensor};
    use crate::ops::testing::Case;

    #[test]
    fn take_any_number_of_operands() {
        let case = |name| {
            let two = Case::new(name, 13).counting(&[2, 3]).counting(&[3]);
            two.operand(Tensor::scalar(2.5f32)).f32s()
        };
        assert_eq!(case("Sum"), (vec![2, 3], vec![2.5, 4.5, 6.5, 5.5, 7.5, 9.5]));
        assert_eq!(case("Min").1, [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]);
        assert_eq!(case("Max").1, [2.5, 2.5, 2.5, 3.0, 4.0, 5.0]);
        let mean = Case::new("Mean", 13).counting(&[2]).operand(Tensor::scalar(4.0f32));
        assert_eq!(mean.f32s().1, [2.0, 2.5]);
        assert_eq!(Case::new("Mean", 13).counting(&[2]).f32s().1, [0.0, 1.0]);
        let integers = Case::new("Max", 13).list(&[1, 5]).list(&[2]).list(&[-1]);
        assert_eq!(integers.value(), Tensor::vector(vec![2i64, 5]));
    }

    #[test]
    fn of_one_operand_nothing_is_to_be_done() {
        for name in ["Sum", "Min", "Max"] {
            let one = Case::new(name, 13).counting(&[2]);
            assert_eq!(one.read().unwrap().0.name(), "Identity");
        }
    }

    #[test]
    fn operands_fit_each_other() {
        Case::new("Sum", 13).refused(ErrorKind::Malformed, "is missing");
        let case = |name| Case::new(name, 13).list(&[1]).list(&[1]);
        case("Sum").list(&[1]).refused(ErrorKind::Unsupported, "found i64");
        case("Max").counting(&[1]).refused(ErrorKind::Shape, "one element type");
        case("Max").list(&[1, 2]).list(&[1, 2, 3]).refused(ErrorKind::Shape, "broadcast together");
    }
}
