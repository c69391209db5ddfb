//! Splitting along a dimension.

/// `Split` of one operand; sizes are known when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The dimension that is split.
    pub axis: usize,
    /// Size of each output along it.
    pub sizes: Vec<usize>,
}
