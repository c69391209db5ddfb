//! Pooling of channel-blocked tensors.
//!
//! A row of the output has columns whose windows lie inside the picture, which
//! are computed several at a time without a test, and some at either end whose
//! windows are cut.

use super::Step;
use super::bounds::sum_of_products;
use super::halo::zero_halo;
use super::place::{block_isa, row};
use super::strips::{Strip, Strips};
use crate::memory::Memory;
use crate::simd::{Isa, Vector, shells};
use crate::step::{LANES, Pool, PoolKind};
use core::ops::Range;

/// Vectors of a tile.
const TILE: usize = 4;

impl Step for Pool {
    fn check(&self, memory: &Memory<'_>) {
        let Self { input, output, kernel, stride, dilation, .. } = self;
        memory.require_blocked(input);
        memory.require_blocked(output);
        assert!(
            input.batch == output.batch && input.channels == output.channels,
            "pooling: batches or channels"
        );
        let positive = [kernel, stride, dilation].into_iter().flatten().all(|&number| number > 0);
        assert!(positive, "pooling: kernel, stride and dilation");
        let sizes = [(input.height, output.height), (input.width, output.width)];
        for (axis, (size, places)) in sizes.into_iter().enumerate() {
            let padding = [self.pad[axis], self.pad_end[axis], size].map(|term| [term, 1]);
            let windows = [[places, stride[axis]], [kernel[axis], dilation[axis]]];
            let reach = sum_of_products(windows.into_iter().chain(padding));
            assert!(reach < usize::MAX, "pooling: windows beyond the address space");
        }
    }

    fn pieces(&self, _: Isa) -> usize {
        Strips::of(&self.output).count()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let strips = Strips::of(&self.output);
        for strip in pieces.map(|piece| strips.get(piece)) {
            // SAFETY: this is the contract of `Step::run`.
            unsafe {
                match self.kind {
                    PoolKind::Max => maximum(self.vectors(isa), self, memory, &strip),
                    PoolKind::AverageInside | PoolKind::AveragePadded => {
                        average(self.vectors(isa), self, memory, &strip);
                    }
                }
                let blocks = strip.block..strip.block + 1;
                zero_halo(memory.arena(), &self.output, strip.picture, blocks, strip.rows);
            }
        }
    }
}

impl Pool {
    /// Vectors of more than a block hold two adjacent output pixels, whose
    /// inputs must be adjacent.
    fn vectors(&self, isa: Isa) -> Isa {
        if self.stride[1] == 1 { isa } else { block_isa(isa) }
    }

    fn window(&self, axis: usize, at: usize) -> Window {
        let size = [self.input.height, self.input.width][axis];
        let start = at * self.stride[axis];
        let before = |limit: usize| {
            let room = limit.saturating_sub(start);
            // Divisions are what short rows would spend their time with.
            let dilation = self.dilation[axis];
            let taps = if dilation == 1 { room } else { room.div_ceil(dilation) };
            taps.min(self.kernel[axis])
        };
        let end = self.pad[axis] + size;
        Window {
            first: before(self.pad[axis]),
            end: before(end),
            counted: before(end + self.pad_end[axis]),
        }
    }

    /// Output columns whose windows lie inside the picture.
    fn interior(&self) -> Range<usize> {
        let width = self.output.width;
        let reach = (self.kernel[1] - 1) * self.dilation[1];
        let start = self.pad[1].div_ceil(self.stride[1]).min(width);
        let inside = (self.pad[1] + self.input.width).saturating_sub(reach);
        start..inside.div_ceil(self.stride[1]).min(width).max(start)
    }
}

/// Which rows or columns of a window lie where.
struct Window {
    /// First inside the picture.
    first: usize,
    /// One after the last inside the picture.
    end: usize,
    /// One after the last inside the picture and its padding.
    counted: usize,
}

/// The part of a window that is read.
#[derive(Clone, Copy)]
struct Taps {
    rows: usize,
    columns: usize,
    /// Elements from a row and from a column of the window to the next.
    next: [usize; 2],
    /// Elements from the window of a pixel to that of the next.
    step: usize,
    /// What a sum is multiplied with.
    factor: f32,
}

