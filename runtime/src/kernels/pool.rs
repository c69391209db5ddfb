//! Pooling of channel-blocked tensors.

use super::Step;
use super::conv::halo::zero_halo;
use super::place::{block_isa, row};
use crate::memory::Memory;
use crate::simd::{Isa, Vector, shells};
use crate::step::{LANES, Pool, PoolKind};
use core::ops::Range;

/// A window: the first of its pixels that lies in the picture, and how many
/// there are. Strides are in elements.
#[derive(Clone, Copy)]
struct Window {
    input: *const f32,
    output: *mut f32,
    /// Rows and columns inside the picture.
    size: [usize; 2],
    /// From a row of the window to the next and from a column to the next.
    stride: [usize; 2],
    /// Windows side by side that are alike, and from one to the next.
    count: usize,
    step: usize,
    /// Factor of the sum; negative for the largest value.
    factor: f32,
}

shells! {
    /// Pools windows side by side.
    fn pool_windows(window: &Window) = windows_body;
}

#[inline(always)]
unsafe fn windows_body<V: Vector>(window: &Window) {
    if window.factor < 0.0 {
        // SAFETY: the caller has this contract.
        unsafe { reduce_windows::<V, true>(window) }
    } else {
        // SAFETY: as above.
        unsafe { reduce_windows::<V, false>(window) }
    }
}

/// Windows that are reduced together, so that their chains overlap.
const TOGETHER: usize = 4;

#[inline(always)]
unsafe fn reduce_windows<V: Vector, const MAX: bool>(window: &Window) {
    let mut done = 0;
    while done + TOGETHER <= window.count {
        // SAFETY: so many windows are left.
        unsafe { reduce_some::<V, MAX, TOGETHER>(window, done) };
        done += TOGETHER;
    }
    while done < window.count {
        // SAFETY: as above.
        unsafe { reduce_some::<V, MAX, 1>(window, done) };
        done += 1;
    }
}

#[inline(always)]
unsafe fn reduce_some<V: Vector, const MAX: bool, const N: usize>(window: &Window, first: usize) {
    for lane in (0..LANES).step_by(V::LANES) {
        // SAFETY: all pixels of the windows lie in the picture, and the
        // results in the output.
        unsafe {
            let input = window.input.add(first * window.step + lane);
            let start = if MAX { f32::NEG_INFINITY } else { 0.0 };
            let mut results = [V::splat(start); N];
            for y in 0..window.size[0] {
                for x in 0..window.size[1] {
                    let pixel = input.add(y * window.stride[0] + x * window.stride[1]);
                    for (i, result) in results.iter_mut().enumerate() {
                        let value = V::load(pixel.add(i * window.step));
                        // `max` keeps a NaN of its operand.
                        *result = if MAX { result.max(value) } else { *result + value };
                    }
                }
            }
            let factor = V::splat(window.factor);
            for (i, &result) in results.iter().enumerate() {
                let result = if MAX { result } else { result * factor };
                result.store(window.output.add((first + i) * LANES + lane));
            }
        }
    }
}

/// What of a window lies inside the picture along one axis: the first tap and
/// the number of taps.
fn inside(pool: &Pool, axis: usize, place: usize, size: usize) -> (usize, usize) {
    let [start, dilation, pad] = [place * pool.stride[axis], pool.dilation[axis], pool.pad[axis]];
    let first = pad.saturating_sub(start).div_ceil(dilation);
    let end = (pad + size).saturating_sub(start).div_ceil(dilation).min(pool.kernel[axis]);
    (first, end.saturating_sub(first))
}

/// Taps along one axis that lie inside the picture or its padding.
fn padded(pool: &Pool, axis: usize, place: usize, size: usize) -> usize {
    let room = size + pool.pad[axis] + pool.pad_end[axis];
    room.saturating_sub(place * pool.stride[axis])
        .div_ceil(pool.dilation[axis])
        .min(pool.kernel[axis])
}

/// Pools one row of one channel block.
unsafe fn pool_row(pool: &Pool, memory: &Memory<'_>, isa: Isa, [picture, block, y]: [usize; 3]) {
    let Pool { input, output, kernel, stride, dilation, pad, .. } = pool;
    let (first_row, rows) = inside(pool, 0, y, input.height);
    let input_row = y * stride[0] + first_row * dilation[0] - pad[0];
    let source = row(memory, input, [picture, block, input_row]);
    let target = row(memory, output, [picture, block, y]);
    let factor = |x: usize, columns: usize| match pool.kind {
        PoolKind::Max => -1.0,
        PoolKind::AverageInside => ((rows * columns) as f32).recip(),
        PoolKind::AveragePadded => {
            ((padded(pool, 0, y, input.height) * padded(pool, 1, x, input.width)) as f32).recip()
        }
    };
    let mut x = 0;
    while x < output.width {
        let (first, columns) = inside(pool, 1, x, input.width);
        let mut count = 1;
        if columns == kernel[1] {
            // The windows from here to the last whole one are alike.
            let last = (input.width + pad[1]).saturating_sub((kernel[1] - 1) * dilation[1] + 1)
                / stride[1];
            count = (last + 1).min(output.width) - x;
        }
        let column = x * stride[1] + first * dilation[1] - pad[1];
        let window = Window {
            input: source.wrapping_add(column * LANES),
            output: target.wrapping_add(x * LANES),
            size: [rows, columns],
            stride: [dilation[0] * input.row_stride, dilation[1] * LANES],
            count,
            step: stride[1] * LANES,
            factor: factor(x, columns),
        };
        // SAFETY: `check` has passed, so that rows and columns inside the
        // picture exist; the caller vouches for the instruction set.
        unsafe { pool_windows(isa, &window) };
        x += count;
    }
}

impl Step for Pool {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_blocked(&self.input);
        memory.require_blocked(&self.output);
        let Self { input, output, .. } = self;
        assert!(
            input.batch == output.batch && input.channels == output.channels,
            "pooling: batches or channels"
        );
        for (axis, size, count) in
            [(0, input.height, output.height), (1, input.width, output.width)]
        {
            let positive = self.stride[axis] > 0 && self.dilation[axis] > 0;
            assert!(positive && self.kernel[axis] > 0, "pooling: strides or window");
            let covered = |place| inside(self, axis, place, size).1 > 0;
            assert!((0..count).all(covered), "pooling: a window outside the picture");
        }
    }

    fn pieces(&self, _: Isa) -> usize {
        self.output.batch * self.output.blocks()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let (isa, blocks, height) = (block_isa(isa), self.output.blocks(), self.output.height);
        for piece in pieces {
            let (picture, block) = (piece / blocks, piece % blocks);
            // SAFETY: this is the contract of `Step::run`.
            unsafe {
                for y in 0..height {
                    pool_row(self, memory, isa, [picture, block, y]);
                }
                zero_halo(memory.arena(), &self.output, picture, block..block + 1, 0..height);
            }
        }
    }
}
