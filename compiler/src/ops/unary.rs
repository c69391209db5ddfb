//! Elementwise functions of one operand that are no activations.

use super::broadcasting::elementwise_facts;
use super::floats::check_float;
use super::reading::{check, one};
use super::{AnyOperation, Definition, interval};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, ElementType, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation::{Arithmetic, ElementFunction, ElementwiseFunction};

/// `Abs`, `Neg`, `Exp` and others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// Magnitude.
    Abs,
    /// Negation.
    Neg,
    /// Exponential.
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// `1 / x`.
    Reciprocal,
    /// Largest integer not above.
    Floor,
    /// Smallest integer not below.
    Ceil,
    /// Nearest integer, halves to even.
    Round,
    /// Gauss error function.
    Erf,
    /// `log(1 + exp(x))`.
    Softplus,
    /// `x` where positive, else `alpha * (exp(x) - 1)`.
    Elu {
        /// Factor of the negative side.
        alpha: f32,
    },
}

impl Unary {
    const fn function(self) -> ElementFunction {
        match self {
            Self::Abs => ElementFunction::Abs,
            Self::Neg => ElementFunction::Neg,
            Self::Exp => ElementFunction::Exp,
            Self::Log => ElementFunction::Log,
            Self::Sqrt => ElementFunction::Sqrt,
            Self::Reciprocal => ElementFunction::Reciprocal,
            Self::Floor => ElementFunction::Floor,
            Self::Ceil => ElementFunction::Ceil,
            Self::Round => ElementFunction::Round,
            Self::Erf => ElementFunction::Erf,
            Self::Softplus => ElementFunction::Softplus,
            Self::Elu { alpha } => ElementFunction::Elu { alpha },
        }
    }
}

impl Definition for Unary {
    const NAMES: &'static [&'static str] = &[
        "Abs",
        "Neg",
        "Exp",
        "Log",
        "Sqrt",
        "Reciprocal",
        "Floor",
        "Ceil",
        "Round",
        "Erf",
        "Softplus",
        "Elu",
    ];

    fn name(&self) -> &'static str {
        match self {
            Self::Abs => "Abs",
            Self::Neg => "Neg",
            Self::Exp => "Exp",
            Self::Log => "Log",
            Self::Sqrt => "Sqrt",
            Self::Reciprocal => "Reciprocal",
            Self::Floor => "Floor",
            Self::Ceil => "Ceil",
            Self::Round => "Round",
            Self::Erf => "Erf",
            Self::Softplus => "Softplus",
            Self::Elu { .. } => "Elu",
        }
    }

    fn attributes(&self) -> Attributes {
        match self {
            Self::Elu { alpha } => Attributes::default().with("alpha", Attribute::Float(*alpha)),
            Self::Abs
            | Self::Neg
            | Self::Exp
            | Self::Log
            | Self::Sqrt
            | Self::Reciprocal
            | Self::Floor
            | Self::Ceil
            | Self::Round
            | Self::Erf
            | Self::Softplus => Attributes::default(),
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let known: &[&str] = if signature.operator == "Elu" { &["alpha"] } else { &[] };
        check(signature, known, 1)?;
        let unary = match signature.operator {
            "Abs" => Self::Abs,
            "Neg" => Self::Neg,
            "Exp" => Self::Exp,
            "Log" => Self::Log,
            "Sqrt" => Self::Sqrt,
            "Reciprocal" => Self::Reciprocal,
            "Floor" => Self::Floor,
            "Ceil" => Self::Ceil,
            "Round" => Self::Round,
            "Erf" => Self::Erf,
            "Softplus" => Self::Softplus,
            "Elu" => Self::Elu { alpha: signature.attributes.float_or("alpha", 1.0)? },
            other => return Err(Error::internal(format!("{other} is no unary operator"))),
        };
        Ok(Parsed::first(unary, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let tensor_type = required(operands, 0, "input")?.tensor_type;
        let of_integers = matches!(self, Self::Abs | Self::Neg);
        if tensor_type.element == ElementType::Bool || !of_integers {
            check_float(tensor_type)?;
        }
        one(tensor_type.clone())
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let element = operands.first()?.as_ref()?.tensor_type.element;
        elementwise_facts(operands, element, |[x]: [&Fact; 1]| {
            let negated = || interval::arithmetic(Arithmetic::Sub, &Fact::known(0), x);
            match self {
                Self::Neg => negated(),
                Self::Abs => interval::arithmetic(Arithmetic::Max, x, &negated()),
                _ => Fact::ANYTHING,
            }
        })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(ElementwiseFunction { function: self.function() }.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    #[test]
    fn follow_their_formulas() {
        let values = |name| {
            Case::new(name, 17).operand(Tensor::vector(vec![-0.5f32, 0.5, 1.5, 2.5])).f32s().1
        };
        assert_eq!(values("Abs"), [0.5, 0.5, 1.5, 2.5]);
        assert_eq!(values("Neg"), [0.5, -0.5, -1.5, -2.5]);
        assert_eq!(values("Round"), [0.0, 0.0, 2.0, 2.0]);
        assert_eq!(values("Floor"), [-1.0, 0.0, 1.0, 2.0]);
        assert_eq!(values("Ceil"), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(values("Reciprocal"), [-2.0, 2.0, 1.0 / 1.5, 0.4]);
        assert_eq!(values("Exp")[1], 1.648_721_2);
        assert_eq!(values("Log")[3], 0.916_290_76);
        assert!(values("Sqrt")[0].is_nan());
        assert_eq!(values("Softplus")[0], 0.474_077);
        assert_eq!(values("Elu")[0], -0.393_469_33);
    }

    #[test]
    fn integers_have_a_magnitude_and_a_sign_only() {
        let integers = |name| Case::new(name, 13).list(&[-3, i64::MIN]).value();
        assert_eq!(integers("Abs"), Tensor::vector(vec![3, i64::MIN]));
        assert_eq!(integers("Neg"), Tensor::vector(vec![3, i64::MIN]));
        let narrow = Case::new("Neg", 13).operand(Tensor::vector(vec![-128i8, 5])).value();
        assert_eq!(narrow, Tensor::vector(vec![-128i8, -5]));
        Case::new("Exp", 13).list(&[1]).refused(ErrorKind::Unsupported, "found i64");
        let boolean = Case::new("Abs", 13).operand(Tensor::scalar(true));
        boolean.refused(ErrorKind::Unsupported, "found bool");
    }
}
