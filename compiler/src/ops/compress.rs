//! Parts of a tensor that a condition selects.

use super::indices::{check_rank, dim, most, one_bounded};
use super::reading::{axis, check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Data, Dim, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// `Compress`. Operands: data, condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compress {
    /// The dimension; absent, elements are selected row by row.
    pub axis: Option<usize>,
}

impl Definition for Compress {
    const NAMES: &'static [&'static str] = &["Compress"];

    fn name(&self) -> &'static str {
        "Compress"
    }

    fn attributes(&self) -> Attributes {
        axis_attribute(self.axis)
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["axis"], 2)?;
        Ok(Parsed::as_written(Self { axis: optional_axis(signature, "input")? }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "input")?.tensor_type;
        let condition = required(operands, 1, "condition")?;
        check_rank(condition.tensor_type, 1, "condition")?;
        if condition.tensor_type.element != ElementType::Bool {
            let found = condition.tensor_type;
            return Err(Error::shape(format!("operand `condition` should be bool, but is {found}")));
        }
        let (mut shape, axis) = match self.axis {
            Some(axis) => (data.shape.clone(), axis),
            None => (vec![flat(data)], 0),
        };
        let whole = dim(&TensorType { element: data.element, shape: shape.clone() }, axis)?.clone();
        let selected = whole.max().min(most(&condition.tensor_type.shape));
        shape[axis] = match condition.value.map(|value| value.data()) {
            Some(Data::Bool(truths)) if whole.fixed().is_some() => {
                Dim::Fixed(truths.iter().take(selected).filter(|&&truth| truth).count())
            }
            _ => Dim::fresh(selected),
        };
        one_bounded(TensorType { element: data.element, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::Compress { axis: self.axis }.into())
    }
}

/// The dimension of all elements, row by row.
pub(super) fn flat(tensor_type: &TensorType) -> Dim {
    let count = most(&tensor_type.shape);
    if tensor_type.is_fixed() { Dim::Fixed(count) } else { Dim::fresh(count) }
}

/// Reads an axis that may be absent.
pub(super) fn optional_axis(signature: &Signature<'_>, what: &str) -> Result<Option<usize>> {
    let rank = operand_type(signature, 0, what)?.rank();
    signature.attributes.int("axis")?.map(|&given| axis(given, rank)).transpose()
}

pub(super) fn axis_attribute(axis: Option<usize>) -> Attributes {
    axis.map_or_else(Attributes::default, |axis| {
        Attributes::default().with("axis", Attribute::Int(axis as i64))
    })
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn compress(condition: &[bool]) -> Case {
        let condition = Tensor::vector(condition.to_vec());
        Case::new("Compress", 11).counting(&[3, 2]).operand(condition)
    }

    // The examples of the specification.
    #[test]
    fn keeps_what_the_condition_says() {
        let rows = compress(&[false, true, true]).int("axis", 0).f32s();
        assert_eq!(rows, (vec![2, 2], vec![2.0, 3.0, 4.0, 5.0]));
        let columns = compress(&[false, true]).int("axis", -1).f32s();
        assert_eq!(columns, (vec![3, 1], vec![1.0, 3.0, 5.0]));
        let elements = compress(&[false, true, false, false, true]).f32s();
        assert_eq!(elements, (vec![2], vec![1.0, 4.0]));
        assert_eq!(compress(&[false]).int("axis", 0).f32s(), (vec![0, 2], vec![]));
        assert_eq!(compress(&[false, false, true, true]).int("axis", 1).f32s().0, [3, 0]);
    }

    #[test]
    fn errors() {
        let numbers = Case::new("Compress", 9).counting(&[2]).counting(&[2]);
        numbers.refused(ErrorKind::Shape, "should be bool");
        compress(&[true]).int("axis", 2).refused(ErrorKind::Shape, "axis 2");
        let scalar = Case::new("Compress", 9).counting(&[2]).operand(Tensor::scalar(true));
        scalar.refused(ErrorKind::Shape, "1 dimensions");
    }
}
