//! Local response normalisation (Krizhevsky et al. 2012, section 3.3).

/// `LRN`: `x / (bias + alpha / size * sum of squares of neighbours)^beta`
/// across channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponse {
    /// Channels in a window.
    pub size: usize,
    /// Weight of the mean of squares.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Offset.
    pub bias: f32,
}
