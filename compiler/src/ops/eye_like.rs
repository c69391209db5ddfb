//! Matrices with ones on a diagonal.

use super::cast;
use super::indices::{check_rank, one_bounded};
use super::reading::{check, operand_type};
use super::{AnyOperation, Definition};
use crate::error::Result;
use crate::ir::{
    Attribute, Attributes, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{self, Precision};

/// `EyeLike`: a matrix of the sizes of the operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EyeLike {
    /// What the elements are.
    pub element: ElementType,
    /// The column of the diagonal in the first row, negative where it begins
    /// further down.
    pub offset: i64,
}

impl Definition for EyeLike {
    const NAMES: &'static [&'static str] = &["EyeLike"];

    fn name(&self) -> &'static str {
        "EyeLike"
    }

    fn attributes(&self) -> Attributes {
        let code = cast::code(self.element, Precision::Full);
        Attributes::default()
            .with("dtype", Attribute::Int(code))
            .with("k", Attribute::Int(self.offset))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        check(signature, &["dtype", "k"], 1)?;
        let element = match signature.attributes.int("dtype")? {
            None => operand_type(signature, 0, "input")?.element,
            Some(&code) => cast::element(code)?.0,
        };
        let offset = signature.attributes.int_or("k", 0)?;
        Ok(Parsed::as_written(Self { element, offset }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "input")?.tensor_type;
        check_rank(data, 2, "input")?;
        one_bounded(TensorType { element: self.element, shape: data.shape.clone() })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let limit = if self.offset < 0 { isize::MIN } else { isize::MAX };
        let offset = isize::try_from(self.offset).unwrap_or(limit);
        Some(operation::EyeLike { offset }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn eye(sizes: &[usize], k: i64) -> Vec<f32> {
        let (shape, values) = Case::new("EyeLike", 9).counting(sizes).int("k", k).f32s();
        assert_eq!(shape, sizes);
        values
    }

    #[test]
    fn ones_on_a_diagonal() {
        assert_eq!(eye(&[2, 3], 0), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(eye(&[3, 2], 1), [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(eye(&[3, 2], -1), [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
        assert_eq!(eye(&[2, 1], i64::MAX), [0.0, 0.0]);
        assert_eq!(eye(&[2, 1], i64::MIN), [0.0, 0.0]);
        assert_eq!(eye(&[2, 0], 0), [] as [f32; 0]);
        let truths = Case::new("EyeLike", 22).counting(&[1, 2]).int("dtype", 9).value();
        assert_eq!(truths, Tensor::new(&[1, 2], vec![true, false]).unwrap());
        let integers = Case::new("EyeLike", 9).operand(Tensor::new(&[1, 1], vec![7i16]).unwrap());
        assert_eq!(integers.value(), Tensor::new(&[1, 1], vec![1i16]).unwrap());
    }

    #[test]
    fn errors() {
        Case::new("EyeLike", 9).counting(&[2]).refused(ErrorKind::Shape, "2 dimensions");
        let strings = Case::new("EyeLike", 9).counting(&[2, 2]).int("dtype", 8);
        strings.refused(ErrorKind::Unsupported, "strings");
    }
}
