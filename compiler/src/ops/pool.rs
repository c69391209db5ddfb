//! Pooling over windows of two spatial dimensions.

/// `MaxPool`, `AveragePool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// What is taken of a window.
    pub kind: PoolKind,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Rows and columns between windows.
    pub strides: [usize; 2],
    /// Padding above, to the left, below and to the right.
    pub pads: [usize; 4],
    /// Rows and columns between pixels of a window.
    pub dilations: [usize; 2],
    /// Whether the last window of a row may stand out.
    pub ceil: bool,
}

/// What a [`Pool`] takes of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest value.
    Max,
    /// The mean; whether padding counts as zeros (`count_include_pad`) or not
    /// at all.
    Average {
        /// Whether it counts.
        include_pad: bool,
    },
}
