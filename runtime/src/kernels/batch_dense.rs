//! Fully connected layers of many rows, as in the head of a detector.
//!
//! The depth is cut into chunks: a chunk of all rows stays in the second-level
//! cache while the weights, a chunk of one panel after the other, are read from
//! memory once. A tile is some rows by one or two panels; its sums fill the
//! registers and rest in the output between chunks.

use super::bounds::total;
use super::place::{plain, section};
use super::{Step, extent};
use crate::memory::Memory;
use crate::simd::{Isa, Vector, math, shells};
use crate::step::{Activation, BatchDense, GROUP};
use core::ops::Range;

/// Panels of a piece: the rows are read anew for each piece.
const PIECE: usize = 32;

/// Inputs of a chunk: of one panel they take 24 KiB, which with those of the
/// rows of a tile is a first-level cache.
const CHUNK: usize = 384;

impl Step for BatchDense {
    fn check(&self, memory: &Memory<'_>) {
        let Self { rows, inputs, outputs, weights, bias, .. } = self;
        memory.require_plain(&self.input, 4);
        memory.require_plain(&self.output, 4);
        memory.require_section(weights);
        memory.require_section(bias);
        extent::require(memory, rows);
        let padded = outputs.div_ceil(GROUP).saturating_mul(GROUP);
        assert!(
            self.input.len == total(&[rows.max(), *inputs])
                && self.output.len == total(&[rows.max(), *outputs])
                && weights.len >= total(&[padded, *inputs])
                && bias.len >= padded,
            "fully connected layer: sizes"
        );
        assert!(
            !matches!(self.activation, Activation::ChannelRelu { .. }),
            "fully connected layer: slopes a channel"
        );
    }

    fn pieces(&self, _: Isa) -> usize {
        self.outputs.div_ceil(GROUP * PIECE)
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        // SAFETY: `check` has passed.
        let rows = unsafe { extent::size(memory, &self.rows) };
        for piece in pieces {
            let first = piece * PIECE * GROUP;
            let job = Product {
                input: plain::<f32>(memory, &self.input),
                weights: section(memory, &self.weights).wrapping_add(first * self.inputs),
                bias: section(memory, &self.bias).wrapping_add(first),
                output: plain::<f32>(memory, &self.output).wrapping_add(first),
                rows,
                inputs: self.inputs,
                outputs: (PIECE * GROUP).min(self.outputs - first),
                stride: self.outputs,
                activation: self.activation,
            };
            // SAFETY: `check` has passed; the caller vouches for `isa`.
            unsafe { product(isa, &job) };
        }
    }
}

/// Some outputs of all rows.
#[derive(Clone, Copy)]
struct Product {
    input: *const f32,
    weights: *const f32,
    bias: *const f32,
    output: *mut f32,
    rows: usize,
    inputs: usize,
    outputs: usize,
    /// Elements of the output from a row to the next.
    stride: usize,
    activation: Activation,
}

/// Rows, panels and depth of a tile.
#[derive(Clone)]
struct Place {
    row: usize,
    output: usize,
    depth: Range<usize>,
}

shells! {
    /// All products of a piece.
    fn product(job: &Product) = product_body;
}

#[inline(always)]
unsafe fn product_body<V: Vector>(job: &Product) {
    // Without inputs there is still the bias.
    let chunks = job.inputs.div_ceil(CHUNK).max(1);
    for chunk in 0..chunks {
        let depth = chunk * CHUNK..((chunk + 1) * CHUNK).min(job.inputs);
        // SAFETY: the caller has this contract.
        unsafe {
            match V::LANES {
                // 24 sums of 32 registers.
                16 => panels::<V, 12, 2>(job, &depth),
                // 12 sums of 16 registers.
                8 => panels::<V, 6, 1>(job, &depth),
                4 => panels::<V, 4, 1>(job, &depth),
                _ => panels::<V, 2, 1>(job, &depth),
            }
        }
    }
}

/// All panels over a part of the depth.
#[inline(always)]
unsafe fn panels<V: Vector, const ROWS: usize, const PANELS: usize>(
    job: &Product,
    depth: &Range<usize>,
) {
    let mut output = 0;
    // SAFETY: the caller has this contract.
    unsafe {
        while output + PANELS * GROUP <= job.outputs {
            rows::<V, ROWS, PANELS>(job, output, depth);
            output += PANELS * GROUP;
        }
        while output < job.outputs {
            rows::<V, ROWS, 1>(job, output, depth);
            output += GROUP;
        }
    }
}

/// All rows of some panels.
#[inline(always)]
unsafe fn rows<V: Vector, const ROWS: usize, const PANELS: usize>(
    job: &Product,
    output: usize,
    depth: &Range<usize>,
) {
    let mut row = 0;
    // SAFETY: the caller has this contract.
    unsafe {
        while row + ROWS <= job.rows {
            panel_tile::<V, ROWS, PANELS>(job, &Place { row, output, depth: depth.clone() });
            row += ROWS;
        }
        if row + 2 < job.rows {
            while row + 3 <= job.rows {
                panel_tile::<V, 3, PANELS>(job, &Place { row, output, depth: depth.clone() });
                row += 3;
            }
        }
        while row < job.rows {
            panel_tile::<V, 1, PANELS>(job, &Place { row, output, depth: depth.clone() });
            row += 1;
        }
    }
}

