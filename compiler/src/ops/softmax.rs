//! Softmax and its logarithm.

/// `Softmax`, `LogSoftmax`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    /// The dimension that sums to one.
    pub axis: usize,
    /// Whether all dimensions from `axis` on sum to one together, as in
    /// operator sets before 13.
    pub through_end: bool,
    /// Whether the logarithm is taken.
    pub logarithm: bool,
}
