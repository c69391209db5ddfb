//! Constants written as nodes.

use crate::ir::Tensor;
use std::sync::Arc;

/// `Constant`: no operands.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// The value.
    pub value: Arc<Tensor>,
}
