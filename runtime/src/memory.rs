//! The arena that tensors lie in, and what kernels see of it.

use crate::engine::Element;
use crate::kernels::Step;
use crate::simd::Isa;
use crate::step::{ALIGNMENT, Blocked, Guard, LANES, Plain, Section};
use alloc::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// Zeroed memory at the alignment of cache lines.
pub(crate) struct Arena {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the arena owns its memory and shares it only as references do.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

/// Bytes of a page: one write a page makes the system provide it.
const PAGE: usize = 4096;

impl Arena {
    /// Allocates and touches this many bytes, so that the first run does not
    /// pay for the pages.
    pub(crate) fn new(bytes: usize) -> Self {
        let size = bytes.max(1).next_multiple_of(ALIGNMENT);
        let Ok(layout) = Layout::from_size_align(size, ALIGNMENT) else {
            panic!("an arena of {bytes} bytes does not fit the address space");
        };
        // SAFETY: the layout has a size.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        for offset in (0..size).step_by(PAGE) {
            // SAFETY: the offset is inside; volatile, so that it is not left out.
            unsafe { start.add(offset).write_volatile(0) };
        }
        Self { start, layout }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: all bytes were initialised and nobody writes during the borrow.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.layout.size()) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: all bytes were initialised and the borrow is exclusive.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.layout.size()) }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena({} bytes)", self.layout.size())
    }
}

/// The memory that a step works on: the arena, exclusively, and the weights.
#[derive(Debug)]
pub struct Memory<'a> {
    arena: *mut u8,
    arena_bytes: usize,
    weights: &'a [u8],
    exclusive: PhantomData<&'a mut [u8]>,
}

// SAFETY: the pointer stands for an exclusive borrow of bytes; kernels keep
// what they write apart by `Step`'s contract.
unsafe impl Send for Memory<'_> {}
// SAFETY: as above.
unsafe impl Sync for Memory<'_> {}

impl<'a> Memory<'a> {
    /// The memory of a run.
    ///
    /// # Panics
    /// Where the arena or the weights are not aligned for f32.
    #[must_use]
    pub fn new(arena: &'a mut [u8], weights: &'a [u8]) -> Self {
        let aligned = |bytes: &[u8]| bytes.is_empty() || bytes.as_ptr().addr().is_multiple_of(4);
        assert!(aligned(arena) && aligned(weights), "memory that is not aligned for f32");
        let arena_bytes = arena.len();
        Self { arena: arena.as_mut_ptr(), arena_bytes, weights, exclusive: PhantomData }
    }

    /// Start of the arena.
    #[must_use]
    pub fn arena(&self) -> *mut u8 {
        self.arena
    }

    /// Start of the weights.
    #[must_use]
    pub fn weights(&self) -> *const u8 {
        self.weights.as_ptr()
    }

    /// Panics unless a row-major tensor of elements of `size` bytes lies in
    /// the arena.
    pub fn require_plain(&self, plain: &Plain, size: usize) {
        let end = plain.len.checked_mul(size).and_then(|bytes| bytes.checked_add(plain.offset));
        let inside = end.is_some_and(|end| end <= self.arena_bytes);
        assert!(inside, "{plain:?} lies outside the arena");
        let aligned = self.arena.addr().wrapping_add(plain.offset).is_multiple_of(size);
        assert!(aligned, "{plain:?} is not aligned");
    }

    /// Panics unless elements of `size` bytes lie in the weights.
    pub fn require_weights(&self, plain: &Plain, size: usize) {
        let end = plain.len.checked_mul(size).and_then(|bytes| bytes.checked_add(plain.offset));
        let inside = end.is_some_and(|end| end <= self.weights.len());
        assert!(inside, "{plain:?} lies outside the weights");
        let aligned = self.weights.as_ptr().addr().wrapping_add(plain.offset).is_multiple_of(size);
        assert!(aligned, "{plain:?} is not aligned");
    }

    /// Panics unless a channel-blocked tensor with its halo lies in the arena,
    /// no two of its values in the same place.
    pub fn require_blocked(&self, blocked: &Blocked) {
        let inside = blocked_end(blocked).is_some_and(|end| end <= self.arena_bytes);
        assert!(inside && blocked.origin.is_multiple_of(4), "{blocked:?} lies outside the arena");
        // Otherwise an empty tensor could have any size the other way.
        let sizes = [blocked.batch, blocked.channels, blocked.height, blocked.width];
        let largest = self.arena_bytes.max(1);
        assert!(sizes.iter().all(|&size| size <= largest), "{blocked:?} is endless");
    }

    /// Panics unless a section lies in the weights.
    pub fn require_section(&self, section: &Section) {
        let end = section.len.checked_mul(4).and_then(|bytes| bytes.checked_add(section.offset));
        let inside = end.is_some_and(|end| end <= self.weights.len());
        assert!(inside && section.offset.is_multiple_of(4), "{section:?} lies outside the weights");
    }
}

