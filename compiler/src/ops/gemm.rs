//! General matrix product.

use super::Activation;

/// `Gemm`: `activation(alpha * A * B + beta * C)`. Operands: A, B, C (may be
/// empty).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gemm {
    /// Factor of the product.
    pub alpha: f32,
    /// Factor of the offset.
    pub beta: f32,
    /// Whether A is given transposed.
    pub transpose_a: bool,
    /// Whether B is given transposed.
    pub transpose_b: bool,
    /// Applied to the result; never [`Activation::ChannelRelu`].
    pub activation: Activation,
}
