//! Zeros around the interior of an output.
//!
//! The arena's memory is used again and again, so that whoever writes a tensor
//! also writes its halo.

use crate::step::{Blocked, LANES};
use core::ops::Range;

/// Zeroes the halo beside `rows` of some channel blocks of a picture; with the
/// first row that above the interior, with the last that below.
///
/// # Safety
///
/// The tensor lies in the arena that starts at `arena`, and nobody else uses
/// that part of it.
pub(crate) unsafe fn zero_halo(
    arena: *mut u8,
    tensor: &Blocked,
    picture: usize,
    blocks: Range<usize>,
    rows: Range<usize>,
) {
    if tensor.halo.is_empty() {
        return;
    }
    let (left, right) = (tensor.halo.left * LANES, tensor.halo.right * LANES);
    let width = tensor.width * LANES;
    for block in blocks {
        let start = picture * tensor.batch_stride + block * tensor.plane_stride;
        // SAFETY: the halo of the block is part of the tensor.
        unsafe {
            let origin = arena.add(tensor.origin).cast::<f32>().add(start);
            let row = |y: usize| origin.add(y * tensor.row_stride);
            if rows.start == 0 {
                for above in 1..=tensor.halo.top {
                    let first = origin.sub(above * tensor.row_stride + left);
                    first.write_bytes(0, left + width + right);
                }
            }
            if left + right > 0 {
                for y in rows.clone() {
                    row(y).sub(left).write_bytes(0, left);
                    row(y).add(width).write_bytes(0, right);
                }
            }
            if rows.end == tensor.height {
                for below in 0..tensor.halo.bottom {
                    row(rows.end + below).sub(left).write_bytes(0, left + width + right);
                }
            }
        }
    }
}
