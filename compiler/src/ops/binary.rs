//! Elementwise functions of two operands, with broadcasting.

use super::broadcasting::{broadcast, elementwise_facts};
use super::floats::{check_float, check_same_element};
use super::reading::{NEWEST, check, one};
use super::{Activation, AnyOperation, Definition, interval};
use crate::error::{Error, Result};
use crate::ir::{
    Attributes, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{Arithmetic, ElementwiseArithmetic};
use crate::step::BinaryOperation;

/// `Add`, `Sub`, `Mul`, `Div`, `Min`, `Max`, `Pow`, `PRelu`; `Sum` of two
/// operands is read as `Add`. `Min`, `Max` and `Sum` of other than two operands
/// are [`super::Variadic`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binary {
    /// What is computed.
    pub operation: BinaryOperation,
    /// Applied to the result.
    pub activation: Activation,
}

impl Binary {
    /// Refuses element types that are not computed on.
    fn check_elements(&self, left: &TensorType, right: &TensorType) -> Result<()> {
        self.activation.check_needs_no_slopes()?;
        // An exponent may be of another type.
        let exponent =
            self.operation == BinaryOperation::Pow && right.element != ElementType::Bool;
        if !exponent {
            check_same_element(left, right)?;
        }
        if self.activation != Activation::Identity || left.element == ElementType::Bool {
            check_float(left)?;
        }
        Ok(())
    }

    const fn arithmetic(&self) -> Arithmetic {
        match self.operation {
            BinaryOperation::Add => Arithmetic::Add,
            BinaryOperation::Sub => Arithmetic::Sub,
            BinaryOperation::Mul => Arithmetic::Mul,
            BinaryOperation::Div => Arithmetic::Div,
            BinaryOperation::Min => Arithmetic::Min,
            BinaryOperation::Max => Arithmetic::Max,
            BinaryOperation::Pow => Arithmetic::Pow,
            BinaryOperation::ParametricRelu => Arithmetic::ParametricRelu,
        }
    }
}

impl Definition for Binary {
    const NAMES: &'static [&'static str] =
        &["Add", "Sub", "Mul", "Div", "Min", "Max", "Pow", "PRelu", "Sum"];

    fn reads(signature: &Signature<'_>) -> bool {
        !matches!(signature.operator, "Min" | "Max" | "Sum") || signature.operands.len() == 2
    }

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
            "Add" | "Sum" => BinaryOperation::Add,
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
        check(signature, known, 2)?;
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

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let element = operands.first()?.as_ref()?.tensor_type.element;
        elementwise_facts(operands, element, |[left, right]: [&Fact; 2]| {
            interval::arithmetic(self.arithmetic(), left, right)
        })
    }

    fn operation(&self) -> Option<AnyOperation> {
        let function = self.arithmetic();
        Some(ElementwiseArithmetic { function, then: self.activation.function()? }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ir::{Operator, Tensor};
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
        Case::new("Div", 14).list(&[1]).list(&[0]).refused(ErrorKind::Shape, "by zero");
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
        integers(-1).refused(ErrorKind::Shape, "no integer");
        let narrow = Case::new("Pow", 13).operand(Tensor::scalar(7i8)).list(&[3]).value();
        assert_eq!(narrow, Tensor::vector(vec![87i8]));
        let root = Case::new("Pow", 13).list(&[9, 2]).operand(Tensor::scalar(0.5f32)).value();
        assert_eq!(root, Tensor::vector(vec![3i64, 1]));
        let boolean = Case::new("Pow", 13).list(&[3]).operand(Tensor::scalar(true));
        boolean.refused(ErrorKind::Shape, "element type");
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
    fn integers_of_all_64_bits_are_exact() {
        let large = || Tensor::vector(vec![u64::MAX, 1 << 60]);
        let case = |name| Case::new(name, 14).operand(large()).operand(large()).value();
        assert_eq!(case("Mul"), Tensor::vector(vec![1u64, 0]));
        assert_eq!(case("Div"), Tensor::vector(vec![1u64, 1]));
        let prelu = Case::new("PRelu", 16).list(&[-3, 3]).list(&[2]).value();
        assert_eq!(prelu, Tensor::vector(vec![-6i64, 3]));
    }

    #[test]
    fn a_sum_of_two_is_read_as_their_addition() {
        let sum = Case::new("Sum", 13).counting(&[2]).counting(&[2]);
        assert_eq!(sum.read().unwrap().0.name(), "Add");
        assert_eq!(sum.f32s().1, [0.0, 2.0]);
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
        let legacy = Case::new("Add", 7).counting(&[2]).counting(&[2]).int("broadcast", 1);
        legacy.refused(ErrorKind::Malformed, "unknown attribute `broadcast`");
    }
}
