//! Where a tensor is not 0.

use super::indices::{most, one_bounded};
use super::reading::check;
use super::{AnyOperation, Definition};
use crate::error::Result;
use crate::ir::{Attributes, Dim, ElementType, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `NonZero`: the indices of the elements that are not 0, a column for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonZero;

impl Definition for NonZero {
    const NAMES: &'static [&'static str] = &["NonZero"];

    fn name(&self) -> &'static str {
        "NonZero"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &[], 1)?;
        Ok(Parsed::as_written(Self, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "X")?.tensor_type;
        let shape = vec![Dim::Fixed(data.rank()), Dim::fresh(most(&data.shape))];
        one_bounded(TensorType { element: ElementType::I64, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::NonZero.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn places(tensor: Tensor) -> Tensor {
        Case::new("NonZero", 13).operand(tensor).value()
    }

    #[test]
    fn indices_of_what_is_not_zero() {
        let matrix = Tensor::new(&[2, 2], vec![1.0f32, -0.0, f32::NAN, 1.0]).unwrap();
        let expected = Tensor::new(&[2, 3], vec![0i64, 1, 1, 0, 0, 1]).unwrap();
        assert_eq!(places(matrix), expected);
        let truths = Tensor::vector(vec![false, true]);
        assert_eq!(places(truths), Tensor::new(&[1, 1], vec![1i64]).unwrap());
        // A single number has no index, but may be counted.
        assert_eq!(places(Tensor::scalar(3i8)).shape(), [0, 1]);
        assert_eq!(places(Tensor::scalar(0u8)).shape(), [0, 0]);
        assert_eq!(places(Tensor::new(&[3, 0], Vec::<f64>::new()).unwrap()).shape(), [2, 0]);
    }
}
