//! Arithmetic of two operands.

use super::broadcast::{Broadcast, combine, operands};
use super::function::sigmoid;
use super::{ElementFunction, Failure, Input, Native, Operation, Output, with_type};
use crate::real;

description! {
    /// A function of two numbers. Integers wrap, and their division rounds to
    /// zero.
    pub enum Arithmetic {
        /// Sum.
        Add,
        /// Difference.
        Sub,
        /// Product.
        Mul,
        /// Quotient.
        Div,
        /// Smaller of the two; NaN wins.
        Min,
        /// Larger of the two; NaN wins.
        Max,
        /// Power. The exponent may be of another type.
        Pow,
        /// `x` where positive, else `slope * x`: PRelu.
        ParametricRelu,
        /// What division leaves, with the sign of the divisor.
        Modulo,
        /// What division leaves, with the sign of the dividend.
        Remainder,
        /// `a * b / (1 + exp(-alpha * a))`: SwiGLU.
        GatedSwish {
            /// Factor.
            alpha: f32,
        },
    }
}

description! {
    /// `Add`, `Div`, `Pow`, `Mod` and their kin. Operands: left, right, which
    /// are broadcast. Result: of the type of the left one.
    pub struct ElementwiseArithmetic {
        /// What is computed.
        pub function: Arithmetic,
        /// Applied to the result where that is a float.
        pub then: ElementFunction,
    }
}

impl Operation for ElementwiseArithmetic {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [left, right] = operands(inputs)?;
        let [result] = outputs else { return Err(Failure("expected one result")) };
        if self.function == Arithmetic::Pow && left.element() != right.element() {
            return self.mixed_power(left, right, result);
        }
        if left.element().is_float() {
            return with_type!(left.element(), T: floats => {
                combine(left, right, result, |a: T, b: T| {
                    let value = self.function.of_reals(a.to_f64(), b.to_f64());
                    Ok(T::from_f64(self.then.of_real(value)))
                })
            });
        }
        with_type!(left.element(), T: integers => {
            combine(left, right, result, |a: T, b: T| {
                self.function.of_integers(a.to_i128(), b.to_i128()).map(T::from_i128)
            })
        })
    }
}

impl ElementwiseArithmetic {
    /// Powers whose exponents are of another type.
    #[inline]
    fn mixed_power(
        &self,
        left: &Input<'_>,
        right: &Input<'_>,
        result: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let broadcast = Broadcast::new([left.sizes(), right.sizes()])?;
        let real = left.element().is_float() || right.element().is_float();
        with_type!(left.element(), T: numbers => {
            let bases = left.values::<T>()?;
            let result = result.resize::<T>(broadcast.sizes())?;
            broadcast.visit(|run| {
                for (i, place) in result[run.places.clone()].iter_mut().enumerate() {
                    let base = bases[run.at(0, i)];
                    *place = if real {
                        let power = real::pow(base.to_f64(), right.number(run.at(1, i))?);
                        T::from_f64(self.then.of_real(power))
                    } else {
                        let exponent = right.integer(run.at(1, i))?;
                        T::from_i128(power(base.to_i128(), exponent.into())?)
                    };
                }
                Ok(())
            })
        })
    }
}

impl Arithmetic {
    /// The function of real numbers.
    #[must_use]
    pub fn of_reals(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Min | Self::Max if a.is_nan() || b.is_nan() => f64::NAN,
            Self::Min => a.min(b),
            Self::Max => a.max(b),
            Self::Pow => real::pow(a, b),
            Self::ParametricRelu => {
                if a < 0.0 { b * a } else { a }
            }
            Self::Modulo => {
                let remainder = a % b;
                match remainder == 0.0 {
                    true => remainder.copysign(b),
                    false if (remainder < 0.0) != (b < 0.0) => remainder + b,
                    false => remainder,
                }
            }
            Self::Remainder => a % b,
            Self::GatedSwish { alpha } => a * sigmoid(f64::from(alpha) * a) * b,
        }
    }

    /// The function of integers, of which the low bits are right.
    pub(super) fn of_integers(self, a: i128, b: i128) -> Result<i128, Failure> {
        Ok(match self {
            Self::Add => a.wrapping_add(b),
            Self::Sub => a.wrapping_sub(b),
            Self::Mul => a.wrapping_mul(b),
            Self::Div | Self::Modulo | Self::Remainder if b == 0 => {
                return Err(Failure("division of an integer by zero"));
            }
            Self::Div => divided(a, b),
            Self::Min => a.min(b),
            Self::Max => a.max(b),
            Self::Pow => power(a, b)?,
            Self::Remainder => a - divided(a, b) * b,
            Self::Modulo => {
                let remainder = a - divided(a, b) * b;
                if remainder != 0 && (remainder < 0) != (b < 0) { remainder + b } else { remainder }
            }
            Self::ParametricRelu if a >= 0 => a,
            Self::ParametricRelu => a.wrapping_mul(b),
            Self::GatedSwish { .. } => return Err(Failure("expected floating-point numbers")),
        })
    }
}

/// The quotient; the divisor is not 0. Almost all numbers fit 64 bits, which
/// processors divide much faster.
fn divided(a: i128, b: i128) -> i128 {
    match (i64::try_from(a), i64::try_from(b)) {
        (Ok(a), Ok(b)) if b != -1 => (a / b).into(),
        _ => a.wrapping_div(b),
    }
}

/// The low bits of a power, by squaring.
fn power(base: i128, exponent: i128) -> Result<i128, Failure> {
    let exponent = u64::try_from(exponent)
        .map_err(|_| Failure("a negative power of an integer is no integer"))?;
    let (mut square, mut rest, mut product) = (base, exponent, 1i128);
    while rest > 0 {
        if rest & 1 == 1 {
            product = product.wrapping_mul(square);
        }
        square = square.wrapping_mul(square);
        rest >>= 1;
    }
    Ok(product)
}
