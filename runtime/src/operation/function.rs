//! Functions of single elements.

use super::broadcast::{map, operands};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real;

description! {
    /// A function of one number.
    pub enum ElementFunction {
        /// The number itself.
        Identity,
        /// Magnitude.
        Abs,
        /// Negation.
        Neg,
        /// -1, 0 or 1.
        Sign,
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
        /// Sine.
        Sin,
        /// Cosine.
        Cos,
        /// Tangent.
        Tan,
        /// Arc sine.
        Asin,
        /// Arc cosine.
        Acos,
        /// Arc tangent.
        Atan,
        /// Hyperbolic sine.
        Sinh,
        /// Hyperbolic cosine.
        Cosh,
        /// Hyperbolic tangent.
        Tanh,
        /// Inverse of the hyperbolic sine.
        Asinh,
        /// Inverse of the hyperbolic cosine.
        Acosh,
        /// Inverse of the hyperbolic tangent.
        Atanh,
        /// `max(x, 0)`.
        Relu,
        /// `x` where positive, else `slope * x`.
        LeakyRelu {
            /// Factor of negative values.
            slope: f32,
        },
        /// `x` above the threshold, else 0.
        ThresholdedRelu {
            /// The threshold.
            alpha: f32,
        },
        /// `min(max(x, low), high)`.
        Clip {
            /// Smallest result.
            low: f32,
            /// Largest result.
            high: f32,
        },
        /// Brings numbers nearer to zero; the near ones become it.
        Shrink {
            /// Largest magnitude that becomes zero.
            threshold: f32,
            /// What is taken from the magnitude of others.
            bias: f32,
        },
        /// `1 / (1 + exp(-x))`.
        Sigmoid,
        /// `min(max(alpha * x + beta, 0), 1)`.
        HardSigmoid {
            /// Factor.
            alpha: f32,
            /// Offset.
            beta: f32,
        },
        /// `x * min(max(x / 6 + 1/2, 0), 1)`.
        HardSwish,
        /// `x / (1 + exp(-alpha * x))`.
        Swish {
            /// Factor.
            alpha: f32,
        },
        /// `log(1 + exp(x))`.
        Softplus,
        /// `x / (1 + |x|)`.
        Softsign,
        /// `x * tanh(log(1 + exp(x)))`.
        Mish,
        /// `x` where positive, else `alpha * (exp(x) - 1)`.
        Elu {
            /// Factor of the negative side.
            alpha: f32,
        },
        /// `x` where positive, else `alpha * (exp(x / alpha) - 1)`.
        Celu {
            /// Where the negative side ends, with its sign turned.
            alpha: f32,
        },
        /// `gamma * x` where positive, else `gamma * alpha * (exp(x) - 1)`.
        Selu {
            /// Factor of the negative side.
            alpha: f32,
            /// Factor of both.
            gamma: f32,
        },
        /// `x / 2 * (1 + erf(x / sqrt(2)))`.
        Gelu,
        /// [`ElementFunction::Gelu`] with a hyperbolic tangent near the error
        /// function.
        TanhGelu,
    }
}

description! {
    /// A function of every element. Operand: numbers. Result: of the same type;
    /// integers are refused where the function is not one of integers.
    pub struct ElementwiseFunction {
        /// The function.
        pub function: ElementFunction,
    }
}

impl Operation for ElementwiseFunction {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [input] = operands(inputs)?;
        let [result] = outputs else { return Err(Failure("expected one result")) };
        let function = self.function;
        if input.element().is_float() {
            return with_type!(input.element(), T: floats => {
                map(input, result, |value: T| T::from_f64(function.of_real(value.to_f64())))
            });
        }
        if function.of_integer(0).is_none() {
            return Err(Failure("the function is not one of integers"));
        }
        with_type!(input.element(), T: integers => {
            map(input, result, |value: T| {
                T::from_i128(function.of_integer(value.to_i128()).unwrap_or_default())
            })
        })
    }
}

impl ElementFunction {
    /// The function of an integer, where it is one of integers.
    #[must_use]
    pub fn of_integer(self, x: i128) -> Option<i128> {
        match self {
            Self::Identity => Some(x),
            Self::Abs => Some(x.wrapping_abs()),
            Self::Neg => Some(x.wrapping_neg()),
            Self::Sign => Some(x.signum()),
            Self::Relu => Some(x.max(0)),
            Self::Shrink { .. } => Some(self.of_real(x as f64) as i128),
            _ => None,
        }
    }

