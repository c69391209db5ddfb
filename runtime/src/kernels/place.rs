//! Addresses of what steps describe.

use crate::memory::Memory;
use crate::simd::Isa;
use crate::step::{Blocked, Plain, Section};

/// Start of a row-major tensor.
#[inline]
pub(super) fn plain<T>(memory: &Memory<'_>, place: &Plain) -> *mut T {
    memory.arena().wrapping_add(place.offset).cast()
}

/// Start of a section of the weights.
#[inline]
pub(super) fn section(memory: &Memory<'_>, section: &Section) -> *const f32 {
    memory.weights().wrapping_add(section.offset).cast()
}

/// First pixel of a row of a channel block of a picture.
#[inline]
pub(super) fn row(memory: &Memory<'_>, tensor: &Blocked, at: [usize; 3]) -> *mut f32 {
    let [picture, block, y] = at;
    let offset =
        picture * tensor.batch_stride + block * tensor.plane_stride + y * tensor.row_stride;
    memory.arena().wrapping_add(tensor.origin).cast::<f32>().wrapping_add(offset)
}

/// The instruction set for kernels that handle one block of 8 channels at a
/// time: vectors of 16 would need two pixels that are not side by side.
#[inline]
pub(super) fn block_isa(isa: Isa) -> Isa {
    match isa {
        Isa::Avx512 => Isa::Avx2,
        Isa::Scalar | Isa::Avx2 | Isa::Neon => isa,
    }
}

/// The shape of a channel-blocked tensor.
pub(super) fn shape(tensor: &Blocked) -> [usize; 4] {
    [tensor.batch, tensor.channels, tensor.height, tensor.width]
}
