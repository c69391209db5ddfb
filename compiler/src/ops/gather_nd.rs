//! Parts of a tensor by several indices each.

use super::indices::{all_same, check_indices, one_bounded};
use super::reading::{check, size};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Dim, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `GatherND`. Operands: data, indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatherNd {
    /// How many dimensions of data and indices go together.
    pub batch: usize,
}

impl Definition for GatherNd {
    const NAMES: &'static [&'static str] = &["GatherND"];

    fn name(&self) -> &'static str {
        "GatherND"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("batch_dims", Attribute::Int(self.batch as i64))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let attributes: &[&str] = if signature.opset < 12 { &[] } else { &["batch_dims"] };
        check(signature, attributes, 2)?;
        let batch = size(signature.attributes.int_or("batch_dims", 0)?, "attribute `batch_dims`")?;
        Ok(Parsed::as_written(Self { batch }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "data")?.tensor_type;
        let indices = required(operands, 1, "indices")?.tensor_type;
        let (rows, columns) = rows(data, indices, self.batch)?;
        let batch = all_same(&rows[..self.batch], &data.shape[..self.batch]).ok_or_else(|| {
            let batch = self.batch;
            Error::shape(format!("{data} and {indices} differ in their first {batch} dimensions"))
        })?;
        let whole = &data.shape[self.batch + columns..];
        let shape = [&batch, &rows[self.batch..], whole].concat();
        one_bounded(TensorType { element: data.element, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::GatherNd { batch: self.batch }.into())
    }
}

/// The dimensions of indices but the last, and the size of that, which is the
/// number of indices of each part.
pub(super) fn rows<'a>(
    data: &TensorType,
    indices: &'a TensorType,
    batch: usize,
) -> Result<(&'a [Dim], usize)> {
    check_indices(indices, "indices")?;
    let Some((last, rows)) = indices.shape.split_last() else {
        return Err(Error::shape("operand `indices` should not be a single number"));
    };
    let columns = last.fixed().ok_or_else(|| {
        Error::unsupported(format!("how many indices a part of {indices} has is not known"))
    })?;
    match batch <= rows.len() && batch.saturating_add(columns) <= data.rank() {
        true => Ok((rows, columns)),
        false => Err(Error::shape(format!(
            "parts of {data} have no {columns} indices {indices} after {batch} common dimensions"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn gather(shape: &[usize], sizes: &[usize], indices: Vec<i64>) -> Case {
        let indices = Tensor::new(sizes, indices).unwrap();
        Case::new("GatherND", 13).counting(shape).operand(indices)
    }

    // The examples of the specification.
    #[test]
    fn parts_by_several_indices() {
        let elements = gather(&[2, 2], &[2, 2], vec![0, 0, 1, 1]).f32s();
        assert_eq!(elements, (vec![2], vec![0.0, 3.0]));
        let rows = gather(&[2, 2], &[2, 1], vec![1, -2]).f32s();
        assert_eq!(rows, (vec![2, 2], vec![2.0, 3.0, 0.0, 1.0]));
        let nested = gather(&[2, 2, 2], &[2, 1, 2], vec![0, 1, 1, 0]).f32s();
        assert_eq!(nested, (vec![2, 1, 2], vec![2.0, 3.0, 4.0, 5.0]));
        let batches = gather(&[2, 2, 2], &[2, 1], vec![1, 0]).int("batch_dims", 1).f32s();
        assert_eq!(batches, (vec![2, 2], vec![2.0, 3.0, 4.0, 5.0]));
    }

    #[test]
    fn nothing_to_gather() {
        assert_eq!(gather(&[2, 2], &[0, 2], vec![]).f32s(), (vec![0], vec![]));
        assert_eq!(gather(&[2], &[2, 0], vec![]).f32s().1, [0.0, 1.0, 0.0, 1.0]);
        assert_eq!(gather(&[2, 0], &[1, 1], vec![0]).f32s(), (vec![1, 0], vec![]));
    }

    #[test]
    fn errors() {
        gather(&[2, 2], &[1, 2], vec![0, 2]).refused(ErrorKind::Shape, "out of range");
        gather(&[2, 2], &[1, 3], vec![0; 3]).refused(ErrorKind::Shape, "no 3 indices");
        gather(&[2], &[], vec![0]).refused(ErrorKind::Shape, "single number");
        let differ = gather(&[2, 2], &[1, 1], vec![0]).int("batch_dims", 1);
        differ.refused(ErrorKind::Shape, "differ in their first 1");
        let many = gather(&[2, 2], &[1, 1], vec![0]).int("batch_dims", 2);
        many.refused(ErrorKind::Shape, "after 2 common dimensions");
        let negative = gather(&[2], &[1, 1], vec![0]).int("batch_dims", -1);
        negative.refused(ErrorKind::Malformed, "negative");
    }
}
