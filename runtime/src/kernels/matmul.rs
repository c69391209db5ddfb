//! Products of matrices of the arena.
//!
//! A tile of the output is some rows by some vectors of columns: each vector
//! of the right matrix is used for all rows, each value of the left one for all
//! vectors.

use super::Step;
use super::bounds::total;
use super::place::plain;
use super::walk::stays_inside;
use crate::memory::Memory;
use crate::simd::{Isa, Vector, shells};
use crate::step::{MatMul, Plain, RANK};
use core::ops::Range;

/// Rows of a tile: with two or four vectors of columns the sums fill the
/// registers.
const ROWS: usize = 6;

/// Rows and columns of a piece.
const PIECE: [usize; 2] = [96, 256];

impl MatMul {
    /// Pieces of one product.
    fn strips(&self) -> [usize; 2] {
        [self.rows.div_ceil(PIECE[0]), self.columns.div_ceil(PIECE[1])]
    }

    /// Elements from the start of an operand to the matrix of a product.
    fn offset(&self, mut product: usize, strides: &[usize; RANK]) -> usize {
        let mut offset = 0;
        for axis in (0..RANK).rev() {
            offset += product % self.batches[axis] * strides[axis];
            product /= self.batches[axis];
        }
        offset
    }
}

impl Step for MatMul {
    fn check(&self, memory: &Memory<'_>) {
        let Self { left, right, output, rows, depth, columns, batches, .. } = self;
        [left, right, output].into_iter().for_each(|place| memory.require_plain(place, 4));
        let count = total(batches);
        let inside = |place: &Plain, strides: &[usize; RANK], matrix: usize| {
            let signed = strides.iter().all(|&stride| isize::try_from(stride).is_ok());
            let strides = strides.map(|stride| stride as isize);
            let last = matrix.saturating_sub(1);
            matrix == 0
                || count == 0
                || (signed && stays_inside(last, batches, &strides, place.len))
        };
        assert!(
            inside(left, &self.left_strides, total(&[*rows, *depth]))
                && inside(right, &self.right_strides, total(&[*depth, *columns]))
                && output.len == total(&[count, *rows, *columns]),
            "matrix product: sizes"
        );
    }

    fn pieces(&self, _: Isa) -> usize {
        let [rows, columns] = self.strips();
        self.batches.iter().product::<usize>() * rows * columns
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let [row_strips, column_strips] = self.strips();
        for piece in pieces {
            let (strip, column) = (piece / column_strips, piece % column_strips * PIECE[1]);
            let (product, row) = (strip / row_strips, strip % row_strips * PIECE[0]);
            let left = plain::<f32>(memory, &self.left);
            let right = plain::<f32>(memory, &self.right);
            let output = plain::<f32>(memory, &self.output);
            let left_offset = self.offset(product, &self.left_strides) + row * self.depth;
            let right_offset = self.offset(product, &self.right_strides) + column;
            let offset = (product * self.rows + row) * self.columns + column;
            let job = Product {
                left: left.wrapping_add(left_offset),
                right: right.wrapping_add(right_offset),
                output: output.wrapping_add(offset),
                rows: PIECE[0].min(self.rows - row),
                depth: self.depth,
                columns: PIECE[1].min(self.columns - column),
                stride: self.columns,
            };
            // SAFETY: `check` has passed; the caller vouches for `isa`.
            unsafe { multiply(isa, &job) };
        }
    }
}

/// A part of the output of one product.
#[derive(Clone, Copy)]
struct Product {
    left: *const f32,
    right: *const f32,
    output: *mut f32,
    rows: usize,
    depth: usize,
    columns: usize,
    /// Elements from a row of the right matrix and of the output to the next.
    stride: usize,
}

shells! {
    /// Multiplies two matrices.
    fn multiply(job: &Product) = multiply_body;
}

#[inline(always)]
unsafe fn multiply_body<V: Vector>(job: &Product) {
    // SAFETY: the caller vouches for the matrices.
    unsafe {
        let mut column = 0;
        // There are 32 registers of this width.
        if V::LANES > 8 {
            while column + 4 * V::LANES <= job.columns {
                strip::<V, 4, false>(job, column);
                column += 4 * V::LANES;
            }
        }
        while column + 2 * V::LANES <= job.columns {
            strip::<V, 2, false>(job, column);
            column += 2 * V::LANES;
        }
        while column + V::LANES <= job.columns {
            strip::<V, 1, false>(job, column);
            column += V::LANES;
        }
        if column < job.columns {
            strip::<V, 1, true>(job, column);
        }
    }
}

