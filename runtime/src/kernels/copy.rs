//! Copies of row-major tensors.

use super::Step;
use super::place::{plain, section};
use super::walk::{Walk, stays_inside};
use crate::memory::Memory;
use crate::simd::{Isa, Vector, shells};
use crate::step::{Fill, Plain, RANK, StridedCopy};
use core::ops::Range;

/// Rows and columns of a tile of a transposition.
const TILE: usize = 8;

/// Elements of a piece of a constant.
const PIECE: usize = 16384;

/// How the elements are copied.
enum Plan {
    /// Row by row.
    Rows(Walk<2>),
    /// Where the input's elements adjoin in another dimension than the last:
    /// by square tiles, so that whole cache lines are read. A row of the walk
    /// is a strip of [`TILE`] of the elements that adjoin in the input and has
    /// all that adjoin in the output.
    Transposed {
        walk: Walk<2>,
        /// Elements that adjoin in the input.
        adjoining: usize,
        /// Elements of the output from one of these to the next.
        output_stride: isize,
    },
}

impl StridedCopy {
    fn plan(&self) -> Plan {
        let walk = Walk::new(&self.sizes, [self.input_strides, self.output_strides]);
        let last = RANK - 1;
        let [input, output] = walk.strides;
        let adjoining = (0..last).rev().find(|&axis| input[axis] == 1 && walk.sizes[axis] >= TILE);
        match adjoining {
            Some(axis) if output[last] == 1 && input[last] != 1 && walk.sizes[last] >= TILE => {
                let (count, stride) = (walk.sizes[axis], output[axis]);
                let mut strips = walk;
                strips.sizes[axis] = count.div_ceil(TILE);
                for strides in &mut strips.strides {
                    strides[axis] *= TILE as isize;
                }
                // The strips come last: they share cache lines of the output.
                strips.sizes[axis..last].rotate_left(1);
                strips.strides.iter_mut().for_each(|strides| strides[axis..last].rotate_left(1));
                Plan::Transposed { walk: strips, adjoining: count, output_stride: stride }
            }
            _ => Plan::Rows(walk),
        }
    }

    /// A row of a walk costs as much as so many times its elements.
    fn weight(plan: &Plan) -> usize {
        match plan {
            Plan::Rows(_) => 1,
            Plan::Transposed { .. } => TILE,
        }
    }
}

impl Step for StridedCopy {
    fn check(&self, memory: &Memory<'_>) {
        assert!(matches!(self.element, 1 | 2 | 4 | 8), "copy: bytes of an element");
        memory.require_plain(&self.input, self.element);
        memory.require_plain(&self.output, self.element);
        let inside = |start: usize, strides: &[isize; RANK], place: &Plain| {
            stays_inside(start, &self.sizes, strides, place.len)
        };
        assert!(
            inside(self.input_start, &self.input_strides, &self.input)
                && inside(self.output_start, &self.output_strides, &self.output),
            "copy: strides lead outside"
        );
    }

    fn pieces(&self, _: Isa) -> usize {
        let plan = self.plan();
        let weight = Self::weight(&plan);
        let (Plan::Rows(walk) | Plan::Transposed { walk, .. }) = plan;
        walk.pieces(weight)
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        // SAFETY: this is the contract of `Step::run`.
        unsafe {
            match self.element {
                1 => copy::<u8>(self, memory, isa, pieces),
                2 => copy::<u16>(self, memory, isa, pieces),
                4 => copy::<u32>(self, memory, isa, pieces),
                _ => copy::<u64>(self, memory, isa, pieces),
            }
        }
    }
}

unsafe fn copy<T: Copy>(step: &StridedCopy, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
    let plan = step.plan();
    let weight = StridedCopy::weight(&plan);
    let input = plain::<T>(memory, &step.input).wrapping_add(step.input_start).cast_const();
    let output = plain::<T>(memory, &step.output).wrapping_add(step.output_start);
    match plan {
        Plan::Rows(walk) => {
            let steps = walk.strides.map(|strides| strides[RANK - 1]);
            walk.visit(weight, pieces, |_, _, offsets, columns| {
                let [from, to] = [0, 1].map(|i| offsets[i] + columns.start as isize * steps[i]);
                let (source, target) = (input.wrapping_offset(from), output.wrapping_offset(to));
                // SAFETY: `check` has passed; the tensors are different ones.
                unsafe { copy_row(source, target, columns.len(), steps) }
            });
        }
        Plan::Transposed { walk, adjoining, output_stride } => {
            let input_stride = walk.strides[0][RANK - 1];
            walk.visit(weight, pieces, |_, index, [from, to], columns| {
                let source = input.wrapping_offset(from + columns.start as isize * input_stride);
                let target = output.wrapping_offset(to).wrapping_add(columns.start);
                let rows = TILE.min(adjoining - index[RANK - 2] * TILE);
                let strip = Strip {
                    source,
                    target,
                    input_stride,
                    output_stride,
                    rows,
                    columns: columns.len(),
                };
                // SAFETY: as above.
                unsafe { strip.transpose(isa) }
            });
        }
    }
}

