//! Sizes that are known only when a step runs.

use crate::memory::Memory;
use crate::step::{Extent, Plain};

/// Panics unless the position of the size lies inside.
pub(super) fn require(memory: &Memory<'_>, extent: &Extent) {
    if let Extent::Counted { count, .. } | Extent::Found { count, .. } = *extent {
        memory.require_plain(&Plain { offset: count, len: 1 }, 8);
    }
}

/// The size, for which [`require`] has passed.
///
/// # Panics
/// Where it is larger than its bound.
pub(super) unsafe fn size(memory: &Memory<'_>, extent: &Extent) -> usize {
    match *extent {
        Extent::Fixed { size } => size,
        Extent::Counted { count, max } | Extent::Found { count, max } => {
            // SAFETY: the position is inside and aligned.
            let count = unsafe { memory.arena().add(count).cast::<i64>().read() };
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            assert!(count <= max, "a size of {count} where at most {max} was planned");
            count
        }
    }
}
