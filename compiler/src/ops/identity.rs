//! Nodes that pass their operand on.

/// `Identity`, and `Dropout` in inference mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity;
