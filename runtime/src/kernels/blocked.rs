//! Elementwise functions of channel-blocked tensors.

use super::Step;
use super::elementwise::{Combination, Scaling, Source, activate_run, scale_run};
use super::halo::zero_halo;
use super::place::{row, section, shape};
use super::slopes::{check_slopes, slopes};
use super::strips::{Strip, Strips};
use crate::memory::Memory;
use crate::simd::Isa;
use crate::step::{
    Activation, BinaryOperation, Blocked, BlockedBinary, BlockedUnary, LANES, ScaleShift,
};
use core::ops::Range;

/// Calls `each` with the place of the first pixel and the number of elements
/// of every run of some pieces, and zeroes their halo. Runs are rows, or the
/// whole rows of a piece together if in all tensors one follows the other.
///
/// # Safety
///
/// The contract of [`Step::run`] for a step that writes `output` by these
/// pieces.
unsafe fn for_runs(
    memory: &Memory<'_>,
    output: &Blocked,
    together: bool,
    pieces: Range<usize>,
    mut each: impl FnMut([usize; 3], usize),
) {
    let strips = Strips::of(output);
    for Strip { picture, block, rows } in pieces.map(|piece| strips.get(piece)) {
        if together {
            each([picture, block, rows.start], rows.len() * output.width * LANES);
        } else {
            rows.clone().for_each(|y| each([picture, block, y], output.width * LANES));
        }
        // SAFETY: the piece owns these rows and what surrounds them.
        unsafe { zero_halo(memory.arena(), output, picture, block..block + 1, rows) };
    }
}

/// Panics unless there is a slope for every channel, if any.
fn require_slopes(memory: &Memory<'_>, activation: &Activation, output: &Blocked) {
    if let Activation::ChannelRelu { slopes } = activation {
        memory.require_section(slopes);
    }
    check_slopes(activation, output.blocks() * LANES);
}

/// The slopes of a block, or null.
fn block_slopes(memory: &Memory<'_>, activation: &Activation, block: usize) -> *const f32 {
    let slopes = slopes(activation, memory.weights());
    if slopes.is_null() { slopes } else { slopes.wrapping_add(block * LANES) }
}

impl Step for ScaleShift {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_blocked(&self.input);
        memory.require_blocked(&self.output);
        memory.require_section(&self.scale);
        memory.require_section(&self.shift);
        require_slopes(memory, &self.activation, &self.output);
        let lanes = self.output.blocks() * LANES;
        let enough = self.scale.len >= lanes && self.shift.len >= lanes;
        assert!(enough && shape(&self.input) == shape(&self.output), "scale and shift: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        Strips::of(&self.output).count()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let Self { input, output, activation, .. } = self;
        let together = input.rows_are_contiguous() && output.rows_are_contiguous();
        let each = |at: [usize; 3], len| {
            let job = Scaling {
                input: row(memory, input, at),
                output: row(memory, output, at),
                len,
                scale: section(memory, &self.scale).wrapping_add(at[1] * LANES),
                shift: section(memory, &self.shift).wrapping_add(at[1] * LANES),
                activation: *activation,
                slopes: block_slopes(memory, activation, at[1]),
            };
            // SAFETY: `check` has passed; the caller vouches for `isa`.
            unsafe { scale_run(isa, &job) }
        };
        // SAFETY: this is the contract of `Step::run`.
        unsafe { for_runs(memory, output, together, pieces, each) }
    }
}

impl Step for BlockedUnary {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_blocked(&self.input);
        memory.require_blocked(&self.output);
        require_slopes(memory, &self.activation, &self.output);
        assert!(shape(&self.input) == shape(&self.output), "elementwise: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        Strips::of(&self.output).count()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let Self { input, output, activation } = self;
        let together = input.rows_are_contiguous() && output.rows_are_contiguous();
        let each = |at: [usize; 3], len| {
            let (source, target) = (row(memory, input, at), row(memory, output, at));
            let slopes = block_slopes(memory, activation, at[1]);
            // SAFETY: `check` has passed; the caller vouches for `isa`.
            unsafe { activate_run(isa, source, target, len, *activation, slopes) }
        };
        // SAFETY: this is the contract of `Step::run`.
        unsafe { for_runs(memory, output, together, pieces, each) }
    }
}

impl Step for BlockedBinary {
    fn check(&self, memory: &Memory<'_>) {
        let Self { left, right, output, operation, activation } = self;
        [left, right, output].into_iter().for_each(|tensor| memory.require_blocked(tensor));
        require_slopes(memory, activation, output);
        let [sizes, right] = [shape(output), shape(right)];
        let fits = |i: usize| right[i] == sizes[i] || (right[i] == 1 && i != 1);
        assert!(shape(left) == sizes && (0..4).all(fits), "elementwise: sizes");
        let finite = match operation {
            BinaryOperation::Add
            | BinaryOperation::Sub
            | BinaryOperation::Mul
            | BinaryOperation::Min
            | BinaryOperation::Max => true,
            BinaryOperation::Div | BinaryOperation::Pow | BinaryOperation::ParametricRelu => false,
        };
        assert!(finite, "elementwise: an operation that may make the unused lanes infinite");
    }

    fn pieces(&self, _: Isa) -> usize {
        Strips::of(&self.output).count()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let Self { left, right, output, operation, activation } = self;
        let repeat = |size: usize, index: usize| if size == 1 { 0 } else { index };
        let one_point = right.height == 1 && right.width == 1;
        let whole = right.height == output.height && right.width == output.width;
        let together = left.rows_are_contiguous()
            && output.rows_are_contiguous()
            && (one_point || (whole && right.rows_are_contiguous()));
        let each = |at: [usize; 3], len: usize| {
            let [picture, block, y] = at;
            let right_at = [repeat(right.batch, picture), block, repeat(right.height, y)];
            let second = row(memory, right, right_at).cast_const();
            let spread = right.width == 1 && (output.width > 1 || one_point);
            let first = Source::Run(row(memory, left, at));
            let second = if spread { Source::Channels(second) } else { Source::Run(second) };
            let target = row(memory, output, at);
            let slopes = block_slopes(memory, activation, block);
            let job = Combination {
                left: first,
                right: second,
                output: target,
                len,
                operation: *operation,
                activation: *activation,
            };
            // SAFETY: `check` has passed; the caller vouches for `isa`.
            unsafe { job.run(isa, slopes) }
        };
        // SAFETY: this is the contract of `Step::run`.
        unsafe { for_runs(memory, output, together, pieces, each) }
    }
}

#[cfg(test)]
mod tests;
