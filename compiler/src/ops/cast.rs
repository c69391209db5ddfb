//! Conversion between element types.

use crate::ir::ElementType;

/// `Cast`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// What the elements become.
    pub to: ElementType,
}
