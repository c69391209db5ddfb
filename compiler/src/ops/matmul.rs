//! Matrix product with broadcast batch dimensions.

/// `MatMul`, after numpy's `matmul`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatMul;
