//! How elements compare, those included that are no numbers.

use super::Native;
use core::cmp::Ordering;

/// Compares numbers; NaN is the largest.
pub(super) fn total_order<T: Native>(a: T, b: T) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| is_nan(a).cmp(&is_nan(b)))
}

/// Whether it is not a number.
#[allow(clippy::eq_op, reason = "only NaN differs from itself")]
pub(super) fn is_nan<T: Native>(value: T) -> bool {
    value != value
}
