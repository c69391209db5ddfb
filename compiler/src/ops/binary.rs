//! Elementwise functions of two operands, with broadcasting.

use super::Definition;
use super::floats::{check_same_element, rounded, widened};
use super::reading::{NEWEST, check, one};
use super::rearrange::rearranged;
use super::{Activation, converted, rearrange};
use crate::error::{Error, Result};
use crate::ir::{Attributes, Data, Dim, Operand, Parsed, Signature, Tensor, TensorType, required};
use crate::step::BinaryOperation;

/// `Add`, `Sub`, `Mul`, `Div`, `Min`, `Max`, `Pow`, `PRelu`; `Min` and `Max` of
/// other than two operands are refused where they are read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binary {
    /// What is computed.
    pub operation: BinaryOperation,
    /// Applied to the result.
    pub activation: Activation,
}

impl Binary {
    fn apply(&self, a: f64, b: f64) -> f64 {
        let result = match self.operation {
            BinaryOperation::Add => a + b,
            BinaryOperation::Sub => a - b,
            BinaryOperation::Mul => a * b,
            BinaryOperation::Div => a / b,
            // NaN wins over numbers.
            BinaryOperation::Min if a.is_nan() || b.is_nan() => f64::NAN,
            BinaryOperation::Max if a.is_nan() || b.is_nan() => f64::NAN,
            BinaryOperation::Min => a.min(b),
            BinaryOperation::Max => a.max(b),
            BinaryOperation::Pow => a.powf(b),
            BinaryOperation::ParametricRelu => {
                if a < 0.0 {
                    b * a
                } else {
                    a
                }
            }
        };
        self.activation.apply(result, 1.0)
    }

    /// Integers wrap as they do in the processor; division rounds to zero.
    fn apply_integer(&self, a: i64, b: i64) -> Result<i64> {
        let refused = || Error::unsupported("this operator is not computed on integers");
        Ok(match self.operation {
            BinaryOperation::Add => a.wrapping_add(b),
            BinaryOperation::Sub => a.wrapping_sub(b),
            BinaryOperation::Mul => a.wrapping_mul(b),
            BinaryOperation::Div if b == 0 => {
                return Err(Error::malformed("division of an integer by zero"));
            }
            BinaryOperation::Div => a.wrapping_div(b),
            BinaryOperation::Min => a.min(b),
            BinaryOperation::Max => a.max(b),
            BinaryOperation::Pow => {
                let exponent = u32::try_from(b).map_err(|_| refused())?;
                a.wrapping_pow(exponent)
            }
            BinaryOperation::ParametricRelu => return Err(refused()),
        })
    }
}

/// The shape that two shapes are broadcast to.
///
/// # Errors
/// Where they do not fit.
pub(super) fn broadcast(left: &TensorType, right: &TensorType) -> Result<Vec<Dim>> {
    let rank = left.rank().max(right.rank());
    let dim = |tensor: &TensorType, i: usize| {
        (i + tensor.rank()).checked_sub(rank).map_or(Dim::Fixed(1), |i| tensor.shape[i].clone())
    };
    (0..rank)
        .map(|i| match (dim(left, i), dim(right, i)) {
            (a, b) if a == b => Ok(a),
            (Dim::Fixed(1), b) => Ok(b),
            (a, Dim::Fixed(1)) => Ok(a),
            _ => Err(Error::shape(format!("{left} and {right} cannot be broadcast together"))),
        })
        .collect()
}

/// A tensor repeated to a shape that it can be broadcast to.
pub(super) fn repeated(tensor: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let missing = shape.len() - tensor.shape().len();
    let strides = rearrange::strides(tensor.shape());
    rearranged(tensor, shape, 0.0, |dimension, index| {
        let own = dimension.checked_sub(missing).filter(|&own| tensor.shape()[own] != 1);
        Some(own.map_or(0, |own| index * strides[own]))
    })
}

