//! Fully connected layers.
//!
//! With one picture every weight is used once, so that memory is what limits:
//! a few rows of weights are read side by side, each a stream that the
//! processor fetches ahead. With several pictures the rows are cut into chunks
//! that stay in a cache while all pictures pass by, and a tile of
//! weight rows and pictures uses each vector that it loads several times.

use super::bounds::total;
use super::place::{plain, section};
use super::{Step, extent};
use crate::memory::Memory;
use crate::simd::{Isa, Vector, math, shells};
use crate::step::{Activation, Dense, GROUP};
use core::ops::Range;

/// Outputs of a piece.
const PIECE: usize = 16;

/// Rows of weights that are read side by side.
const ROWS: usize = 4;

/// Inputs of a chunk: a few rows of weights and a few dozen pictures are part
/// of a second-level cache. Shorter ones read memory in so short runs that it is
/// not fetched ahead; 768 takes a quarter longer than 4096.
const CHUNK: usize = 4096;

impl Step for Dense {
    fn check(&self, memory: &Memory<'_>) {
        let Self { batch, inputs, outputs, weights, bias, .. } = self;
        memory.require_plain(&self.input, 4);
        memory.require_plain(&self.output, 4);
        memory.require_section(weights);
        memory.require_section(bias);
        extent::require(memory, batch);
        assert!(
            self.input.len == total(&[batch.max(), *inputs])
                && self.output.len == total(&[batch.max(), *outputs])
                && weights.len >= total(&[*outputs, *inputs])
                && bias.len >= outputs.div_ceil(GROUP) * GROUP,
            "fully connected layer: sizes"
        );
        assert!(
            !matches!(self.activation, Activation::ChannelRelu { .. }),
            "fully connected layer: slopes a channel"
        );
    }

    fn pieces(&self, _: Isa) -> usize {
        self.outputs.div_ceil(PIECE)
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        // SAFETY: `check` has passed.
        let batch = unsafe { extent::size(memory, &self.batch) };
        for piece in pieces {
            let first = piece * PIECE;
            let weights = section(memory, &self.weights);
            let job = Product {
                input: plain::<f32>(memory, &self.input),
                weights: weights.wrapping_add(first * self.inputs),
                bias: section(memory, &self.bias).wrapping_add(first),
                output: plain::<f32>(memory, &self.output).wrapping_add(first),
                batch,
                inputs: self.inputs,
                rows: PIECE.min(self.outputs - first),
                outputs: self.outputs,
                activation: self.activation,
            };
            // SAFETY: `check` has passed; the caller vouches for `isa`.
            unsafe { product(isa, &job) };
        }
    }
}

/// Some outputs of all pictures.
#[derive(Clone, Copy)]
struct Product {
    input: *const f32,
    weights: *const f32,
    bias: *const f32,
    output: *mut f32,
    batch: usize,
    inputs: usize,
    /// Rows of weights, at most [`PIECE`].
    rows: usize,
    /// Elements of the output from a picture to the next.
    outputs: usize,
    activation: Activation,
}

shells! {
    /// All dot products of the rows with the pictures.
    fn product(job: &Product) = product_body;
}

#[inline(always)]
unsafe fn product_body<V: Vector>(job: &Product) {
    let chunk = if job.batch == 1 { job.inputs } else { CHUNK };
    let mut start = 0;
    loop {
        let depth = start..(start + chunk).min(job.inputs);
        // SAFETY: the caller has this contract.
        unsafe {
            let mut row = 0;
            while row + ROWS <= job.rows {
                // A tile has as many sums as there are registers for.
                if V::LANES > 8 {
                    pictures::<V, ROWS, 4>(job, row, depth.clone());
                } else {
                    pictures::<V, ROWS, 2>(job, row, depth.clone());
                }
                row += ROWS;
            }
            while row < job.rows {
                pictures::<V, 1, 2>(job, row, depth.clone());
                row += 1;
            }
        }
        start += chunk;
        if start >= job.inputs {
            break;
        }
    }
    // SAFETY: as above.
    unsafe { finish::<V>(job) }
}

/// Some rows with all pictures.
#[inline(always)]
unsafe fn pictures<V: Vector, const ROWS: usize, const PICTURES: usize>(
    job: &Product,
    row: usize,
    depth: Range<usize>,
) {
    let mut picture = 0;
    // SAFETY: the caller has this contract.
    unsafe {
        while picture + PICTURES <= job.batch {
            tile::<V, ROWS, PICTURES, 1>(job, row, picture, depth.clone());
            picture += PICTURES;
        }
        while picture < job.batch {
            tile::<V, ROWS, 1, 2>(job, row, picture, depth.clone());
            picture += 1;
        }
    }
}

