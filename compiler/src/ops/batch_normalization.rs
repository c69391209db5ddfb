//! Batch normalisation in inference mode (Ioffe and Szegedy 2015).

/// `BatchNormalization`: `scale * (x - mean) / sqrt(variance + epsilon) + bias`
/// a channel. Operands: x, scale, bias, mean, variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormalization {
    /// Added to the variance.
    pub epsilon: f32,
}
