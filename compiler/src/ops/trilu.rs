//! Triangles of matrices.

use super::indices::{check_integer, one_bounded};
use super::reading::check;
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `Trilu`. Operands: matrices, and which diagonal, which may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trilu {
    /// Whether what is above the diagonal stays, not what is below.
    pub upper: bool,
}

impl Definition for Trilu {
    const NAMES: &'static [&'static str] = &["Trilu"];

    fn name(&self) -> &'static str {
        "Trilu"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default().with("upper", Attribute::Int(self.upper.into()))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["upper"], 2)?;
        let upper = signature.attributes.int_or("upper", 1)? != 0;
        Ok(Parsed::as_written(Self { upper }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "input")?.tensor_type;
        if data.rank() < 2 {
            return Err(Error::shape(format!("expected matrices, found {data}")));
        }
        check_integer(operands.get(1).copied().flatten(), "k")?;
        one_bounded(data.clone())
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::Trilu { upper: self.upper }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn triangle(upper: i64, k: i64) -> Vec<i64> {
        let matrix = Tensor::new(&[2, 3], vec![1i64, 2, 3, 4, 5, 6]).unwrap();
        let case = Case::new("Trilu", 14).operand(matrix).operand(Tensor::scalar(k));
        case.int("upper", upper).value().integers().unwrap()
    }

    #[test]
    fn the_other_side_is_zero() {
        assert_eq!(triangle(1, 0), [1, 2, 3, 0, 5, 6]);
        assert_eq!(triangle(1, 1), [0, 2, 3, 0, 0, 6]);
        assert_eq!(triangle(1, -1), [1, 2, 3, 4, 5, 6]);
        assert_eq!(triangle(0, 0), [1, 0, 0, 4, 5, 0]);
        assert_eq!(triangle(0, -1), [0, 0, 0, 4, 0, 0]);
        assert_eq!(triangle(0, 9), [1, 2, 3, 4, 5, 6]);
        assert_eq!(triangle(1, i64::MAX), [0; 6]);
        assert_eq!(triangle(0, i64::MIN), [0; 6]);
        let batches = Case::new("Trilu", 14).counting(&[2, 2, 2]).f32s().1;
        assert_eq!(batches, [0.0, 1.0, 0.0, 3.0, 4.0, 5.0, 0.0, 7.0]);
        assert_eq!(Case::new("Trilu", 14).counting(&[2, 0]).f32s().0, [2, 0]);
    }

    #[test]
    fn errors() {
        Case::new("Trilu", 14).counting(&[2]).refused(ErrorKind::Shape, "expected matrices");
        let floats = Case::new("Trilu", 14).counting(&[2, 2]).counting(&[]);
        floats.refused(ErrorKind::Shape, "one integer");
    }
}
