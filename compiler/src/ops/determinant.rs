//! Determinants.

use super::floats::check_float;
use super::reading::{check, one};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{Attributes, Operand, Parsed, Signature, TensorType, required};
use crate::operation;

/// `Det`, of square matrices `[.., n, n]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Determinant;

impl Definition for Determinant {
    const NAMES: &'static [&'static str] = &["Det"];

    fn name(&self) -> &'static str {
        "Det"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &[], 1)?;
        Ok(Parsed::first(Self, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "X")?.tensor_type;
        check_float(input)?;
        match &input.shape[..] {
            [outer @ .., rows, columns] if rows == columns => {
                one(TensorType { element: input.element, shape: outer.to_vec() })
            }
            _ => Err(Error::shape(format!("expected square matrices, found {input}"))),
        }
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(operation::Determinant::ByPivots.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn follows_from_elimination() {
        let matrices = vec![0.0f32, 2.0, 3.0, 4.0, 1.0, 2.0, 2.0, 4.0];
        let case = Case::new("Det", 22).operand(Tensor::new(&[2, 2, 2], matrices).unwrap());
        assert_eq!(case.f32s(), (vec![2], vec![-6.0, 0.0]));
        assert_eq!(Case::new("Det", 11).counting(&[0, 0]).f32s(), (vec![], vec![1.0]));
        Case::new("Det", 11).counting(&[2, 3]).refused(ErrorKind::Shape, "square");
    }
}
