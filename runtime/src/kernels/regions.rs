//! Pooling of regions of interest.
//!
//! A bin is a rectangle of pixels, in each of which eight channels lie side by
//! side. What weights the pixels have, and which ones they are, follows from a
//! table for the rows and one for the columns, which all channels of a region
//! share: the weight of a pixel between samples is a product.

mod align;
mod maximum;

use super::place::plain;
use crate::memory::Memory;
use crate::simd::Vector;
use crate::step::{Blocked, LANES, Plain};
use core::ops::Range;

/// Channel blocks that are pooled side by side.
const TILE: usize = 4;

/// Results of some blocks: eight bins of eight channels each.
type Results = [[f32; LANES]; LANES];

/// A region of a picture, and where its results go.
#[derive(Clone, Copy)]
struct Region {
    /// The first pixel of the picture's first block.
    pixels: *const f32,
    row_stride: usize,
    plane_stride: usize,
    channels: usize,
    /// Rows and columns of bins.
    pooled: [usize; 2],
    results: *mut f32,
}

impl Region {
    /// The region of this index.
    fn new(
        memory: &Memory<'_>,
        input: &Blocked,
        picture: usize,
        output: &Plain,
        index: usize,
        pooled: [usize; 2],
    ) -> Self {
        let &Blocked { row_stride, plane_stride, channels, .. } = input;
        let len = channels * pooled[0] * pooled[1];
        Self {
            pixels: super::place::row(memory, input, [picture, 0, 0]),
            row_stride,
            plane_stride,
            channels,
            pooled,
            results: plain::<f32>(memory, output).wrapping_add(index * len),
        }
    }

    /// Says of all results that there is nothing they could be.
    ///
    /// # Safety
    ///
    /// They are writable.
    unsafe fn fill_with_nan(&self) {
        for i in 0..self.channels * self.pooled[0] * self.pooled[1] {
            // SAFETY: the caller vouches for the results.
            unsafe { self.results.add(i).write(f32::NAN) };
        }
    }
}

/// How bins are pooled.
trait Bins {
    /// Pools a bin of some adjacent blocks.
    ///
    /// # Safety
    ///
    /// `pixels` is the first of a picture with rows `row_stride` and blocks
    /// `plane_stride` elements apart, of which there are `BLOCKS`, and which
    /// has all pixels that the tables name; the processor has the instructions.
    unsafe fn pool<V: Vector, const BLOCKS: usize>(
        &self,
        pixels: *const f32,
        plane_stride: usize,
        bin: [usize; 2],
    ) -> [[V; LANES]; BLOCKS];
}

/// Pools a region of all channels.
///
/// # Safety
///
/// As for [`Bins::pool`]; the results of the region are writable.
#[inline(always)]
unsafe fn pool<V: Vector>(region: &Region, bins: &impl Bins) {
    let blocks = region.channels.div_ceil(LANES);
    let mut block = 0;
    // SAFETY: the caller has this contract.
    unsafe {
        while block + TILE <= blocks {
            pool_blocks::<V, TILE>(region, bins, block);
            block += TILE;
        }
        while block < blocks {
            pool_blocks::<V, 1>(region, bins, block);
            block += 1;
        }
    }
}

#[inline(always)]
unsafe fn pool_blocks<V: Vector, const BLOCKS: usize>(
    region: &Region,
    bins: &impl Bins,
    block: usize,
) {
    let [rows, columns] = region.pooled;
    let count = rows * columns;
    let pixels = region.pixels.wrapping_add(block * region.plane_stride);
    let mut results: [Results; BLOCKS] = [[[0.0; LANES]; LANES]; BLOCKS];
    let mut bin = [0, 0];
    for first in (0..count).step_by(LANES) {
        let here = LANES.min(count - first);
        for i in 0..here {
            // SAFETY: the caller vouches for the picture; a vector has at most
            // the channels of a block.
            unsafe {
                let pooled = bins.pool::<V, BLOCKS>(pixels, region.plane_stride, bin);
                for (results, pooled) in results.iter_mut().zip(pooled) {
                    let parts = results[i].chunks_exact_mut(V::LANES.min(LANES));
                    for (part, pooled) in parts.zip(pooled) {
                        pooled.store(part.as_mut_ptr());
                    }
                }
            }
            bin = if bin[1] + 1 < columns { [bin[0], bin[1] + 1] } else { [bin[0] + 1, 0] };
        }
        for (i, results) in results.iter().enumerate() {
            let channel = (block + i) * LANES;
            let channels = LANES.min(region.channels - channel);
            let target = region.results.wrapping_add(channel * count + first);
            // SAFETY: the caller vouches for the results.
            unsafe { spread::<V>(results, target, count, channels, here) };
        }
    }
}

/// Writes bins of eight channels as eight runs of bins.
#[inline(always)]
unsafe fn spread<V: Vector>(
    results: &Results,
    target: *mut f32,
    stride: usize,
    channels: usize,
    bins: usize,
) {
    // SAFETY: the caller vouches for so many channels and bins.
    unsafe {
        if channels == LANES && bins == LANES {
            V::transpose_8x8(|bin| results[bin].as_ptr(), |channel| target.add(channel * stride));
            return;
        }
        for channel in 0..channels {
            for (bin, result) in results[..bins].iter().enumerate() {
                target.add(channel * stride + bin).write(result[channel]);
            }
        }
    }
}

/// Those of some pieces, one a region, that have a region in this run.
///
/// # Safety
///
/// The position is inside the arena.
unsafe fn present(memory: &Memory<'_>, count: Option<usize>, pieces: Range<usize>) -> Range<usize> {
    let Some(offset) = count else { return pieces };
    // SAFETY: the caller vouches for the position.
    let count = unsafe { plain::<i64>(memory, &Plain { offset, len: 1 }).read() };
    pieces.start..pieces.end.min(usize::try_from(count).unwrap_or(0))
}

/// Panics unless the position holds a count.
fn require_count(memory: &Memory<'_>, count: Option<usize>) {
    if let Some(offset) = count {
        memory.require_plain(&Plain { offset, len: 1 }, size_of::<i64>());
    }
}

#[cfg(test)]
mod tests;
