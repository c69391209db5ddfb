//! Elementwise functions of two operands, with broadcasting.

use super::Activation;
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
