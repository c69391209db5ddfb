//! Permutation of dimensions.

/// `Transpose`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transpose {
    /// The operand's dimension for each of the result's.
    pub permutation: Vec<usize>,
}
