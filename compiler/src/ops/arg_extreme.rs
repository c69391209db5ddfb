//! Where along a dimension the largest or smallest element is.

use super::indices::{dim, one_bounded};
use super::reading::{axis, check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// `ArgMax` and `ArgMin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgExtreme {
    /// The dimension along which elements are compared.
    pub axis: usize,
    /// Whether the largest is wanted, not the smallest.
    pub largest: bool,
    /// Whether the dimension stays, of size 1.
    pub keep: bool,
    /// Whether the last one of equal elements is taken, not the first.
    pub last: bool,
}

impl Definition for ArgExtreme {
    const NAMES: &'static [&'static str] = &["ArgMax", "ArgMin"];

    fn name(&self) -> &'static str {
        if self.largest { "ArgMax" } else { "ArgMin" }
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("axis", Attribute::Int(self.axis as i64))
            .with("keepdims", Attribute::Int(self.keep.into()))
            .with("select_last_index", Attribute::Int(self.last.into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let attributes = ["axis", "keepdims", "select_last_index"];
        check(signature, &attributes[..if signature.opset < 12 { 2 } else { 3 }], 1)?;
        let rank = operand_type(signature, 0, "data")?.rank();
        let axis = axis(signature.attributes.int_or("axis", 0)?, rank)?;
        let keep = signature.attributes.int_or("keepdims", 1)? != 0;
        let last = signature.attributes.flag("select_last_index")?;
        let largest = signature.operator == "ArgMax";
        Ok(Parsed::as_written(Self { axis, largest, keep, last }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "data")?.tensor_type;
        let compared = dim(data, self.axis)?;
        if data.element == ElementType::Bool {
            return Err(Error::shape(format!("expected numbers, found {data}")));
        }
        let kept = if self.keep { vec![Dim::Fixed(1)] } else { Vec::new() };
        let shape = [&data.shape[..self.axis], &kept, &data.shape[self.axis + 1..]].concat();
        let indices = TensorType { element: ElementType::I64, shape };
        if compared.max() == 0 && !indices.shape.iter().any(|dim| dim.max() == 0) {
            return Err(Error::shape(format!("axis {} of {data} has no elements", self.axis)));
        }
        one_bounded(indices)
    }

    fn operation(&self) -> Option<AnyOperation> {
        let Self { axis, largest, keep, last } = *self;
        Some(operation::ArgExtreme { axis, largest, keep, last }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn case(operator: &'static str) -> Case {
        let values = vec![2.0f32, 1.0, 3.0, 10.0, 3.0, 10.0];
        Case::new(operator, 13).operand(Tensor::new(&[2, 3], values).unwrap())
    }

    fn indices(case: Case) -> (Vec<usize>, Vec<i64>) {
        let value = case.value();
        (value.shape().to_vec(), value.integers().unwrap())
    }

    #[test]
    fn first_and_last_of_equal_elements() {
        assert_eq!(indices(case("ArgMax").int("axis", 1)), (vec![2, 1], vec![2, 0]));
        let last = case("ArgMax").int("axis", -1).int("select_last_index", 1).int("keepdims", 0);
        assert_eq!(indices(last), (vec![2], vec![2, 2]));
        assert_eq!(indices(case("ArgMin")), (vec![1, 3], vec![0, 0, 0]));
        let min = Case::new("ArgMin", 7).operand(Tensor::vector(vec![3u8, 0, 0]));
        assert_eq!(indices(min.int("keepdims", 0)), (vec![], vec![1]));
    }

    #[test]
    fn what_is_no_number_is_found() {
        let values = Tensor::vector(vec![1.0f64, f64::NAN, 7.0, f64::NAN, 0.0]);
        for name in ["ArgMax", "ArgMin"] {
            let case = Case::new(name, 13).operand(values.clone());
            assert_eq!(indices(case.clone()).1, [1]);
            assert_eq!(indices(case.int("select_last_index", 1)).1, [3]);
        }
    }

    #[test]
    fn nothing_to_compare() {
        let empty = |axis| Case::new("ArgMax", 13).counting(&[0, 2]).int("axis", axis);
        assert_eq!(indices(empty(1)), (vec![0, 1], vec![]));
        empty(0).refused(ErrorKind::Shape, "has no elements");
        empty(2).refused(ErrorKind::Shape, "axis 2");
        let truths = Case::new("ArgMax", 13).operand(Tensor::vector(vec![true]));
        truths.refused(ErrorKind::Shape, "expected numbers");
    }
}
