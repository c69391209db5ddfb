//! Largest values put back to where they came from.

use super::reading::{check, one, operand_type};
use super::sliding::{kernel_shape, padded, pictures, read_pads, unpadded, write_undilated};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attributes, Dim, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{self, SlidingAxis};

/// `MaxUnpool`. Operands: values, their indices and, optionally, the sizes of a
/// result that is larger than the windows of the values. The rest of that is
/// zero, as in ONNX's own reference.
#[derive(Clone, Debug, PartialEq)]
pub struct MaxUnpool {
    /// How windows slid along each dimension.
    pub axes: Vec<SlidingAxis>,
}

impl Definition for MaxUnpool {
    const NAMES: &'static [&'static str] = &["MaxUnpool"];

    fn name(&self) -> &'static str {
        "MaxUnpool"
    }

    fn attributes(&self) -> Attributes {
        write_undilated(&self.axes, Attributes::default())
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["kernel_shape", "pads", "strides"], 3)?;
        let sizes = pictures(operand_type(signature, 0, "X")?)?;
        let mut axes = unpadded(signature, &kernel_shape(signature, sizes.len())?)?;
        read_pads(signature, &mut axes)?;
        Ok(Parsed::as_written(Self { axes }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let values = required(operands, 0, "X")?.tensor_type;
        let indices = required(operands, 1, "I")?.tensor_type;
        let sizes = pictures(values)?;
        if indices.element != ElementType::I64 || indices.rank() != values.rank() {
            return Err(Error::shape(format!(
                "expected an i64 index for each value of {values}, found {indices}"
            )));
        }
        if !values.element.is_float() || sizes.len() != self.axes.len() {
            let dimensions = self.axes.len();
            return Err(Error::shape(format!(
                "expected floats over {dimensions} dimensions, found {values}"
            )));
        }
        let mut result = values.clone();
        match operands.get(2).copied().flatten() {
            None => {
                for (axis, dim) in self.axes.iter().zip(&mut result.shape[2..]) {
                    let size = |size| operation::GeneralConvTranspose::size(axis, 0, size);
                    *dim = match dim {
                        Dim::Bounded { max: usize::MAX, .. } => Dim::open(),
                        Dim::Bounded { max, .. } => Dim::fresh(size(*max).unwrap_or(0)),
                        Dim::Fixed(found) => Dim::Fixed(size(*found).ok_or_else(|| {
                            Error::shape(format!("the padding leaves nothing of {values}"))
                        })?),
                    };
                }
            }
            Some(shape) => {
                let facts = shape.facts().unwrap_or_else(|| vec![Fact::ANYTHING; values.rank()].into());
                if shape.tensor_type.element != ElementType::I64 || facts.len() != values.rank() {
                    let found = shape.tensor_type;
                    return Err(Error::shape(format!(
                        "expected as `output_shape` the sizes of {} dimensions, found {found}",
                        values.rank()
                    )));
                }
                result.shape = facts.iter().map(Fact::dim).collect::<Result<_>>()?;
            }
        }
        one(result)
    }

    fn operation(&self) -> Option<AnyOperation> {
        let axes = padded(&self.axes, SlidingAxis::POINT).ok()?;
        Some(operation::MaxUnpool { axes, dimensions: self.axes.len() }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn case(indices: [i64; 2]) -> Case {
        Case::new("MaxUnpool", 11)
            .operand(Tensor::new(&[1, 1, 1, 2], vec![5.0f32, 6.0]).unwrap())
            .operand(Tensor::new(&[1, 1, 1, 2], indices.to_vec()).unwrap())
            .ints("kernel_shape", &[2, 2])
            .ints("strides", &[2, 2])
    }

    #[test]
    fn puts_values_back() {
        let values = vec![0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0];
        assert_eq!(case([1, 6]).f32s(), (vec![1, 1, 2, 4], values));
    }

    #[test]
    fn a_larger_result_is_zero_behind() {
        let (shape, values) = case([1, 6]).list(&[1, 1, 3, 5]).f32s();
        assert_eq!(shape, [1, 1, 3, 5]);
        assert_eq!((values[1], values[7], values.iter().sum::<f32>()), (5.0, 6.0, 11.0));
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        case([1, 8]).refused(ErrorKind::Shape, "out of range");
        case([-1, 0]).refused(ErrorKind::Shape, "out of range");
        case([0, 1]).list(&[1, 1, 2, 3]).refused(ErrorKind::Shape, "smaller");
        case([0, 1]).list(&[1, 1, 2]).refused(ErrorKind::Shape, "sizes of 4 dimensions");
        case([0, 1]).ints("pads", &[1, 2, 1, 2]).refused(ErrorKind::Shape, "leaves nothing");
    }
}