impl Memory<'_> {
    /// Copies values into a place of the arena.
    pub(crate) fn write<T: Element>(&mut self, place: &Plain, values: &[T]) {
        self.require_plain(place, size_of::<T>());
        let count = values.len().min(place.len);
        // SAFETY: the place is inside and aligned, and `self` is exclusive.
        unsafe {
            let target = self.arena.add(place.offset).cast::<T>();
            target.copy_from_nonoverlapping(values.as_ptr(), count);
        }
    }

    /// Whether a truth value in the arena is what a guard wants.
    pub(crate) fn holds(&self, guard: &Guard) -> bool {
        self.require_plain(&Plain { offset: guard.condition, len: 1 }, 1);
        // SAFETY: the byte is inside.
        let value = unsafe { self.arena.add(guard.condition).read() };
        (value != 0) == guard.holds
    }

    /// Checks a step and leaves it out.
    pub(crate) fn skip(&mut self, step: &impl Step) {
        step.check(self);
        // SAFETY: checked for this memory, which is borrowed exclusively.
        unsafe { step.skip(self) }
    }

    /// Checks a step and runs all its pieces.
    pub(crate) fn run(&mut self, step: &impl Step, isa: Isa) {
        step.check(self);
        // SAFETY: checked for this memory, which is borrowed exclusively; an
        // engine uses only an available instruction set.
        unsafe { step.run(self, isa, 0..step.pieces(isa)) }
    }
}

/// Where the storage of a tensor ends, in bytes; `None` where it starts before
/// the arena, overlaps itself or is larger than the address space. Numbers are
/// checked at each step: what wraps could seem to lie inside.
fn blocked_end(blocked: &Blocked) -> Option<usize> {
    let Blocked { halo, row_stride, plane_stride, batch_stride, .. } = *blocked;
    let before = halo.top.checked_mul(row_stride)?.checked_add(halo.left.checked_mul(LANES)?)?;
    let start = blocked.origin.checked_sub(before.checked_mul(4)?)?;
    let columns = halo.left.checked_add(blocked.width)?.checked_add(halo.right)?;
    let rows = halo.top.checked_add(blocked.height)?.checked_add(halo.bottom)?;
    let mut len = columns.checked_mul(LANES)?;
    let steps =
        [(rows, row_stride), (blocked.blocks(), plane_stride), (blocked.batch, batch_stride)];
    for (count, stride) in steps {
        if count > 1 && stride < len {
            return None;
        }
        len = match count.checked_sub(1) {
            Some(last) => last.checked_mul(stride)?.checked_add(len)?,
            None => 0,
        };
    }
    start.checked_add(len.checked_mul(4)?)
}

/// Bytes as elements.
///
/// # Panics
/// Where they are not aligned, no whole number of elements or no values of the
/// type.
pub(crate) fn elements<T: Element>(bytes: &[u8]) -> &[T] {
    assert!(T::holds(bytes), "a tensor of other values than its type has");
    // SAFETY: the bytes are values of the type, as was just checked.
    let (before, elements, after) = unsafe { bytes.align_to::<T>() };
    assert!(before.is_empty() && after.is_empty(), "a tensor that is not aligned");
    elements
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::Halo;

    #[test]
    fn an_arena_is_aligned_and_zero() {
        let mut arena = Arena::new(100);
        assert_eq!(arena.as_slice().len(), 128);
        assert!(arena.as_slice().as_ptr().addr().is_multiple_of(ALIGNMENT));
        assert!(arena.as_slice().iter().all(|&byte| byte == 0));
        arena.as_mut_slice()[127] = 1;
        assert_eq!(arena.as_slice()[127], 1);
    }

    #[test]
    #[should_panic(expected = "outside the arena")]
    fn tensors_past_the_end_are_refused() {
        let mut arena = Arena::new(1024);
        let memory = Memory::new(arena.as_mut_slice(), &[]);
        let halo = Halo { top: 0, left: 0, bottom: 0, right: 1 };
        memory.require_blocked(&Blocked::new([1, 8, 4, 7], halo, 0));
        memory.require_blocked(&Blocked::new([1, 8, 4, 8], halo, 0));
    }

    #[test]
    fn the_end_of_a_tensor_does_not_wrap() {
        let tensor = Blocked::new([2, 20, 4, 7], Halo { top: 1, left: 2, bottom: 0, right: 1 }, 64);
        assert_eq!(blocked_end(&tensor), Some(64 + tensor.storage()));
        let sliced =
            Blocked { origin: tensor.origin + 4 * tensor.plane_stride, channels: 12, ..tensor };
        assert_eq!(blocked_end(&sliced), Some(64 + tensor.storage()));
        let huge = usize::MAX / 4 + 1;
        let wrong = [
            Blocked { origin: 0, ..tensor },
            Blocked { origin: usize::MAX, ..tensor },
            Blocked { row_stride: tensor.row_stride - 8, ..tensor },
            Blocked { plane_stride: tensor.plane_stride - 8, ..tensor },
            Blocked { batch_stride: 0, ..tensor },
            Blocked { plane_stride: huge, ..tensor },
            Blocked { row_stride: huge, plane_stride: huge, ..tensor },
            Blocked { width: huge, row_stride: huge, ..tensor },
            Blocked { batch: huge, ..tensor },
        ];
        for tensor in wrong {
            assert!(blocked_end(&tensor).is_none_or(|end| end > 1 << 40), "{tensor:?}");
        }
    }

    #[test]
    #[should_panic(expected = "outside the weights")]
    fn sections_past_the_end_are_refused() {
        let weights = crate::Weights::copied(&[0; 64]);
        let memory = Memory::new(&mut [], weights.as_bytes());
        memory.require_section(&Section { offset: 0, len: 16 });
        memory.require_section(&Section { offset: 4, len: 16 });
    }
}
