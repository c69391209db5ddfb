//! Elementwise functions of one operand that are no activations.

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
