//! Concatenation.

/// `Concat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat {
    /// The dimension that grows.
    pub axis: usize,
}
