//! Shapes as values.

/// `Shape` and `Size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Some of the sizes.
    Sizes {
        /// First dimension.
        start: usize,
        /// One past the last dimension.
        end: usize,
    },
    /// The number of elements.
    Elements,
}