/// All rows of some vectors of columns, the last of which may be partial.
#[inline(always)]
unsafe fn strip<V: Vector, const VECTORS: usize, const PARTIAL: bool>(
    job: &Product,
    column: usize,
) {
    let mut row = 0;
    // SAFETY: the caller vouches for the columns.
    unsafe {
        while row + ROWS <= job.rows {
            tile::<V, ROWS, VECTORS, PARTIAL>(job, row, column);
            row += ROWS;
        }
        while row < job.rows {
            tile::<V, 1, VECTORS, PARTIAL>(job, row, column);
            row += 1;
        }
    }
}

#[inline(always)]
unsafe fn tile<V: Vector, const ROWS: usize, const VECTORS: usize, const PARTIAL: bool>(
    job: &Product,
    row: usize,
    column: usize,
) {
    let count = V::LANES.min(job.columns - column);
    // SAFETY: the caller vouches for the rows and columns.
    unsafe {
        let left = job.left.add(row * job.depth);
        let right = job.right.add(column);
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        for k in 0..job.depth {
            let line = right.add(k * job.stride);
            let vectors: [V; VECTORS] = core::array::from_fn(|i| {
                if PARTIAL {
                    V::load_first(line, count, 0.0)
                } else {
                    V::load(line.add(i * V::LANES))
                }
            });
            for (j, sums) in sums.iter_mut().enumerate() {
                let factor = V::splat(*left.add(j * job.depth + k));
                for (sum, vector) in sums.iter_mut().zip(vectors) {
                    *sum = factor.fma(vector, *sum);
                }
            }
        }
        for (j, sums) in sums.into_iter().enumerate() {
            let target = job.output.add((row + j) * job.stride + column);
            for (i, sum) in sums.into_iter().enumerate() {
                if PARTIAL {
                    sum.store_first(target, count);
                } else {
                    sum.store(target.add(i * V::LANES));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Arena, Numbers, run_pieces};
    use crate::step::{MatMul, RANK};
    use proptest::prelude::*;

    fn agrees(
        [rows, depth, columns]: [usize; 3],
        batches: [usize; 2],
        spread: [[bool; 2]; 2],
        seed: u64,
    ) {
        let mut numbers = Numbers::new(seed);
        let mut arena = Arena::new();
        let operand = |matrix: usize, spread: [bool; 2]| {
            let (mut strides, mut len) = ([0; RANK], matrix);
            for axis in [1, 0].into_iter().filter(|&axis| !spread[axis]) {
                strides[RANK - 2 + axis] = len;
                len *= batches[axis];
            }
            (strides, len)
        };
        let (left_strides, left_len) = operand(rows * depth, spread[0]);
        let (right_strides, right_len) = operand(depth * columns, spread[1]);
        let left = arena.random_plain(left_len, &mut numbers);
        let right = arena.random_plain(right_len, &mut numbers);
        for value in &mut arena.values[right.offset / 4..][..right_len] {
            *value /= (depth.max(1) as f32).sqrt();
        }
        let output = arena.plain(batches[0] * batches[1] * rows * columns);
        let mut sizes = [1; RANK];
        sizes[RANK - 2..].copy_from_slice(&batches);
        let step = MatMul {
            left,
            right,
            output,
            rows,
            depth,
            columns,
            batches: sizes,
            left_strides,
            right_strides,
        };
        run_pieces(&step, &mut arena, &[], |before, after| {
            after.check_plain(&before.values, &output, |i| {
                let (product, row, column) = (i / columns / rows, i / columns % rows, i % columns);
                let start = |strides: &[usize; RANK]| {
                    product / batches[1] * strides[RANK - 2]
                        + product % batches[1] * strides[RANK - 1]
                };
                let (left, right) = (
                    &before.elements(&left)[start(&left_strides)..],
                    &before.elements(&right)[start(&right_strides)..],
                );
                (0..depth)
                    .map(|k| {
                        f64::from(left[row * depth + k]) * f64::from(right[k * columns + column])
                    })
                    .sum()
            });
        });
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            sizes in [
                prop_oneof![1..=20usize, Just(100)].boxed(),
                (0..=40usize).boxed(),
                prop_oneof![1..=70usize, 250..=300usize].boxed(),
            ],
            batches in [1..=3usize, 1..=3usize],
            spread: [[bool; 2]; 2],
            seed: u64,
        ) {
            agrees(sizes, batches, spread, seed);
        }
    }
}
