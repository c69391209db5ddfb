//! Arithmetic progressions.

/// `Range`. Operands: start, limit, delta, all constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range;
