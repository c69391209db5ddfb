//! Permutation of dimensions.

use super::reading::{axes, check, inferred, one, operand_type};
use super::rearrange::{rearranged, strides};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Fact, Operand, Parsed, Signature, Tensor, TensorType, required,
};
use crate::operation::GeneralTranspose;
use crate::step::RANK;
use std::borrow::Cow;

/// `Transpose`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transpose {
    /// The operand's dimension for each of the result's.
    pub permutation: Vec<usize>,
}

impl Definition for Transpose {
    const NAMES: &'static [&'static str] = &["Transpose"];

    fn name(&self) -> &'static str {
        "Transpose"
    }

    fn attributes(&self) -> Attributes {
        let permutation = self.permutation.iter().map(|&axis| axis as i64).collect();
        Attributes::default().with("perm", Attribute::Ints(permutation))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["perm"], 1)?;
        let rank = operand_type(signature, 0, "data")?.rank();
        let permutation = match signature.attributes.ints("perm")? {
            None => (0..rank).rev().collect(),
            Some(given) => axes(given, rank)?,
        };
        Ok(Parsed::as_written(Self { permutation }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let operand = required(operands, 0, "data")?.tensor_type;
        let mut sorted = self.permutation.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..operand.rank()) {
            return Err(Error::shape(format!(
                "`perm` {:?} is not a permutation of the dimensions of {operand}",
                self.permutation
            )));
        }
        let shape = self.permutation.iter().map(|&axis| operand.shape[axis].clone()).collect();
        one(TensorType { element: operand.element, shape })
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let operand = operands.first()?.as_ref()?;
        operand.facts().filter(|_| self.permutation.is_sorted()).map(Cow::into_owned)
    }

    fn operation(&self) -> Option<AnyOperation> {
        let mut permutation = [0; RANK];
        permutation.get_mut(..self.permutation.len())?.copy_from_slice(&self.permutation);
        Some(GeneralTranspose { permutation }.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        inferred(self, operands)?;
        let operand = required(operands, 0, "data")?;
        let strides = strides(operand.shape());
        let shape: Vec<_> = self.permutation.iter().map(|&axis| operand.shape()[axis]).collect();
        let offset = |dimension: usize, index: usize| {
            Some(index * strides[self.permutation[dimension]])
        };
        Ok(vec![rearranged(operand, &shape, 0.0, offset)?])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use crate::error::ErrorKind;

    fn transpose(shape: &[usize], permutation: &[i64]) -> Case {
        Case::new("Transpose", 13).ints("perm", permutation).counting(shape)
    }

    #[test]
    fn permutes() {
        let reversed = Case::new("Transpose", 7).counting(&[2, 3]).f32s();
        assert_eq!(reversed, (vec![3, 2], vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
        let (shape, values) = transpose(&[2, 3, 4], &[2, 0, 1]).f32s();
        assert_eq!(shape, [4, 2, 3]);
        for (i, value) in values.iter().enumerate() {
            let [a, b, c] = [i / 6, i / 3 % 2, i % 3];
            assert_eq!(*value, (b * 12 + c * 4 + a) as f32);
        }
        assert_eq!(Case::new("Transpose", 7).counting(&[]).f32s(), (vec![], vec![0.0]));
        assert_eq!(transpose(&[0, 3], &[1, 0]).f32s(), (vec![3, 0], vec![]));
    }

    #[test]
    fn errors() {
        transpose(&[2, 3], &[0]).refused(ErrorKind::Shape, "not a permutation");
        transpose(&[2, 3], &[0, 0]).refused(ErrorKind::Malformed, "given twice");
        transpose(&[2, 3], &[0, 2]).refused(ErrorKind::Shape, "axis 2 is out of range");
        transpose(&[2], &[0]).counting(&[1]).refused(ErrorKind::Malformed, "at most 1 operands");
    }
}
