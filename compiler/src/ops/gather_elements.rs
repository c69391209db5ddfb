//! Elements, each by its own index along a dimension.

use super::indices::{all_same, check_indices, check_rank, dim, one_bounded};
use super::reading::{axis, check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `GatherElements`. Operands: data, indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatherElements {
    /// The dimension that is indexed.
    pub axis: usize,
}

impl Definition for GatherElements {
    const NAMES: &'static [&'static str] = &["GatherElements"];

    fn name(&self) -> &'static str {
        "GatherElements"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("axis", Attribute::Int(self.axis as i64))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["axis"], 2)?;
        let rank = operand_type(signature, 0, "data")?.rank();
        let axis = axis(signature.attributes.int_or("axis", 0)?, rank)?;
        Ok(Parsed::as_written(Self { axis }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "data")?.tensor_type;
        let indices = required(operands, 1, "indices")?.tensor_type;
        check_indexed(data, indices, self.axis)?;
        one_bounded(TensorType { element: data.element, shape: indices.shape.clone() })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::GatherElements { axis: self.axis }.into())
    }
}

/// Refuses indices of single elements that cannot be such of the data.
pub(super) fn check_indexed(data: &TensorType, indices: &TensorType, axis: usize) -> Result<()> {
    check_indices(indices, "indices")?;
    check_rank(indices, data.rank(), "indices")?;
    dim(data, axis)?;
    let pairs = data.shape.iter().zip(&indices.shape).enumerate();
    let exceeds = |(data, indices): (&Dim, &Dim)| indices.fixed().is_some_and(|i| i > data.max());
    let empty = indices.shape.contains(&Dim::Fixed(0));
    match pairs.filter(|(i, _)| *i != axis).any(|(_, pair)| exceeds(pair)) && !empty {
        true => Err(Error::shape(format!("there are more indices {indices} than data {data}"))),
        false => Ok(()),
    }
}

/// Refuses updates that are not one for each index.
pub(super) fn check_updates(
    data: &TensorType,
    expected: &[Dim],
    updates: &TensorType,
) -> Result<()> {
    match updates.element == data.element && all_same(expected, &updates.shape).is_some() {
        true => Ok(()),
        false => {
            let expected = TensorType { element: data.element, shape: expected.to_vec() };
            Err(Error::shape(format!("expected updates {expected}, found {updates}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn gather(shape: &[usize], axis: i64, sizes: &[usize], indices: Vec<i64>) -> Case {
        let indices = Tensor::new(sizes, indices).unwrap();
        Case::new("GatherElements", 13).int("axis", axis).counting(shape).operand(indices)
    }

    #[test]
    fn each_element_has_its_index() {
        // The examples of the specification, with other numbers.
        let columns = gather(&[2, 2], 1, &[2, 2], vec![0, 0, 1, 0]).f32s();
        assert_eq!(columns, (vec![2, 2], vec![0.0, 0.0, 3.0, 2.0]));
        let rows = gather(&[3, 3], 0, &[2, 3], vec![-2, -1, -3, 2, 0, 0]).f32s();
        assert_eq!(rows, (vec![2, 3], vec![3.0, 7.0, 2.0, 6.0, 1.0, 2.0]));
        // There may be fewer indices than data, and more along the axis.
        let few = gather(&[2, 2, 2], -1, &[1, 2, 3], vec![1, 0, 1, 0, 0, 0]).f32s();
        assert_eq!(few, (vec![1, 2, 3], vec![1.0, 0.0, 1.0, 2.0, 2.0, 2.0]));
        assert_eq!(gather(&[2, 0], 0, &[3, 0], vec![]).f32s(), (vec![3, 0], vec![]));
    }

    #[test]
    fn errors() {
        gather(&[2], 0, &[1], vec![2]).refused(ErrorKind::Shape, "out of range");
        gather(&[2], 0, &[1], vec![-3]).refused(ErrorKind::Shape, "out of range");
        gather(&[0], 0, &[1], vec![0]).refused(ErrorKind::Shape, "out of range");
        gather(&[2, 2], 0, &[2], vec![0, 0]).refused(ErrorKind::Shape, "2 dimensions");
        gather(&[2, 1], 0, &[1, 2], vec![0, 0]).refused(ErrorKind::Shape, "more indices");
        gather(&[], 0, &[], vec![0]).refused(ErrorKind::Shape, "axis 0");
        let case = Case::new("GatherElements", 13).counting(&[1]).counting(&[1]);
        case.refused(ErrorKind::Shape, "i32 or i64");
    }
}