/// The vectors of a panel: at most four of [`GROUP`] lanes, or sixteen of one.
#[inline(always)]
unsafe fn panel_tile<V: Vector, const ROWS: usize, const PANELS: usize>(
    job: &Product,
    place: &Place,
) {
    // SAFETY: the caller has this contract.
    unsafe {
        match V::LANES {
            16 => tile::<V, ROWS, PANELS, 1>(job, place),
            8 => tile::<V, ROWS, PANELS, 2>(job, place),
            4 => tile::<V, ROWS, PANELS, 4>(job, place),
            _ => tile::<V, ROWS, PANELS, 16>(job, place),
        }
    }
}

#[inline(always)]
unsafe fn tile<V: Vector, const ROWS: usize, const PANELS: usize, const VECTORS: usize>(
    job: &Product,
    place: &Place,
) {
    let Place { row, output, ref depth } = *place;
    // SAFETY: the caller vouches for the rows, the panels and the depth; panels
    // and bias are padded to whole groups.
    unsafe {
        let input = job.input.add(row * job.inputs);
        let weights = job.weights.add(output * job.inputs);
        let mut sums = [[[V::splat(0.0); VECTORS]; PANELS]; ROWS];
        for i in depth.clone() {
            let line: [[V; VECTORS]; PANELS] = core::array::from_fn(|panel| {
                let line = weights.add((panel * job.inputs + i) * GROUP);
                core::array::from_fn(|vector| V::load(line.add(vector * V::LANES)))
            });
            for (j, sums) in sums.iter_mut().enumerate() {
                let factor = V::splat(*input.add(j * job.inputs + i));
                for (sums, line) in sums.iter_mut().zip(&line) {
                    for (sum, &vector) in sums.iter_mut().zip(line) {
                        *sum = factor.fma(vector, *sum);
                    }
                }
            }
        }
        for (j, sums) in sums.into_iter().enumerate() {
            for (panel, sums) in sums.into_iter().enumerate() {
                for (vector, sum) in sums.into_iter().enumerate() {
                    let first = output + panel * GROUP + vector * V::LANES;
                    store(job, row + j, first, depth, sum);
                }
            }
        }
    }
}

/// Adds sums to what the output holds; in the last chunk, also the bias.
#[inline(always)]
unsafe fn store<V: Vector>(job: &Product, row: usize, first: usize, depth: &Range<usize>, sum: V) {
    let count = V::LANES.min(job.outputs.saturating_sub(first));
    if count == 0 {
        return;
    }
    // SAFETY: `count` outputs exist from `first` on.
    unsafe {
        let target = job.output.add(row * job.stride + first);
        let mut sum = sum;
        if depth.start > 0 {
            let before =
                if count == V::LANES { V::load(target) } else { V::load_first(target, count, 0.0) };
            sum = sum + before;
        }
        if depth.end == job.inputs {
            sum = sum + V::load(job.bias.add(first));
            sum = math::activate(&job.activation, sum, sum);
        }
        if count == V::LANES { sum.store(target) } else { sum.store_first(target, count) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Arena, Numbers, Weights, activate, activations, run_pieces};
    use crate::step::{Activation, BatchDense, Extent, pack_dense_weights};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            rows in 0..=40usize,
            inputs in prop_oneof![0..=70usize, 380..=390usize, Just(800)],
            outputs in prop_oneof![1..=70usize, 510..=530usize],
            activation in activations(),
            seed: u64,
        ) {
            let activation = match activation {
                Activation::ChannelRelu { .. } => Activation::Identity,
                other => other,
            };
            let mut numbers = Numbers::new(seed);
            let (mut arena, mut weights) = (Arena::new(), Weights::new());
            let input = arena.random_plain(rows * inputs, &mut numbers);
            let output = arena.plain(rows * outputs);
            let matrix = numbers.take_filters(outputs, inputs);
            let biases = numbers.take(outputs);
            let dense = BatchDense {
                input,
                output,
                weights: weights.push(&pack_dense_weights(&matrix, inputs, outputs)),
                bias: weights.push_channels(&biases),
                rows: Extent::Fixed { size: rows },
                inputs,
                outputs,
                activation,
            };
            run_pieces(&dense, &mut arena, &weights.values, |before, after| {
                after.check_plain(&before.values, &output, |place| {
                    let (row, column) = (place / outputs, place % outputs);
                    let sum: f64 = (0..inputs)
                        .map(|i| {
                            let value = before.elements(&input)[row * inputs + i];
                            f64::from(value) * f64::from(matrix[column * inputs + i])
                        })
                        .sum();
                    activate(&activation, 0.0, sum + f64::from(biases[column]))
                });
            });
        }
    }
}
