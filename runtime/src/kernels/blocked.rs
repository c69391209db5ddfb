//! Elementwise functions of channel-blocked tensors.

use super::Step;
use super::halo::zero_halo;
use super::place::{block_isa, row, section, shape};
use crate::memory::Memory;
use crate::simd::math::activate;
use crate::simd::{Isa, Vector, shells};
use crate::step::{
    Activation, BinaryOperation, Blocked, BlockedBinary, BlockedCopy, BlockedUnary, LANES,
    ScaleShift,
};
use core::ops::Range;

/// A row of pixels of one channel block.
#[derive(Clone, Copy)]
struct Row {
    left: *const f32,
    right: *const f32,
    /// Elements of `right` from a pixel to the next; 0 broadcasts.
    right_step: usize,
    output: *mut f32,
    count: usize,
    /// Of the 8 channels; null where there are none.
    scale: *const f32,
    shift: *const f32,
    slopes: *const f32,
    activation: Activation,
}

shells! {
    /// `activation(left * scale + shift)`.
    fn scale_row(job: &Row) = scale_row_body;
}

shells! {
    /// `activation(left op right)`.
    fn binary_row(job: &Row, operation: BinaryOperation) = binary_row_body;
}

#[inline(always)]
unsafe fn scale_row_body<V: Vector>(job: &Row) {
    for lane in (0..LANES).step_by(V::LANES) {
        // SAFETY: the caller vouches for the pixels and for 8 parameters each.
        unsafe {
            let parameter = |start: *const f32, otherwise| {
                if start.is_null() { V::splat(otherwise) } else { V::load(start.add(lane)) }
            };
            let scale = parameter(job.scale, 1.0);
            let shift = parameter(job.shift, 0.0);
            let slopes = parameter(job.slopes, 1.0);
            for x in 0..job.count {
                let value = V::load(job.left.add(x * LANES + lane)).fma(scale, shift);
                let value = activate(&job.activation, slopes, value);
                value.store(job.output.add(x * LANES + lane));
            }
        }
    }
}

#[inline(always)]
unsafe fn binary_row_body<V: Vector>(job: &Row, operation: BinaryOperation) {
    for lane in (0..LANES).step_by(V::LANES) {
        for x in 0..job.count {
            // SAFETY: the caller vouches for the pixels.
            unsafe {
                let left = V::load(job.left.add(x * LANES + lane));
                let right = V::load(job.right.add(x * job.right_step + lane));
                let value = match operation {
                    BinaryOperation::Add => left + right,
                    BinaryOperation::Sub => left - right,
                    BinaryOperation::Mul => left * right,
                    BinaryOperation::Min => left.min(right),
                    BinaryOperation::Max => left.max(right),
                    // `check` refuses them.
                    BinaryOperation::Div
                    | BinaryOperation::Pow
                    | BinaryOperation::ParametricRelu => left,
                };
                let value = activate(&job.activation, value, value);
                value.store(job.output.add(x * LANES + lane));
            }
        }
    }
}

/// Calls `each` for every row of some blocks, then zeroes their halo.
unsafe fn for_rows(
    memory: &Memory<'_>,
    output: &Blocked,
    pieces: Range<usize>,
    mut each: impl FnMut([usize; 3]),
) {
    for piece in pieces {
        let (picture, block) = (piece / output.blocks(), piece % output.blocks());
        (0..output.height).for_each(|y| each([picture, block, y]));
        // SAFETY: the piece is this block of the output.
        unsafe {
            zero_halo(memory.arena(), output, picture, block..block + 1, 0..output.height);
        }
    }
}

fn plain_activation(activation: &Activation) -> bool {
    !matches!(activation, Activation::ChannelRelu { .. })
}

