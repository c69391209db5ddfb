//! Elementwise functions of two operands, with broadcasting.

use super::Definition;
use super::floats::{check_float, check_same_element, rounded, widened};
use super::reading::{NEWEST, check, one};
use super::rearrange::rearranged;
use super::{Activation, converted, rearrange};
use crate::error::{Error, Result};
use crate::ir::{Attributes, Data, Dim, ElementType, Operand, Parsed, Signature, Tensor, TensorType, required};
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

    /// Refuses element types that are not computed on.
    fn check_elements(&self, left: &TensorType, right: &TensorType) -> Result<()> {
        self.activation.check_needs_no_slopes()?;
        // An exponent may be of another type, but an integer stays one.
        let exponent = self.operation == BinaryOperation::Pow
            && (left.element.is_float() || !right.element.is_float())
            && right.element != ElementType::Bool;
        if !exponent {
            check_same_element(left, right)?;
        }
        let only_floats = self.operation == BinaryOperation::ParametricRelu
            || self.activation != Activation::Identity;
        if only_floats || left.element == ElementType::Bool {
            check_float(left)?;
        }
        Ok(())
    }

    /// Integers wrap as they do in the processor; division rounds to zero.
    fn apply_integer(&self, a: i64, b: i64) -> Result<i64> {
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
                let exponent = u32::try_from(b).map_err(|_| {
                    Error::unsupported(format!("the power {a}^{b} of an integer is no integer"))
                })?;
                a.wrapping_pow(exponent)
            }
            BinaryOperation::ParametricRelu => {
                return Err(Error::internal("PRelu is not computed on integers"));
            }
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
            let found = signature.operands.len();
            return Err(Error::unsupported(format!("expected two operands, found {found}"))
                .help("chain nodes of two operands"));
        }
        let activation = Activation::from_attribute(signature, "activation")?;
        Ok(Parsed::as_written(Self { operation, activation }, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let left = required(operands, 0, "left")?.tensor_type;
        let right = required(operands, 1, "right")?.tensor_type;
        self.check_elements(left, right)?;
        let shape = broadcast(left, right)?;
        if self.operation == BinaryOperation::ParametricRelu && shape != left.shape {
            return Err(Error::shape(format!("expected slopes that fit {left}, found {right}")));
        }
        one(TensorType { element: left.element, shape })
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = super::reading::inferred(self, operands)?;
        let shape = required(&[types.first()], 0, "result")?.sizes()?;
        let left = repeated(required(operands, 0, "left")?, &shape)?;
        let right = repeated(required(operands, 1, "right")?, &shape)?;
        if left.element().is_float() {
            let right = Tensor::new(&shape, converted(right.data(), ElementType::F64))?;
            let (a, b) = (widened(&left)?, widened(&right)?);
            let values = a.iter().zip(b.iter()).map(|(&a, &b)| self.apply(a, b)).collect();
            return Ok(vec![rounded(left.element(), &shape, values)?]);
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
    fn narrow_integers_wrap_at_their_own_width() {
        let case = |name| {
            let data = Case::new(name, 14).operand(Tensor::vector(vec![-128i8, 100]));
            data.operand(Tensor::vector(vec![-1i8, 100])).value()
        };
        assert_eq!(case("Add"), Tensor::vector(vec![127i8, -56]));
        assert_eq!(case("Mul"), Tensor::vector(vec![-128i8, 16]));
        assert_eq!(case("Div"), Tensor::vector(vec![-128i8, 1]));
        let bytes = Case::new("Sub", 14).operand(Tensor::vector(vec![1u8]));
        assert_eq!(bytes.operand(Tensor::scalar(2u8)).value(), Tensor::vector(vec![255u8]));
    }

    #[test]
    fn an_exponent_may_be_of_another_type() {
        let floats = Case::new("Pow", 13).operand(Tensor::vector(vec![2.0f32, 4.0]));
        assert_eq!(floats.clone().list(&[-1, 2]).f32s().1, [0.5, 16.0]);
        assert_eq!(floats.operand(Tensor::scalar(0.5f64)).f32s().1, [2.0f32.sqrt(), 2.0]);
        let integers = |exponent| Case::new("Pow", 13).list(&[3, -2]).list(&[exponent]);
        assert_eq!(integers(3).value(), Tensor::vector(vec![27i64, -8]));
        integers(-1).refused(ErrorKind::Unsupported, "no integer");
        let narrow = Case::new("Pow", 13).operand(Tensor::scalar(7i8)).list(&[3]).value();
        assert_eq!(narrow, Tensor::vector(vec![87i8]));
        let mixed = Case::new("Pow", 13).list(&[3]).counting(&[1]);
        mixed.refused(ErrorKind::Shape, "element type");
    }

    #[test]
    fn an_activation_may_follow() {
        let case = |activation: &str| {
            Case::new("Sub", NEWEST)
                .operand(Tensor::vector(vec![1.0f32, 5.0]))
                .operand(Tensor::scalar(2.0f32))
                .string("activation", activation)
        };
        assert_eq!(case("LeakyRelu(0.5)").f32s().1, [-0.5, 3.0]);
        case("ChannelRelu").refused(ErrorKind::Malformed, "no slopes");
        let integers = Case::new("Add", NEWEST).list(&[1]).list(&[1]).string("activation", "Relu");
        integers.refused(ErrorKind::Unsupported, "found i64");
        let written = Case::new("Add", 14).counting(&[1]).counting(&[1]);
        let written = written.string("activation", "Relu");
        written.refused(ErrorKind::Malformed, "unknown attribute");
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
        let booleans = || Tensor::vector(vec![true]);
        Case::new("Add", 14)
            .operand(booleans())
            .operand(booleans())
            .refused(ErrorKind::Unsupported, "found bool");
        Case::new("PRelu", 16).list(&[1]).list(&[1]).refused(ErrorKind::Unsupported, "found i64");
        let legacy = Case::new("Add", 7).counting(&[2]).counting(&[2]).int("broadcast", 1);
        legacy.refused(ErrorKind::Malformed, "unknown attribute `broadcast`");
        Case::new("Max", 13).counting(&[2]).refused(ErrorKind::Unsupported, "two operands");
    }
}