    /// The function of a real number. NaN stays NaN.
    #[must_use]
    pub fn of_real(self, x: f64) -> f64 {
        match self {
            Self::Identity => x,
            Self::Abs => x.abs(),
            Self::Neg => -x,
            Self::Sign => {
                if x == 0.0 || x.is_nan() { x } else { x.signum() }
            }
            Self::Exp => real::exp(x),
            Self::Log => real::ln(x),
            Self::Sqrt => real::sqrt(x),
            Self::Reciprocal => 1.0 / x,
            Self::Floor => real::floor(x),
            Self::Ceil => real::ceil(x),
            Self::Round => real::round_ties_even(x),
            Self::Erf => error_function(x),
            Self::Sin => real::sin(x),
            Self::Cos => real::cos(x),
            Self::Tan => real::tan(x),
            Self::Asin => real::asin(x),
            Self::Acos => real::acos(x),
            Self::Atan => real::atan(x),
            Self::Sinh => real::sinh(x),
            Self::Cosh => real::cosh(x),
            Self::Tanh => real::tanh(x),
            Self::Asinh => real::asinh(x),
            Self::Acosh => real::acosh(x),
            Self::Atanh => real::atanh(x),
            activation => activation.activate(x),
        }
    }

    /// Those functions that are activations.
    fn activate(self, x: f64) -> f64 {
        match self {
            Self::Relu if x < 0.0 => 0.0,
            Self::LeakyRelu { slope } if x < 0.0 => f64::from(slope) * x,
            Self::ThresholdedRelu { alpha } if x <= alpha.into() => 0.0,
            Self::Clip { low, high } => {
                let raised = if x < low.into() { low.into() } else { x };
                if raised > high.into() { high.into() } else { raised }
            }
            Self::Shrink { threshold, bias } => {
                let (threshold, bias) = (f64::from(threshold), f64::from(bias));
                match x {
                    x if x < -threshold => x + bias,
                    x if x > threshold => x - bias,
                    x if x.is_nan() => x,
                    _ => 0.0,
                }
            }
            Self::Sigmoid => sigmoid(x),
            Self::HardSigmoid { alpha, beta } => {
                (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0)
            }
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Swish { alpha } => x * sigmoid(f64::from(alpha) * x),
            Self::Softplus => softplus(x),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Mish => x * real::tanh(softplus(x)),
            Self::Elu { alpha } if x < 0.0 => f64::from(alpha) * real::exp_m1(x),
            Self::Celu { alpha } => celu(x, alpha.into()),
            Self::Selu { alpha, gamma } => {
                let positive = if x > 0.0 { x } else { f64::from(alpha) * real::exp_m1(x) };
                f64::from(gamma) * positive
            }
            Self::Gelu => 0.5 * x * (1.0 + error_function(x * core::f64::consts::FRAC_1_SQRT_2)),
            Self::TanhGelu => {
                let scale = core::f64::consts::FRAC_2_SQRT_PI * core::f64::consts::FRAC_1_SQRT_2;
                0.5 * x * (1.0 + real::tanh(scale * (x + 0.044715 * x * x * x)))
            }
            _ => x,
        }
    }
}

/// `1 / (1 + exp(-x))`.
pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + real::exp(-x))
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + real::ln_1p(real::exp(-x.abs()))
}

/// `max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)`, whatever the sign of
/// `alpha`.
fn celu(x: f64, alpha: f64) -> f64 {
    let bent = alpha * real::exp_m1(x / alpha);
    let (above, below) = (if x < 0.0 { 0.0 } else { x }, if bent > 0.0 { 0.0 } else { bent });
    above + below
}

/// The error function to full f64 precision where it matters: its Taylor
/// series (Abramowitz and Stegun 7.1.6) near zero and the continued fraction of
/// its complement (7.1.14) elsewhere.
fn error_function(x: f64) -> f64 {
    let magnitude = x.abs();
    if magnitude.is_nan() || magnitude == 0.0 {
        return x;
    }
    // All digits are ones from here on.
    if magnitude > 6.0 {
        return 1.0f64.copysign(x);
    }
    let root_of_pi = 2.0 / core::f64::consts::FRAC_2_SQRT_PI;
    if magnitude < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..80 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
            if term.abs() < sum.abs() * f64::EPSILON / 4.0 {
                break;
            }
        }
        return 2.0 / root_of_pi * real::exp(-x * x) * sum;
    }
    let fraction = (1..80).rev().fold(magnitude, |f, n| magnitude + f64::from(n) / 2.0 / f);
    let complement = real::exp(-x * x) / (fraction * root_of_pi);
    (1.0 - complement).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_right_on_all_branches() {
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
        assert!(error_function(f64::NAN).is_nan());
    }

    #[test]
    fn what_is_no_number_stays_none() {
        for function in [
            ElementFunction::Relu,
            ElementFunction::ThresholdedRelu { alpha: 1.0 },
            ElementFunction::Clip { low: 0.0, high: 6.0 },
            ElementFunction::Shrink { threshold: 0.5, bias: 0.0 },
            ElementFunction::HardSwish,
            ElementFunction::Softplus,
            ElementFunction::Celu { alpha: 1.0 },
            ElementFunction::Selu { alpha: 1.0, gamma: 1.0 },
            ElementFunction::Sign,
            ElementFunction::Gelu,
        ] {
            assert!(function.of_real(f64::NAN).is_nan(), "{function:?}");
        }
    }
}
