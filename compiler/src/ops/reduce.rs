//! Reductions over dimensions.

/// `ReduceMean`, `ReduceSum` and others, of one operand; axes are known when
/// it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduce {
    /// What is computed.
    pub kind: ReduceKind,
    /// Dimensions that vanish, ascending.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keep: bool,
}

/// What a [`Reduce`] computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ReduceKind {
    Mean,
    Sum,
    Max,
    Min,
    Prod,
    L1,
    L2,
    SumSquare,
    LogSum,
    LogSumExp,
}