impl Definition for Binary {
    const NAMES: &'static [&'static str] =
        &["Add", "Sub", "Mul", "Div", "Min", "Max", "Pow", "PRelu"];

    fn name(&self) -> &'static str {
        match self.operation {
            BinaryOperation::Add => "Add",
            BinaryOperation::Sub => "Sub",
            BinaryOperation::Mul => "Mul",
            BinaryOperation::Div => "Div",
            BinaryOperation::Min => "Min",
            BinaryOperation::Max => "Max",
            BinaryOperation::Pow => "Pow",
            BinaryOperation::ParametricRelu => "PRelu",
        }
    }

    fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::default();
        self.activation.write_attribute("activation", &mut attributes);
        attributes
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let operation = match signature.operator {
            "Add" => BinaryOperation::Add,
            "Sub" => BinaryOperation::Sub,
            "Mul" => BinaryOperation::Mul,
            "Div" => BinaryOperation::Div,
            "Min" => BinaryOperation::Min,
            "Max" => BinaryOperation::Max,
            "Pow" => BinaryOperation::Pow,
            "PRelu" => BinaryOperation::ParametricRelu,
            other => return Err(Error::internal(format!("{other} is no binary operator"))),
        };
        let known: &[&str] = if signature.opset == NEWEST { &["activation"] } else { &[] };
        let variadic = matches!(operation, BinaryOperation::Min | BinaryOperation::Max);
        check(signature, known, if variadic { usize::MAX } else { 2 })?;
        if variadic && signature.operands.len() != 2 {
            return Err(Error::unsupported(format!(
                "expected two operands, found {}",
                signature.operands.len()
            )));
        }
        let activation = Activation::from_attribute(signature, "activation")?;
        Ok(Parsed::as_written(Self { operation, activation }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let left = required(operands, 0, "left")?.tensor_type;
        let right = required(operands, 1, "right")?.tensor_type;
        if self.operation != BinaryOperation::Pow {
            check_same_element(left, right)?;
        }
        let shape = broadcast(left, right)?;
        if self.operation == BinaryOperation::ParametricRelu && shape != left.shape {
            return Err(Error::shape(format!("expected slopes that fit {left}, found {right}")));
        }
        one(TensorType { element: left.element, shape })
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let left = required(operands, 0, "left")?;
        let right = required(operands, 1, "right")?;
        let shape = broadcast(&left.tensor_type(), &right.tensor_type())?;
        let shape = TensorType { element: left.element(), shape }.sizes()?;
        let (left, right) = (repeated(left, &shape)?, repeated(right, &shape)?);
        if left.element().is_float() {
            let right = Tensor::new(&shape, converted(right.data(), left.element()))?;
            let (a, b) = (widened(&left)?, widened(&right)?);
            let values = a.iter().zip(b.iter()).map(|(&a, &b)| self.apply(a, b)).collect();
            return Ok(vec![rounded(left.element(), &shape, values)?]);
        }
        if self.activation != Activation::Identity {
            return Err(Error::unsupported("activations are not computed on integers"));
        }
        let (a, b) = (left.integers()?, right.integers()?);
        let values: Vec<i64> =
            a.iter().zip(&b).map(|(&a, &b)| self.apply_integer(a, b)).collect::<Result<_>>()?;
        Ok(vec![Tensor::new(&shape, converted(&Data::I64(values), left.element()))?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ops::testing::Case;

    fn matrix(rows: usize, columns: usize, values: &[f32]) -> Tensor {
        Tensor::new(&[rows, columns], values.to_vec()).unwrap()
    }

    #[test]
    fn operands_are_broadcast_from_the_last_dimension() {
        let case = Case::new("Add", 14)
            .operand(matrix(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
            .operand(Tensor::vector(vec![10.0f32, 20.0, 30.0]));
        assert_eq!(case.f32s(), (vec![2, 3], vec![11.0, 22.0, 33.0, 14.0, 25.0, 36.0]));
        let outer = Case::new("Mul", 7)
            .operand(matrix(2, 1, &[2.0, 3.0]))
            .operand(matrix(1, 2, &[5.0, 7.0]));
        assert_eq!(outer.f32s(), (vec![2, 2], vec![10.0, 14.0, 15.0, 21.0]));
    }

    #[test]
    fn integers_wrap_and_divide_towards_zero() {
        let case = |name| Case::new(name, 14).list(&[-7, i64::MAX]).list(&[2, 2]);
        let integers = |name| case(name).value().integers().unwrap();
        assert_eq!(integers("Div"), [-3, i64::MAX / 2]);
        assert_eq!(integers("Add"), [-5, i64::MIN + 1]);
        assert_eq!(integers("Max"), [2, i64::MAX]);
        Case::new("Div", 14).list(&[1]).list(&[0]).refused(ErrorKind::Malformed, "by zero");
    }

    #[test]
    fn nan_wins_in_min_and_max() {
        let case = Case::new("Min", 13)
            .operand(Tensor::vector(vec![f32::NAN, 1.0]))
            .operand(Tensor::vector(vec![0.0f32, f32::NAN]));
        assert!(case.f32s().1.iter().all(|value| value.is_nan()));
    }

    #[test]
    fn slopes_of_prelu_may_not_widen_the_input() {
        let case = |slopes| {
            Case::new("PRelu", 16).operand(matrix(2, 2, &[-1.0, 1.0, -2.0, 2.0])).operand(slopes)
        };
        let (_, values) = case(Tensor::vector(vec![0.5f32, 0.25])).f32s();
        assert_eq!(values, [-0.5, 1.0, -1.0, 2.0]);
        case(Tensor::new(&[3, 1, 1], vec![0.0f32; 3]).unwrap())
            .refused(ErrorKind::Shape, "expected slopes");
    }

    #[test]
    fn operands_that_do_not_fit_are_refused() {
        Case::new("Add", 14)
            .counting(&[2, 3])
            .counting(&[2])
            .refused(ErrorKind::Shape, "cannot be broadcast");
        Case::new("Add", 14).counting(&[2]).list(&[1, 2]).refused(ErrorKind::Shape, "element type");
        Case::new("Max", 13).counting(&[2]).refused(ErrorKind::Unsupported, "two operands");
    }
}