shells! {
    /// Largest values for some rows of a channel block.
    fn maximum(pool: &Pool, memory: &Memory<'_>, strip: &Strip) = maximum_body;
}

shells! {
    /// Means for some rows of a channel block.
    fn average(pool: &Pool, memory: &Memory<'_>, strip: &Strip) = average_body;
}

#[inline(always)]
unsafe fn maximum_body<V: Vector>(pool: &Pool, memory: &Memory<'_>, strip: &Strip) {
    // SAFETY: the caller has this contract.
    unsafe { pool_rows::<V, true>(pool, memory, strip) }
}

#[inline(always)]
unsafe fn average_body<V: Vector>(pool: &Pool, memory: &Memory<'_>, strip: &Strip) {
    // SAFETY: the caller has this contract.
    unsafe { pool_rows::<V, false>(pool, memory, strip) }
}

#[inline(always)]
unsafe fn pool_rows<V: Vector, const MAX: bool>(pool: &Pool, memory: &Memory<'_>, strip: &Strip) {
    let Pool { input, output, stride, dilation, pad, .. } = pool;
    let interior = pool.interior();
    for y in strip.rows.clone() {
        let window_rows = pool.window(0, y);
        let first_row = (y * stride[0] + window_rows.first * dilation[0]).wrapping_sub(pad[0]);
        let source = row(memory, input, [strip.picture, strip.block, first_row]);
        let target = row(memory, output, [strip.picture, strip.block, y]);
        let mut x = 0;
        while x < output.width {
            let columns = pool.window(1, x);
            let inside = interior.contains(&x);
            let count = if inside { interior.end - x } else { 1 };
            let pixels = match pool.kind {
                PoolKind::Max | PoolKind::AverageInside => {
                    (window_rows.end - window_rows.first) * (columns.end - columns.first)
                }
                PoolKind::AveragePadded => window_rows.counted * columns.counted,
            };
            let taps = Taps {
                rows: window_rows.end - window_rows.first,
                columns: columns.end - columns.first,
                next: [dilation[0] * input.row_stride, dilation[1] * LANES],
                step: stride[1] * LANES,
                factor: 1.0 / pixels.max(1) as f32,
            };
            let first = (x * stride[1] + columns.first * dilation[1]).wrapping_sub(pad[1]);
            let source = source.wrapping_add(first.wrapping_mul(LANES));
            // SAFETY: the window was cut to the pixels inside the picture.
            unsafe { pool_run::<V, MAX>(&taps, source, target.add(x * LANES), count) };
            x += count;
        }
    }
}

/// Pools some adjacent windows. Those of two or three adjoining columns, which
/// most networks have, are compiled without a loop over the columns.
#[inline(always)]
unsafe fn pool_run<V: Vector, const MAX: bool>(
    taps: &Taps,
    source: *const f32,
    target: *mut f32,
    count: usize,
) {
    // SAFETY: the caller has this contract.
    unsafe {
        match taps.columns {
            2 if taps.next[1] == LANES => pool_columns::<V, MAX, 2>(taps, source, target, count),
            3 if taps.next[1] == LANES => pool_columns::<V, MAX, 3>(taps, source, target, count),
            _ => pool_columns::<V, MAX, ANY>(taps, source, target, count),
        }
    }
}

/// Stands for a number of columns that is not known to the compiler.
const ANY: usize = usize::MAX;

#[inline(always)]
unsafe fn pool_columns<V: Vector, const MAX: bool, const COLUMNS: usize>(
    taps: &Taps,
    source: *const f32,
    target: *mut f32,
    count: usize,
) {
    let of_vector = (V::LANES / LANES).max(1);
    for lane in (0..LANES).step_by(V::LANES) {
        let place = |x: usize| (source.wrapping_add(x * taps.step + lane), x * LANES + lane);
        let mut x = 0;
        // SAFETY: the caller vouches for the windows and the output.
        unsafe {
            while x + TILE * of_vector <= count {
                let (source, offset) = place(x);
                tile::<V, MAX, COLUMNS, TILE, false>(taps, source, target.add(offset));
                x += TILE * of_vector;
            }
            while x + of_vector <= count {
                let (source, offset) = place(x);
                tile::<V, MAX, COLUMNS, 1, false>(taps, source, target.add(offset));
                x += of_vector;
            }
            if x < count {
                let (source, offset) = place(x);
                tile::<V, MAX, COLUMNS, 1, true>(taps, source, target.add(offset));
            }
        }
    }
}

/// Pools `COUNT` vectors of adjacent windows, or the pixel of one half vector.
#[inline(always)]
unsafe fn tile<
    V: Vector,
    const MAX: bool,
    const COLUMNS: usize,
    const COUNT: usize,
    const HALF: bool,
>(
    taps: &Taps,
    source: *const f32,
    target: *mut f32,
) {
    let between = taps.step.max(V::LANES);
    let (columns, next) =
        if COLUMNS == ANY { (taps.columns, taps.next[1]) } else { (COLUMNS, LANES) };
    // SAFETY: the caller vouches for the windows and the output.
    unsafe {
        // Padding alone gives the lowest finite number: lanes stay finite.
        let empty = taps.rows * taps.columns == 0;
        let lowest = if empty { f32::MIN } else { f32::NEG_INFINITY };
        let mut results = [V::splat(if MAX { lowest } else { 0.0 }); COUNT];
        let mut line = source;
        for _ in 0..taps.rows {
            let mut pixel = line;
            for _ in 0..columns {
                for (i, result) in results.iter_mut().enumerate() {
                    let place = pixel.wrapping_add(i * between);
                    let value = if HALF { V::load_low_half(place) } else { V::load(place) };
                    *result = if MAX { result.max(value) } else { *result + value };
                }
                pixel = pixel.wrapping_add(next);
            }
            line = line.wrapping_add(taps.next[0]);
        }
        for (i, result) in results.into_iter().enumerate() {
            let result = if MAX { result } else { result * V::splat(taps.factor) };
            let place = target.add(i * V::LANES.max(LANES));
            if HALF { result.store_low_half(place) } else { result.store(place) }
        }
    }
}

#[cfg(test)]
mod tests;
