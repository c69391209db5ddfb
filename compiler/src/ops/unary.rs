//! Elementwise functions of one operand that are no activations.

use super::{Definition, converted};
use super::floats::{check_float, mapped};
use super::reading::check;
use crate::error::{Error, Result};
use crate::ir::{Attribute, Attributes, Data, ElementType, Operand, Parsed, Signature, Tensor, TensorType, required};

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
    /// The function in f64.
    #[must_use]
    pub fn apply(self, x: f64) -> f64 {
        match self {
            Self::Abs => x.abs(),
            Self::Neg => -x,
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Sqrt => x.sqrt(),
            Self::Reciprocal => 1.0 / x,
            Self::Floor => x.floor(),
            Self::Ceil => x.ceil(),
            Self::Round => x.round_ties_even(),
            Self::Erf => error_function(x),
            Self::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Self::Elu { alpha } => {
                if x < 0.0 {
                    f64::from(alpha) * x.exp_m1()
                } else {
                    x
                }
            }
        }
    }

    /// The function of integers, which wraps, where ONNX has one.
    const fn on_integers(self) -> Option<fn(i64) -> i64> {
        match self {
            Self::Abs => Some(i64::wrapping_abs),
            Self::Neg => Some(i64::wrapping_neg),
            Self::Exp
            | Self::Log
            | Self::Sqrt
            | Self::Reciprocal
            | Self::Floor
            | Self::Ceil
            | Self::Round
            | Self::Erf
            | Self::Softplus
            | Self::Elu { .. } => None,
        }
    }
}

/// The error function to full f64 precision where it matters: its Taylor
/// series (Abramowitz and Stegun 7.1.6) near zero and the continued fraction of
/// its complement (7.1.14) elsewhere.
fn error_function(x: f64) -> f64 {
    let magnitude = x.abs();
    if magnitude.is_nan() {
        return x;
    }
    if magnitude < 2.5 {
        let mut term = x;
        let mut sum = x;
        for n in 1..80 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        return 2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum;
    }
    let fraction = (1..80).rev().fold(magnitude, |f, n| magnitude + f64::from(n) / 2.0 / f);
    let complement = (-x * x).exp() / (fraction * std::f64::consts::PI.sqrt());
    (1.0 - complement).copysign(x)
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
        if tensor_type.element == ElementType::Bool || self.on_integers().is_none() {
            check_float(tensor_type)?;
        }
        Ok(vec![tensor_type.clone()])
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        super::reading::inferred(self, operands)?;
        let input = required(operands, 0, "input")?;
        if input.element().is_float() {
            return Ok(vec![mapped(input, |x| self.apply(x))?]);
        }
        let apply = self.on_integers().ok_or_else(|| Error::internal("integers were let in"))?;
        let values: Vec<i64> = input.integers()?.into_iter().map(apply).collect();
        let data = converted(&Data::I64(values), input.element());
        Ok(vec![Tensor::new(input.shape(), data)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
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
    fn the_error_function_is_right_on_both_branches() {
        for (x, y) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_813_046_5),
            (-1.0, -0.842_700_792_949_714_9),
            (2.4, 0.999_311_486_103_355),
            (2.6, 0.999_763_965_583_470_7),
            (9.0, 1.0),
        ] {
            assert!((error_function(x) - y).abs() < 1e-15, "{x}: {}", error_function(x));
        }
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
