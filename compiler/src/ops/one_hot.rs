//! Indices as rows that differ in one element.

use super::indices::one_bounded;
use super::reading::{axis, check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// `OneHot`. Operands: indices, depth, values off and on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneHot {
    /// The new dimension.
    pub axis: usize,
}

impl Definition for OneHot {
    const NAMES: &'static [&'static str] = &["OneHot"];

    fn name(&self) -> &'static str {
        "OneHot"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("axis", Attribute::Int(self.axis as i64))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["axis"], 3)?;
        let rank = operand_type(signature, 0, "indices")?.rank();
        let axis = axis(signature.attributes.int_or("axis", -1)?, rank + 1)?;
        Ok(Parsed::as_written(Self { axis }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let indices = required(operands, 0, "indices")?.tensor_type;
        let depth = required(operands, 1, "depth")?;
        let values = required(operands, 2, "values")?.tensor_type;
        if values.rank() != 1 || !matches!(values.shape[0], Dim::Fixed(2)) {
            return Err(Error::shape(format!("expected two values, off and on, found {values}")));
        }
        if [indices, depth.tensor_type].iter().any(|t| t.element == ElementType::Bool)
            || depth.tensor_type.elements()? != 1
        {
            let depth = depth.tensor_type;
            return Err(Error::shape(format!(
                "expected numbers as indices and one as depth, found {indices} and {depth}"
            )));
        }
        let mut shape = indices.shape.clone();
        if self.axis > shape.len() {
            return Err(Error::shape(format!("{indices} cannot get an axis {}", self.axis)));
        }
        shape.insert(self.axis, size(depth)?);
        one_bounded(TensorType { element: values.element, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::OneHot { axis: self.axis }.into())
    }
}

/// The new dimension. Its size may be written as a float.
fn size(depth: Operand<'_>) -> Result<Dim> {
    let float = depth.value.filter(|value| value.element().is_float());
    if let Some(value) = float {
        let number = match value.data() {
            crate::ir::Data::F32(values) => values.first().map(|&value| value.into()),
            crate::ir::Data::F64(values) => values.first().copied(),
            _ => None,
        };
        return Fact::known(number.unwrap_or(0.0) as i64).dim();
    }
    super::indices::integer(Some(depth)).dim()
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn hot(indices: Tensor, depth: Tensor) -> Case {
        let values = Tensor::vector(vec![1i32, 5]);
        Case::new("OneHot", 11).operand(indices).operand(depth).operand(values)
    }

    #[test]
    fn turns_one_on() {
        let indices = Tensor::vector(vec![0i64, -1, 3, -4]);
        let rows = hot(indices.clone(), Tensor::scalar(3i64)).value();
        let expected = vec![5i32, 1, 1, 1, 1, 5, 1, 1, 1, 1, 1, 1];
        assert_eq!(rows, Tensor::new(&[4, 3], expected).unwrap());
        let columns = hot(indices, Tensor::vector(vec![2.0f32])).int("axis", 0).value();
        assert_eq!(columns, Tensor::new(&[2, 4], vec![5i32, 1, 1, 1, 1, 5, 1, 1]).unwrap());
        let far = Tensor::vector(vec![u64::MAX, 1]);
        let rows = hot(far, Tensor::scalar(2u8)).value();
        assert_eq!(rows, Tensor::new(&[2, 2], vec![1i32, 1, 1, 5]).unwrap());
        let float = hot(Tensor::scalar(1.0f32), Tensor::scalar(2i32)).value();
        assert_eq!(float, Tensor::vector(vec![1i32, 5]));
        assert!(hot(Tensor::scalar(0i64), Tensor::scalar(0i64)).value().is_empty());
    }

    #[test]
    fn errors() {
        let index = || Tensor::scalar(0i64);
        hot(index(), Tensor::scalar(-1i64)).refused(ErrorKind::Shape, "negative");
        hot(index(), Tensor::scalar(-1.0f32)).refused(ErrorKind::Shape, "negative");
        hot(index(), Tensor::scalar(f64::INFINITY)).refused(ErrorKind::Shape, "too many");
        hot(index(), Tensor::vector(vec![1i64, 1])).refused(ErrorKind::Shape, "one as depth");
        hot(index(), index()).int("axis", 1).refused(ErrorKind::Shape, "axis 1");
        let values = Case::new("OneHot", 11).operand(index()).operand(index()).counting(&[3]);
        values.refused(ErrorKind::Shape, "off and on");
    }
}
