//! Selection by index.

use super::Definition;
use super::reading::{axis, check, inferred, one, operand_type};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Data, Dim, ElementType, Operand, Parsed, Signature, Tensor, TensorType,
    required,
};
use crate::with_data;

/// `Gather`. Operands: data, indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gather {
    /// The dimension that is indexed.
    pub axis: usize,
}

impl Definition for Gather {
    const NAMES: &'static [&'static str] = &["Gather"];

    fn name(&self) -> &'static str {
        "Gather"
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
        let indices = required(operands, 1, "indices")?;
        let Some(indexed) = data.shape.get(self.axis) else {
            return Err(Error::shape(format!("there is no axis {} in {data}", self.axis)));
        };
        if !matches!(indices.tensor_type.element, ElementType::I32 | ElementType::I64) {
            return Err(Error::shape(format!(
                "operand `indices` should be i32 or i64, but is {}",
                indices.tensor_type.element
            )));
        }
        if let (Some(value), Dim::Fixed(size)) = (indices.value, indexed) {
            places(value, *size)?;
        }
        let mut shape = data.shape.clone();
        shape.splice(self.axis..=self.axis, indices.tensor_type.shape.iter().cloned());
        one(TensorType { element: data.element, shape })
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = inferred(self, operands)?;
        let shape = types.first().map_or_else(|| Ok(Vec::new()), TensorType::sizes)?;
        let elements = types.first().map_or(Ok(0), TensorType::elements)?;
        let data = required(operands, 0, "data")?;
        let size = data.shape()[self.axis];
        let places = places(required(operands, 1, "indices")?, size)?;
        let gathered = with_data!(data.data(), values => {
            let mut gathered = Vec::with_capacity(elements);
            // With no elements there may be absurdly many rows of none.
            if !values.is_empty() {
                let inner: usize = data.shape()[self.axis + 1..].iter().product();
                for outer in values.chunks_exact(size * inner) {
                    for place in &places {
                        gathered.extend_from_slice(&outer[place * inner..(place + 1) * inner]);
                    }
                }
            }
            Data::from(gathered)
        });
        Ok(vec![Tensor::new(&shape, gathered)?])
    }
}

/// Indices along a dimension of this size, counted from its end where they are
/// negative.
fn places(indices: &Tensor, size: usize) -> Result<Vec<usize>> {
    let place = |index: i64| {
        let counted = if index < 0 { index.saturating_add_unsigned(size as u64) } else { index };
        usize::try_from(counted).ok().filter(|&place| place < size).ok_or_else(|| {
            Error::shape(format!("index {index} is out of range for a dimension of size {size}"))
        })
    };
    indices.integers()?.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use super::*;
    use crate::error::ErrorKind;

    fn gather(shape: &[usize], axis: i64, indices: Tensor) -> Case {
        Case::new("Gather", 13).int("axis", axis).counting(shape).operand(indices)
    }

    #[test]
    fn selects_along_an_axis() {
        let indices = Tensor::new(&[1, 2], vec![2i64, -3]).unwrap();
        let rows = gather(&[3, 2], 0, indices.clone()).f32s();
        assert_eq!(rows, (vec![1, 2, 2], vec![4.0, 5.0, 0.0, 1.0]));
        let columns = gather(&[2, 3], -1, indices.clone()).f32s();
        assert_eq!(columns, (vec![2, 1, 2], vec![2.0, 0.0, 5.0, 3.0]));
        // A scalar index removes the dimension; the axis is 0 by default.
        let case = Case::new("Gather", 7).counting(&[3]).operand(Tensor::scalar(1i32));
        assert_eq!(case.f32s(), (vec![], vec![1.0]));
        assert_eq!(gather(&[3, 0], 0, indices).f32s(), (vec![1, 2, 0], vec![]));
        let none = Tensor::vector(Vec::<i64>::new());
        assert_eq!(gather(&[0, 2], 0, none).f32s(), (vec![0, 2], vec![]));
    }

    #[test]
    fn errors() {
        let index = |i: i64| gather(&[3, 2], 0, Tensor::vector(vec![i]));
        index(3).refused(ErrorKind::Shape, "index 3 is out of range for a dimension of size 3");
        index(-4).refused(ErrorKind::Shape, "index -4");
        index(i64::MIN).refused(ErrorKind::Shape, "out of range");
        gather(&[3], 1, Tensor::scalar(0i64)).refused(ErrorKind::Shape, "axis 1");
        gather(&[], 0, Tensor::scalar(0i64)).refused(ErrorKind::Shape, "axis 0");
        gather(&[3], 0, Tensor::scalar(0.0f32)).refused(ErrorKind::Shape, "i32 or i64");
        let missing = Case::new("Gather", 13).counting(&[1]);
        missing.refused(ErrorKind::Malformed, "operand 1 (indices)");
    }
}