impl Step for ScaleShift {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_blocked(&self.input);
        memory.require_blocked(&self.output);
        memory.require_section(&self.scale);
        memory.require_section(&self.shift);
        let lanes = self.output.blocks() * LANES;
        if let Activation::ChannelRelu { slopes } = &self.activation {
            memory.require_section(slopes);
            assert!(slopes.len >= lanes, "scale and shift: slopes");
        }
        let enough = self.scale.len >= lanes && self.shift.len >= lanes;
        assert!(enough && shape(&self.input) == shape(&self.output), "scale and shift: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.output.batch * self.output.blocks()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let each = |at: [usize; 3]| {
            let parameter = |place| section(memory, place).wrapping_add(at[1] * LANES);
            let slopes = match &self.activation {
                Activation::ChannelRelu { slopes } => parameter(slopes),
                _ => core::ptr::null(),
            };
            let job = Row {
                left: row(memory, &self.input, at),
                right: core::ptr::null(),
                right_step: 0,
                output: row(memory, &self.output, at),
                count: self.output.width,
                scale: parameter(&self.scale),
                shift: parameter(&self.shift),
                slopes,
                activation: self.activation,
            };
            // SAFETY: `check` has passed; the engine vouches for `isa`.
            unsafe { scale_row(block_isa(isa), &job) }
        };
        // SAFETY: this is the contract of `Step::run`.
        unsafe { for_rows(memory, &self.output, pieces, each) }
    }
}

impl Step for BlockedUnary {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_blocked(&self.input);
        memory.require_blocked(&self.output);
        let fits = shape(&self.input) == shape(&self.output);
        assert!(fits && plain_activation(&self.activation), "elementwise: sizes or slopes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.output.batch * self.output.blocks()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let each = |at| {
            let job = Row {
                left: row(memory, &self.input, at),
                right: core::ptr::null(),
                right_step: 0,
                output: row(memory, &self.output, at),
                count: self.output.width,
                scale: core::ptr::null(),
                shift: core::ptr::null(),
                slopes: core::ptr::null(),
                activation: self.activation,
            };
            // SAFETY: `check` has passed; the engine vouches for `isa`.
            unsafe { scale_row(block_isa(isa), &job) }
        };
        // SAFETY: this is the contract of `Step::run`.
        unsafe { for_rows(memory, &self.output, pieces, each) }
    }
}

impl Step for BlockedBinary {
    fn check(&self, memory: &Memory<'_>) {
        let Self { left, right, output, operation, activation } = self;
        [left, right, output].into_iter().for_each(|tensor| memory.require_blocked(tensor));
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
        assert!(finite && plain_activation(activation), "elementwise: operation or slopes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.output.batch * self.output.blocks()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let repeat = |size: usize, index: usize| if size == 1 { 0 } else { index };
        let each = |at: [usize; 3]| {
            let [picture, block, y] = at;
            let right = &self.right;
            let right_at = [repeat(right.batch, picture), block, repeat(right.height, y)];
            let job = Row {
                left: row(memory, &self.left, at),
                right: row(memory, right, right_at),
                right_step: repeat(right.width, LANES),
                output: row(memory, &self.output, at),
                count: self.output.width,
                scale: core::ptr::null(),
                shift: core::ptr::null(),
                slopes: core::ptr::null(),
                activation: self.activation,
            };
            // SAFETY: `check` has passed; the engine vouches for `isa`.
            unsafe { binary_row(block_isa(isa), &job, self.operation) }
        };
        // SAFETY: this is the contract of `Step::run`.
        unsafe { for_rows(memory, &self.output, pieces, each) }
    }
}

impl Step for BlockedCopy {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_blocked(&self.input);
        memory.require_blocked(&self.output);
        let [from, to] = [shape(&self.input), shape(&self.output)];
        let fits = from[0] == to[0] && from[2..] == to[2..] && self.first + from[1] <= to[1];
        assert!(fits, "copy of channels: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.input.batch
    }

    unsafe fn run(&self, memory: &Memory<'_>, _: Isa, pieces: Range<usize>) {
        let Self { input, output, first } = self;
        let end = first + input.channels;
        for picture in pieces {
            for block in first / LANES..end.div_ceil(LANES) {
                for y in 0..output.height {
                    let target = row(memory, output, [picture, block, y]);
                    for lane in 0..LANES {
                        let Some(channel) = (block * LANES + lane).checked_sub(*first) else {
                            continue;
                        };
                        let at = [picture, channel / LANES, y];
                        // Past the last channel the row is not read.
                        let source = row(memory, input, at).wrapping_add(channel % LANES);
                        for x in 0..output.width {
                            // SAFETY: `check` has passed: both rows exist.
                            unsafe {
                                let used = channel < input.channels;
                                let value = if used { *source.add(x * LANES) } else { 0.0 };
                                target.add(x * LANES + lane).write(value);
                            }
                        }
                    }
                }
                // SAFETY: the block is part of the output.
                unsafe {
                    let rows = 0..output.height;
                    zero_halo(memory.arena(), output, picture, block..block + 1, rows);
                }
            }
        }
    }
}
