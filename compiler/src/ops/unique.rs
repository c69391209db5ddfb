//! The different parts of a tensor.

use super::compress::{axis_attribute, flat, optional_axis};
use super::indices::{dim, one_bounded};
use super::reading::check;
use super::{AnyOperation, Definition};
use crate::error::Result;
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// `Unique`. Results: the parts, where each occurs first, for each part of the
/// operand which it is, and how often each occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unique {
    /// The dimension; absent, the elements are the parts, row by row.
    pub axis: Option<usize>,
    /// Whether results are in ascending order, not in that of their first
    /// occurrence.
    pub sorted: bool,
}

impl Definition for Unique {
    const NAMES: &'static [&'static str] = &["Unique"];

    fn name(&self) -> &'static str {
        "Unique"
    }

    fn attributes(&self) -> Attributes {
        axis_attribute(self.axis).with("sorted", Attribute::Int(self.sorted.into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["axis", "sorted"], 1)?;
        let axis = optional_axis(signature, "X")?;
        let sorted = signature.attributes.int_or("sorted", 1)? != 0;
        Ok(Parsed::as_written(Self { axis, sorted }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "X")?.tensor_type;
        let parts = self.axis.map_or_else(|| Ok(flat(data)), |axis| dim(data, axis).cloned())?;
        let mut shape = if self.axis.is_some() { data.shape.clone() } else { vec![parts.clone()] };
        let different = match parts {
            Dim::Fixed(count @ (0 | 1)) => Dim::Fixed(count),
            _ => Dim::fresh(parts.max()),
        };
        shape[self.axis.unwrap_or(0)] = different.clone();
        let integers = |dim| TensorType { element: ElementType::I64, shape: vec![dim] };
        let mut types = one_bounded(TensorType { element: data.element, shape })?;
        types.extend([integers(different.clone()), integers(parts), integers(different)]);
        Ok(types)
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::Unique { axis: self.axis, sorted: self.sorted }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn unique(shape: &[usize], values: Vec<f32>) -> Case {
        Case::new("Unique", 11).operand(Tensor::new(shape, values).unwrap()).outputs(4)
    }

    fn integers(values: &[Tensor]) -> Vec<Vec<i64>> {
        values.iter().map(|value| value.integers().unwrap()).collect()
    }

    // The examples of the specification.
    #[test]
    fn elements() {
        let case = unique(&[6], vec![2.0, 1.0, 1.0, 3.0, 4.0, 3.0]);
        let values = case.clone().int("sorted", 0).evaluate().unwrap();
        assert_eq!(values[0].f32s().unwrap(), [2.0, 1.0, 3.0, 4.0]);
        let expected = [vec![0, 1, 3, 4], vec![0, 1, 1, 2, 3, 2], vec![1, 2, 2, 1]];
        assert_eq!(integers(&values[1..]), expected);
        let values = case.evaluate().unwrap();
        assert_eq!(values[0].f32s().unwrap(), [1.0, 2.0, 3.0, 4.0]);
        let expected = [vec![1, 0, 3, 4], vec![1, 0, 0, 2, 3, 2], vec![2, 1, 2, 1]];
        assert_eq!(integers(&values[1..]), expected);
    }

    #[test]
    fn parts_along_a_dimension() {
        let case = unique(&[3, 3], vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 2.0, 3.0, 4.0]);
        let values = case.int("axis", 0).evaluate().unwrap();
        assert_eq!(values[0], Tensor::new(&[2, 3], vec![1.0f32, 0.0, 0.0, 2.0, 3.0, 4.0]).unwrap());
        assert_eq!(integers(&values[1..]), [vec![0, 2], vec![0, 0, 1], vec![2, 1]]);
        let case = unique(&[2, 3, 1], vec![1.0, 0.0, 1.0, 5.0, 6.0, 5.0]);
        let values = case.int("axis", -2).evaluate().unwrap();
        assert_eq!(values[0], Tensor::new(&[2, 2, 1], vec![0.0f32, 1.0, 6.0, 5.0]).unwrap());
        assert_eq!(integers(&values[1..]), [vec![1, 0], vec![1, 0, 1], vec![1, 2]]);
    }

    #[test]
    fn no_numbers_and_no_elements() {
        let values = unique(&[3], vec![f32::NAN, 1.0, f32::NAN]).evaluate().unwrap();
        assert_eq!(integers(&values[1..]), [vec![1, 0], vec![1, 0, 1], vec![1, 2]]);
        let values = unique(&[0], vec![]).evaluate().unwrap();
        assert!(values.iter().all(Tensor::is_empty));
        let values = unique(&[3, 0], vec![]).int("axis", 0).evaluate().unwrap();
        assert_eq!(values[0].shape(), [1, 0]);
        assert_eq!(integers(&values[1..]), [vec![0], vec![0, 0, 0], vec![3]]);
    }
}