/// Copies elements that are so many apart.
unsafe fn copy_row<T: Copy>(
    source: *const T,
    target: *mut T,
    count: usize,
    [input_step, output_step]: [isize; 2],
) {
    // SAFETY: the caller vouches for both rows.
    unsafe {
        match (input_step, output_step) {
            (1, 1) => target.copy_from(source, count),
            (0, 1) => {
                let value = *source;
                (0..count).for_each(|i| target.add(i).write(value));
            }
            (_, 1) => {
                for i in 0..count {
                    target.add(i).write(*source.wrapping_offset(i as isize * input_step));
                }
            }
            (_, _) => {
                for i in 0..count as isize {
                    let value = *source.wrapping_offset(i * input_step);
                    target.wrapping_offset(i * output_step).write(value);
                }
            }
        }
    }
}

/// A strip of a transposition: element `(row, column)` of the output is that
/// of the input in the same row and column, but rows adjoin in the input and
/// columns in the output.
#[derive(Clone, Copy)]
struct Strip<T> {
    source: *const T,
    target: *mut T,
    /// Elements of the input from a column to the next.
    input_stride: isize,
    /// Elements of the output from a row to the next.
    output_stride: isize,
    /// At most [`TILE`].
    rows: usize,
    columns: usize,
}

impl<T: Copy> Strip<T> {
    unsafe fn transpose(self, isa: Isa) {
        let mut done = 0;
        if size_of::<T>() == 4 && self.rows == TILE {
            done = self.columns / TILE * TILE;
            let words = Strip {
                source: self.source.cast::<f32>(),
                target: self.target.cast::<f32>(),
                input_stride: self.input_stride,
                output_stride: self.output_stride,
                rows: self.rows,
                columns: done,
            };
            // SAFETY: elements of four bytes are moved as they are.
            unsafe { transpose_words(isa, words) };
        }
        for column in done..self.columns {
            let source = self.source.wrapping_offset(column as isize * self.input_stride);
            for row in 0..self.rows {
                let target = self.target.wrapping_offset(row as isize * self.output_stride);
                // SAFETY: the caller vouches for the strip.
                unsafe { target.wrapping_add(column).write(*source.add(row)) };
            }
        }
    }
}

shells! {
    /// Transposes a strip of whole tiles.
    fn transpose_words(strip: Strip<f32>) = transpose_words_body;
}

#[inline(always)]
unsafe fn transpose_words_body<V: Vector>(strip: Strip<f32>) {
    for first in (0..strip.columns).step_by(TILE) {
        // SAFETY: the caller vouches for the strip.
        unsafe {
            V::transpose_8x8(
                |i| strip.source.wrapping_offset((first + i) as isize * strip.input_stride),
                |i| {
                    let row = strip.target.wrapping_offset(i as isize * strip.output_stride);
                    row.wrapping_add(first)
                },
            );
        }
    }
}

impl Step for Fill {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_plain(&self.output, 4);
        memory.require_section(&self.source);
        let fits = self.source.len == self.output.len || self.source.len == 1;
        assert!(fits, "constant: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.output.len.div_ceil(PIECE)
    }

    unsafe fn run(&self, memory: &Memory<'_>, _: Isa, pieces: Range<usize>) {
        let first = pieces.start * PIECE;
        let count = (pieces.end * PIECE).min(self.output.len) - first;
        let source = section(memory, &self.source);
        let target = plain::<f32>(memory, &self.output).wrapping_add(first);
        // SAFETY: `check` has passed; the weights are never written.
        unsafe {
            if self.source.len == self.output.len {
                target.copy_from(source.add(first), count);
            } else {
                core::slice::from_raw_parts_mut(target, count).fill(*source);
            }
        }
    }
}

#[cfg(test)]
mod tests;
