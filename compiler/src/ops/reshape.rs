//! The same elements under another shape.

/// `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze` of one operand; the shape is
/// known when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reshape {
    /// Shape of the result.
    pub shape: Vec<usize>,
}
