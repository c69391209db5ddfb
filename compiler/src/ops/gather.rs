//! Selection by index.

/// `Gather`. Operands: data, indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gather {
    /// The dimension that is indexed.
    pub axis: usize,
}