/// Dot products over a part of the depth, added to what the output holds where
/// it is not the first part. Each has `CHAINS` sums that run side by side.
#[inline(always)]
unsafe fn tile<V: Vector, const ROWS: usize, const PICTURES: usize, const CHAINS: usize>(
    job: &Product,
    row: usize,
    picture: usize,
    depth: Range<usize>,
) {
    // SAFETY: the caller vouches for the rows, the pictures and the depth.
    unsafe {
        let input = job.input.add(picture * job.inputs);
        let weights = job.weights.add(row * job.inputs);
        let mut sums = [[[V::splat(0.0); PICTURES]; ROWS]; CHAINS];
        let mut i = depth.start;
        while i + CHAINS * V::LANES <= depth.end {
            for (chain, sums) in sums.iter_mut().enumerate() {
                let i = i + chain * V::LANES;
                accumulate(
                    sums,
                    |row| V::load(weights.add(row * job.inputs + i)),
                    |picture| V::load(input.add(picture * job.inputs + i)),
                );
            }
            i += CHAINS * V::LANES;
        }
        while i < depth.end {
            let count = V::LANES.min(depth.end - i);
            accumulate(
                &mut sums[0],
                |row| V::load_first(weights.add(row * job.inputs + i), count, 0.0),
                |picture| V::load_first(input.add(picture * job.inputs + i), count, 0.0),
            );
            i += count;
        }
        for j in 0..ROWS {
            for k in 0..PICTURES {
                let sum = sums.iter().skip(1).fold(sums[0][j][k], |sum, chain| sum + chain[j][k]);
                let target = job.output.add((picture + k) * job.outputs + row + j);
                let before = if depth.start == 0 { 0.0 } else { *target };
                target.write(before + sum.reduce_sum());
            }
        }
    }
}

/// Adds the products of every row with every picture.
#[inline(always)]
fn accumulate<V: Vector, const ROWS: usize, const PICTURES: usize>(
    sums: &mut [[V; PICTURES]; ROWS],
    row: impl Fn(usize) -> V,
    picture: impl Fn(usize) -> V,
) {
    let pictures: [V; PICTURES] = core::array::from_fn(picture);
    for (j, sums) in sums.iter_mut().enumerate() {
        let row = row(j);
        for (sum, &picture) in sums.iter_mut().zip(&pictures) {
            *sum = picture.fma(row, *sum);
        }
    }
}

/// Bias and activation of all dot products.
#[inline(always)]
unsafe fn finish<V: Vector>(job: &Product) {
    for picture in 0..job.batch {
        for first in (0..job.rows).step_by(V::LANES) {
            let count = V::LANES.min(job.rows - first);
            // SAFETY: the bias is padded to whole vectors; `count` outputs exist.
            unsafe {
                let target = job.output.add(picture * job.outputs + first);
                let sums = V::load_first(target, count, 0.0) + V::load(job.bias.add(first));
                math::activate(&job.activation, sums, sums).store_first(target, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Arena, Numbers, Weights, activate, activations, run_pieces};
    use crate::step::{Activation, Dense, Extent};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            batch in 1..=9usize,
            inputs in prop_oneof![0..=70usize, 760..=800usize, Just(1600)],
            outputs in 1..=40usize,
            activation in activations(),
            seed: u64,
        ) {
            let activation = match activation {
                Activation::ChannelRelu { .. } => Activation::Identity,
                other => other,
            };
            let mut numbers = Numbers::new(seed);
            let (mut arena, mut weights) = (Arena::new(), Weights::new());
            let input = arena.random_plain(batch * inputs, &mut numbers);
            let output = arena.plain(batch * outputs);
            let rows = numbers.take_filters(outputs, inputs);
            let biases = numbers.take(outputs);
            let dense = Dense {
                input,
                output,
                weights: weights.push(&rows),
                bias: weights.push_channels(&biases),
                batch: Extent::Fixed { size: batch },
                inputs,
                outputs,
                activation,
            };
            run_pieces(&dense, &mut arena, &weights.values, |before, after| {
                after.check_plain(&before.values, &output, |place| {
                    let (picture, row) = (place / outputs, place % outputs);
                    let sum: f64 = (0..inputs)
                        .map(|i| {
                            let value = before.elements(&input)[picture * inputs + i];
                            f64::from(value) * f64::from(rows[row * inputs + i])
                        })
                        .sum();
                    activate(&activation, 0.0, sum + f64::from(biases[row]))
                });
            });
        }
    }
}
