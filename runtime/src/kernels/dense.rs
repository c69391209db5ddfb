//! Fully connected layers.
//!
//! With one picture a layer reads each weight once, so that it is as fast as
//! memory: four rows of dot products at a time, each in two chains. With more,
//! the rows stay in the nearest cache while the pictures pass by.

use super::Step;
use super::place::{plain, section};
use crate::memory::Memory;
use crate::simd::math::activate;
use crate::simd::{Isa, Vector, shells};
use crate::step::{Activation, Dense};
use core::ops::Range;

/// Rows of weights that are read at the same time.
const ROWS: usize = 4;

/// Outputs of a piece.
const PIECE: usize = 16;

/// One picture and some rows of weights.
#[derive(Clone, Copy)]
struct Dots {
    input: *const f32,
    weights: *const f32,
    inputs: usize,
    bias: *const f32,
    output: *mut f32,
    rows: usize,
    activation: Activation,
}

shells! {
    /// Computes up to [`PIECE`] outputs of one picture.
    fn dots(job: &Dots) = dots_body;
}

#[inline(always)]
unsafe fn dots_body<V: Vector>(job: &Dots) {
    let mut row = 0;
    while row + ROWS <= job.rows {
        // SAFETY: so many rows are left.
        unsafe { some_rows::<V, ROWS>(job, row) };
        row += ROWS;
    }
    while row < job.rows {
        // SAFETY: as above.
        unsafe { some_rows::<V, 1>(job, row) };
        row += 1;
    }
}

#[inline(always)]
unsafe fn some_rows<V: Vector, const N: usize>(job: &Dots, row: usize) {
    // SAFETY: the caller vouches for `inputs` values of the picture and of each
    // row, and for a bias and an output each.
    unsafe {
        let weights = job.weights.add(row * job.inputs);
        let mut sums = [[V::splat(0.0); 2]; N];
        let whole = job.inputs / (2 * V::LANES) * 2 * V::LANES;
        for i in (0..whole).step_by(2 * V::LANES) {
            let x = [V::load(job.input.add(i)), V::load(job.input.add(i + V::LANES))];
            for (n, sums) in sums.iter_mut().enumerate() {
                let w = weights.add(n * job.inputs + i);
                sums[0] = x[0].fma(V::load(w), sums[0]);
                sums[1] = x[1].fma(V::load(w.add(V::LANES)), sums[1]);
            }
        }
        for (n, sums) in sums.iter().enumerate() {
            let mut sum = (sums[0] + sums[1]).reduce_sum();
            for i in whole..job.inputs {
                sum += *job.input.add(i) * *weights.add(n * job.inputs + i);
            }
            let sum = V::splat(sum + *job.bias.add(row + n));
            let value = activate(&job.activation, sum, sum);
            value.store_first(job.output.add(row + n), 1);
        }
    }
}

impl Step for Dense {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_plain(&self.input, 4);
        memory.require_plain(&self.output, 4);
        memory.require_section(&self.weights);
        memory.require_section(&self.bias);
        let Self { input, output, weights, bias, batch, inputs, outputs, activation } = self;
        assert!(
            input.len == batch * inputs
                && output.len == batch * outputs
                && weights.len == inputs * outputs
                && bias.len >= *outputs,
            "fully connected: sizes"
        );
        let by_channel = matches!(activation, Activation::ChannelRelu { .. });
        assert!(!by_channel, "fully connected: slopes a channel");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.outputs.div_ceil(PIECE)
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        for piece in pieces {
            let first = piece * PIECE;
            for picture in 0..self.batch {
                let output = plain::<f32>(memory, &self.output);
                let job = Dots {
                    input: plain::<f32>(memory, &self.input).wrapping_add(picture * self.inputs),
                    weights: section(memory, &self.weights).wrapping_add(first * self.inputs),
                    inputs: self.inputs,
                    bias: section(memory, &self.bias).wrapping_add(first),
                    output: output.wrapping_add(picture * self.outputs + first),
                    rows: PIECE.min(self.outputs - first),
                    activation: self.activation,
                };
                // SAFETY: `check` has passed; the engine vouches for `isa`.
                unsafe { dots(isa, &job) };
            }
        }
    }
}
