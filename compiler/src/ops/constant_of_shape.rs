//! A constant of a computed shape.

use crate::ir::Tensor;
use std::sync::Arc;

/// `ConstantOfShape`. The shape is an operand, and constant.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstantOfShape {
    /// One value, repeated.
    pub value: Arc<Tensor>,
}
