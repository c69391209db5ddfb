//! The register tile of depthwise convolution: some pixels of one or two rows
//! of one block of 8 channels.
//!
//! Every multiply-add needs a pixel of its own, so that loads are what counts.
//! Two rows at once share the input rows between them, which saves a third of
//! the loads with three kernel rows. A vector of 16 lanes holds two adjacent
//! pixels. The last tile of a row ends where the row ends and computes some
//! pixels again.

use crate::simd::{Isa, Vector, shells};
use crate::step::LANES;

/// Output rows of a channel block. Strides are in elements.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// First pixel at the first tap.
    pub(super) input: *const f32,
    /// Weights of the block.
    pub(super) weights: *const f32,
    /// Bias of the block.
    pub(super) bias: *const f32,
    /// First output pixel.
    pub(super) output: *mut f32,
    /// Pixels of a row.
    pub(super) columns: usize,
    /// Kernel rows and columns.
    pub(super) kernel: [usize; 2],
    /// From a kernel row to the next and from a kernel column to the next.
    pub(super) tap: [usize; 2],
    /// Between the input pixels of adjacent output columns.
    pub(super) step: usize,
    /// From an output row to the next.
    pub(super) output_row: usize,
    /// Bounds of the result.
    pub(super) bounds: [f32; 2],
}

shells! {
    /// Convolves a row.
    pub(super) fn convolve_row(rows: &Rows) = convolve_row_body;
}

shells! {
    /// Convolves two rows whose input rows are as far apart as kernel rows.
    pub(super) fn convolve_two_rows(rows: &Rows) = convolve_two_rows_body;
}

/// The widest instruction set whose tiles a row fills.
pub(super) fn fitting(isa: Isa, columns: usize) -> Isa {
    match isa {
        Isa::Avx512 if columns < 14 => Isa::Avx2,
        Isa::Scalar | Isa::Neon | Isa::Avx2 | Isa::Avx512 => isa,
    }
}

/// Seven sums hide most of the latency of a multiply-add and divide the usual
/// widths.
#[inline(always)]
unsafe fn convolve_row_body<V: Vector>(rows: &Rows) {
    // SAFETY: the caller has this contract.
    unsafe { walk::<V, 7, 1>(rows) }
}

/// Of 16 registers, four pixels of two rows leave enough for the weights.
#[inline(always)]
unsafe fn convolve_two_rows_body<V: Vector>(rows: &Rows) {
    // SAFETY: the caller has this contract.
    unsafe {
        if V::LANES > LANES {
            walk::<V, 7, 2>(rows);
        } else {
            walk::<V, 4, 2>(rows);
        }
    }
}

/// Walks along the rows in tiles of `COUNT` vectors, or of one where the rows
/// are shorter than that.
#[inline(always)]
unsafe fn walk<V: Vector, const COUNT: usize, const ROWS: usize>(rows: &Rows) {
    let width = COUNT * pixels::<V>();
    // SAFETY: the caller vouches for the rows; no tile goes past their end.
    unsafe {
        for lane in (0..LANES).step_by(V::LANES) {
            if rows.columns < width {
                for x in 0..rows.columns {
                    tile::<V, 1, ROWS, true>(rows, lane, x);
                }
            } else {
                let mut x = 0;
                while x < rows.columns {
                    let start = x.min(rows.columns - width);
                    if rows.step == LANES {
                        tile::<V, COUNT, ROWS, true>(rows, lane, start);
                    } else {
                        tile::<V, COUNT, ROWS, false>(rows, lane, start);
                    }
                    x += width;
                }
            }
        }
    }
}

/// Pixels of a vector.
const fn pixels<V: Vector>() -> usize {
    V::LANES.div_ceil(LANES)
}

/// Computes `COUNT` vectors of `ROWS` rows from column `x` on. `DENSE` says
/// that the pixels of a vector are adjacent in the input too.
#[inline(always)]
unsafe fn tile<V: Vector, const COUNT: usize, const ROWS: usize, const DENSE: bool>(
    rows: &Rows,
    lane: usize,
    x: usize,
) {
    // SAFETY: the caller vouches for the operands and the instruction set.
    unsafe {
        let mut sums = [[channels::<V>(rows.bias.add(lane)); COUNT]; ROWS];
        let start = rows.input.add(x * rows.step + lane);
        let weights = rows.weights.add(lane);
        let height = rows.kernel[0];
        if ROWS == 1 {
            for row in 0..height {
                add_taps::<V, COUNT, ROWS, DENSE, true, false>(
                    rows, row, start, weights, &mut sums,
                );
            }
        } else {
            add_taps::<V, COUNT, ROWS, DENSE, true, false>(rows, 0, start, weights, &mut sums);
            for row in 1..height {
                add_taps::<V, COUNT, ROWS, DENSE, true, true>(rows, row, start, weights, &mut sums);
            }
            add_taps::<V, COUNT, ROWS, DENSE, false, true>(rows, height, start, weights, &mut sums);
        }
        let (low, high) = (V::splat(rows.bounds[0]), V::splat(rows.bounds[1]));
        for (row, sums) in sums.into_iter().enumerate() {
            let output = rows.output.add(row * rows.output_row + x * LANES + lane);
            for (i, sum) in sums.into_iter().enumerate() {
                sum.clamp(low, high).store(output.add(i * pixels::<V>() * LANES));
            }
        }
    }
}

/// Adds the products of an input row: with its kernel row to the sums of the
/// `FIRST` output row, with the kernel row before to those of the `SECOND`.
#[inline(always)]
unsafe fn add_taps<
    V: Vector,
    const COUNT: usize,
    const ROWS: usize,
    const DENSE: bool,
    const FIRST: bool,
    const SECOND: bool,
>(
    rows: &Rows,
    row: usize,
    start: *const f32,
    weights: *const f32,
    sums: &mut [[V; COUNT]; ROWS],
) {
    let kernel_row = rows.kernel[1] * LANES;
    // SAFETY: the caller vouches for the operands.
    unsafe {
        let mut tap = start.add(row * rows.tap[0]);
        for column in 0..rows.kernel[1] {
            let factor = |row: usize| channels::<V>(weights.add(row * kernel_row + column * LANES));
            let first = if FIRST { factor(row) } else { V::splat(0.0) };
            let second = if SECOND { factor(row - 1) } else { V::splat(0.0) };
            #[expect(clippy::needless_range_loop, reason = "one index for both rows")]
            for i in 0..COUNT {
                let value =
                    load_pixels::<V, DENSE>(tap.add(i * pixels::<V>() * rows.step), rows.step);
                if FIRST {
                    sums[0][i] = value.fma(first, sums[0][i]);
                }
                if SECOND {
                    sums[ROWS - 1][i] = value.fma(second, sums[ROWS - 1][i]);
                }
            }
            tap = tap.add(rows.tap[1]);
        }
    }
}

/// The pixels of a vector.
#[inline(always)]
unsafe fn load_pixels<V: Vector, const DENSE: bool>(first: *const f32, step: usize) -> V {
    // SAFETY: the caller vouches for the pixels.
    unsafe {
        if V::LANES <= LANES || DENSE {
            V::load(first)
        } else {
            V::load_halves(first, first.add(step))
        }
    }
}

/// One value a channel, the same for all pixels of a vector.
#[inline(always)]
unsafe fn channels<V: Vector>(values: *const f32) -> V {
    // SAFETY: the caller vouches for the values.
    unsafe { if V::LANES <= LANES { V::load(values) } else { V::load_halves(values, values) } }
}
