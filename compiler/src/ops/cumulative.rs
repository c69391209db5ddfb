//! Sums and products of all elements so far.

use super::indices::{check_integer, integer, one_bounded};
use super::reading::{axis, check};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// `CumSum` and `CumProd`. Operands: data, which dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cumulative {
    /// Whether elements are multiplied, not added.
    pub product: bool,
    /// Whether an element does not count itself.
    pub exclusive: bool,
    /// Whether it begins at the end.
    pub reverse: bool,
}

impl Definition for Cumulative {
    const NAMES: &'static [&'static str] = &["CumSum", "CumProd"];

    fn name(&self) -> &'static str {
        if self.product { "CumProd" } else { "CumSum" }
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("exclusive", Attribute::Int(self.exclusive.into()))
            .with("reverse", Attribute::Int(self.reverse.into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["exclusive", "reverse"], 2)?;
        let exclusive = signature.attributes.flag("exclusive")?;
        let reverse = signature.attributes.flag("reverse")?;
        let product = signature.operator == "CumProd";
        Ok(Parsed::as_written(Self { product, exclusive, reverse }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "x")?.tensor_type;
        let along = required(operands, 1, "axis")?;
        check_integer(Some(along), "axis")?;
        if let Some(along) = integer(Some(along)).value() {
            axis(along, data.rank())?;
        }
        if data.element == ElementType::Bool {
            return Err(Error::shape(format!("expected numbers, found {data}")));
        }
        one_bounded(data.clone())
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { product, exclusive, reverse } = *self;
        Some(operation::Cumulative { product, exclusive, reverse }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn run(operator: &'static str, exclusive: i64, reverse: i64, values: Vec<i32>) -> Vec<i64> {
        let case = Case::new(operator, 26).operand(Tensor::vector(values)).list(&[0]);
        let case = case.int("exclusive", exclusive).int("reverse", reverse);
        case.value().integers().unwrap()
    }

    // The examples of the specification.
    #[test]
    fn all_elements_so_far() {
        let sums = |exclusive, reverse| run("CumSum", exclusive, reverse, vec![1, 2, 3]);
        assert_eq!((sums(0, 0), sums(1, 0)), (vec![1, 3, 6], vec![0, 1, 3]));
        assert_eq!((sums(0, 1), sums(1, 1)), (vec![6, 5, 3], vec![5, 3, 0]));
        let products = |exclusive, reverse| run("CumProd", exclusive, reverse, vec![1, 2, 3]);
        assert_eq!((products(0, 0), products(1, 0)), (vec![1, 2, 6], vec![1, 1, 2]));
        assert_eq!((products(0, 1), products(1, 1)), (vec![6, 6, 3], vec![6, 3, 1]));
        let wrapped = run("CumProd", 0, 0, vec![i32::MAX; 9]);
        assert_eq!((wrapped[1], wrapped[8]), (1, i32::MAX.into()));
    }

    #[test]
    fn along_any_axis() {
        let case = |axis: i64| Case::new("CumSum", 11).counting(&[2, 3]).operand(Tensor::scalar(axis));
        assert_eq!(case(0).f32s().1, [0.0, 1.0, 2.0, 3.0, 5.0, 7.0]);
        assert_eq!(case(-1).f32s().1, [0.0, 1.0, 3.0, 3.0, 7.0, 12.0]);
        case(2).refused(ErrorKind::Shape, "axis 2");
        let empty = Case::new("CumSum", 11).counting(&[2, 0]).list(&[1]);
        assert_eq!(empty.f32s().0, [2, 0]);
        let truths = Case::new("CumSum", 11).operand(Tensor::vector(vec![true])).list(&[0]);
        truths.refused(ErrorKind::Shape, "expected numbers");
        Case::new("CumSum", 11).counting(&[1]).counting(&[]).refused(ErrorKind::Shape, "integer");
    }
}
