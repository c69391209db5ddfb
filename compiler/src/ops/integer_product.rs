//! Matrix products of quantised values.

use super::matmul::Product;
use super::reading::{check, one};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attributes, ElementType, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// Products of matrices of 8-bit integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegerProduct {
    /// `MatMulInteger`. Operands: A, B, their zero points (may be empty).
    Sums,
    /// `QLinearMatMul`. Operands: A, its scale and zero point, the same of B,
    /// scale and zero point of the result.
    Requantized,
}

impl Definition for IntegerProduct {
    const NAMES: &'static [&'static str] = &["MatMulInteger", "QLinearMatMul"];

    fn name(&self) -> &'static str {
        match self {
            Self::Sums => "MatMulInteger",
            Self::Requantized => "QLinearMatMul",
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let (operator, operands) = match signature.operator {
            "MatMulInteger" => (Self::Sums, 4),
            _ => (Self::Requantized, 8),
        };
        check(signature, &[], operands)?;
        Ok(Parsed::as_written(operator, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let (a, b, element) = match self {
            Self::Sums => {
                let [a, b] = [(0, 2), (1, 3)].map(|slots| matrix(operands, slots));
                (a?, b?, ElementType::I32)
            }
            Self::Requantized => {
                let [a, b] = [(0, 2), (3, 5)].map(|slots| matrix(operands, slots));
                for slot in [1, 4, 6] {
                    let scale = required(operands, slot, "scale")?.tensor_type;
                    check_parameter(scale)?;
                    if !scale.element.is_float() {
                        return Err(Error::shape(format!("expected a scale, found {scale}")));
                    }
                }
                let zero = required(operands, 7, "y_zero_point")?.tensor_type;
                check_parameter(zero)?;
                check_narrow(zero)?;
                (a?, b?, zero.element)
            }
        };
        one(TensorType { element, shape: Product::of(a, b)?.result })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(match self {
            Self::Sums => operation::IntegerProduct::Sums.into(),
            Self::Requantized => operation::IntegerProduct::Requantized.into(),
        })
    }
}

/// The type of a matrix, whose zero point is of the same element type.
fn matrix<'a>(
    operands: &[Option<Operand<'a>>],
    (slot, zero): (usize, usize),
) -> Result<&'a TensorType> {
    let matrix = required(operands, slot, "matrix")?.tensor_type;
    check_narrow(matrix)?;
    if let Some(zero) = operands.get(zero).copied().flatten() {
        check_parameter(zero.tensor_type)?;
        super::floats::check_same_element(matrix, zero.tensor_type)?;
    }
    Ok(matrix)
}

fn check_narrow(tensor_type: &TensorType) -> Result<()> {
    match tensor_type.element {
        ElementType::I8 | ElementType::U8 => Ok(()),
        _ => Err(Error::shape(format!("expected 8-bit integers, found {tensor_type}"))),
    }
}

/// Refuses scales and zero points that are not one for all, or one a row or
/// column.
fn check_parameter(tensor_type: &TensorType) -> Result<()> {
    if tensor_type.rank() > 1 && tensor_type.elements()? != 1 {
        return Err(Error::unsupported(format!(
            "expected a scale or zero point for all, or one a row or column, found {tensor_type}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn left() -> Tensor {
        Tensor::new(&[2, 2], vec![11u8, 7, 10, 6]).unwrap()
    }

    fn right() -> Tensor {
        Tensor::new(&[2, 2], vec![1i8, -4, 2, 5]).unwrap()
    }

    #[test]
    fn zero_points_are_taken_off() {
        let case = || Case::new("MatMulInteger", 10).operand(left()).operand(right());
        let result = |values: [i32; 4]| Tensor::new(&[2, 2], values.to_vec()).unwrap();
        assert_eq!(case().value(), result([25, -9, 22, -10]));
        let zero = case().operand(Tensor::scalar(12u8));
        assert_eq!(zero.value(), result([-11, -21, -14, -22]));
        let by_line = case().operand(Tensor::vector(vec![12u8, 10])).operand(Tensor::vector(vec![0i8, 5]));
        assert_eq!(by_line.value(), result([-11, 9, -8, 0]));
    }

    #[test]
    fn results_are_rounded_to_even_and_saturate() {
        let case = |scale: f32| {
            Case::new("QLinearMatMul", 21)
                .operand(left())
                .operand(Tensor::scalar(1.0f32))
                .operand(Tensor::scalar(0u8))
                .operand(right())
                .operand(Tensor::scalar(0.5f32))
                .operand(Tensor::scalar(0i8))
                .operand(Tensor::scalar(scale))
                .operand(Tensor::scalar(3u8))
        };
        assert_eq!(case(1.0).value().integers().unwrap(), [15, 0, 14, 0]);
        assert_eq!(case(0.01).value().integers().unwrap(), [255, 0, 255, 0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let case = || Case::new("MatMulInteger", 10).operand(left()).operand(right());
        case().operand(Tensor::vector(vec![1u8, 2, 3])).refused(ErrorKind::Shape, "not as many");
        case().operand(Tensor::scalar(1i8)).refused(ErrorKind::Shape, "one element type");
        let matrix = Tensor::new(&[1, 2, 1], vec![1u8, 2]).unwrap();
        case().operand(matrix).refused(ErrorKind::Unsupported, "for all");
        Case::new("MatMulInteger", 10).counting(&[1, 1]).counting(&[1, 1]).refused(ErrorKind::Shape, "8-bit");
    }
}
