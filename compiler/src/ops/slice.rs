//! Slices with steps.

/// `Slice` of one operand; bounds are known when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// One a dimension.
    pub ranges: Vec<SliceRange>,
}

/// What a [`Slice`] takes of a dimension: `start`, `start + step`, ..
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceRange {
    /// First index.
    pub start: usize,
    /// Distance to the next; may be negative.
    pub step: i64,
    /// How many.
    pub size: usize,
}
