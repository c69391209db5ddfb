//! Broadcasting to a shape.

/// `Expand`: broadcasts its one operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expand {
    /// Shape of the result (already broadcast with the operand's).
    pub shape: Vec<usize>,
}
