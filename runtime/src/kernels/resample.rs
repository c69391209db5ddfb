//! Resampling along one dimension: weighted sums of whole runs of values.

use super::Step;
use super::halo::zero_halo;
use super::place::{block_isa, plain, row, section};
use super::strips::Strips;
use crate::memory::Memory;
use crate::simd::{Isa, Vector, shells};
use crate::step::{Axis, BlockedResample, Filter, LANES, Resample};
use core::ops::Range;

/// The sum of some runs: `output[i] = constant + sum of weights[k] * run k [i]`.
#[derive(Clone, Copy)]
struct Sum {
    /// Start of the run of pixel 0, and elements from a pixel's to the next's.
    input: *const f32,
    stride: usize,
    /// Pixels that exist: a position past them, which no compiler writes, is
    /// taken as the last.
    size: usize,
    pixels: *const u32,
    weights: *const f32,
    terms: usize,
    constant: f32,
    output: *mut f32,
    count: usize,
}

shells! {
    /// Computes a sum of runs.
    fn sum_runs(sum: &Sum) = sum_runs_body;
}

#[inline(always)]
unsafe fn sum_runs_body<V: Vector>(sum: &Sum) {
    let mut done = 0;
    while done < sum.count {
        let here = V::LANES.min(sum.count - done);
        // SAFETY: the caller vouches for `count` values of each pixel's run and
        // of the output, and for `terms` positions and weights.
        unsafe {
            let mut result = V::splat(sum.constant);
            for k in 0..sum.terms {
                let pixel = (*sum.pixels.add(k) as usize).min(sum.size - 1);
                let run = sum.input.add(pixel * sum.stride + done);
                let weight = V::splat(*sum.weights.add(k));
                let values =
                    if here == V::LANES { V::load(run) } else { V::load_first(run, here, 0.0) };
                result = values.fma(weight, result);
            }
            if here == V::LANES {
                result.store(sum.output.add(done));
            } else {
                result.store_first(sum.output.add(done), here);
            }
        }
        done += here;
    }
}

fn check_filter(memory: &Memory<'_>, filter: &Filter, results: usize) {
    let Filter { terms, pixels, weights, constants } = filter;
    [pixels, weights, constants].into_iter().for_each(|table| memory.require_section(table));
    let entries = terms.checked_mul(results);
    let fits = entries.is_some_and(|entries| pixels.len >= entries && weights.len >= entries);
    assert!(fits && constants.len >= results, "resampling: tables");
}

/// The sum for one result, without its place.
fn sum(memory: &Memory<'_>, filter: &Filter, result: usize, size: usize) -> Sum {
    let entry = result * filter.terms;
    let constant = section(memory, &filter.constants).wrapping_add(result);
    Sum {
        input: core::ptr::null(),
        stride: 0,
        size,
        pixels: section(memory, &filter.pixels).wrapping_add(entry).cast(),
        weights: section(memory, &filter.weights).wrapping_add(entry),
        terms: filter.terms,
        // SAFETY: `check` has passed: there is a constant for each result.
        constant: unsafe { constant.read() },
        output: core::ptr::null_mut(),
        count: 0,
    }
}

impl Step for Resample {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_plain(&self.input, 4);
        memory.require_plain(&self.output, 4);
        check_filter(memory, &self.filter, self.results);
        let len = |along: usize| {
            self.outer.checked_mul(along).and_then(|len| len.checked_mul(self.inner))
        };
        let fits =
            len(self.size) == Some(self.input.len) && len(self.results) == Some(self.output.len);
        assert!(fits && self.size > 0, "resampling: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.outer * self.results
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let Self { size, results, inner, .. } = *self;
        for piece in pieces {
            let (outer, result) = (piece / results, piece % results);
            let job = Sum {
                input: plain::<f32>(memory, &self.input).wrapping_add(outer * size * inner),
                stride: inner,
                output: plain::<f32>(memory, &self.output).wrapping_add(piece * inner),
                count: inner,
                ..sum(memory, &self.filter, result, size)
            };
            // SAFETY: `check` has passed; the caller vouches for `isa`.
            unsafe { sum_runs(isa, &job) };
        }
    }
}

impl Step for BlockedResample {
    fn check(&self, memory: &Memory<'_>) {
        let Self { input, output, axis, filter } = self;
        memory.require_blocked(input);
        memory.require_blocked(output);
        let (size, results, same) = match axis {
            Axis::Rows => (input.height, output.height, input.width == output.width),
            Axis::Columns => (input.width, output.width, input.height == output.height),
        };
        check_filter(memory, filter, results);
        let channels = input.batch == output.batch && input.channels == output.channels;
        assert!(same && channels && size > 0, "resampling: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        Strips::of(&self.output).count()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let Self { input, output, axis, filter } = self;
        let strips = Strips::of(output);
        for strip in pieces.map(|piece| strips.get(piece)) {
            let (picture, block) = (strip.picture, strip.block);
            for y in strip.rows.clone() {
                let target = row(memory, output, [picture, block, y]);
                match axis {
                    Axis::Rows => {
                        let job = Sum {
                            input: row(memory, input, [picture, block, 0]),
                            stride: input.row_stride,
                            output: target,
                            count: output.width * LANES,
                            ..sum(memory, filter, y, input.height)
                        };
                        // SAFETY: `check` has passed; the caller vouches for
                        // `isa`.
                        unsafe { sum_runs(isa, &job) };
                    }
                    Axis::Columns => {
                        for x in 0..output.width {
                            let job = Sum {
                                input: row(memory, input, [picture, block, y]),
                                stride: LANES,
                                output: target.wrapping_add(x * LANES),
                                count: LANES,
                                ..sum(memory, filter, x, input.width)
                            };
                            // SAFETY: as above.
                            unsafe { sum_runs(block_isa(isa), &job) };
                        }
                    }
                }
            }
            // SAFETY: the strip is this piece's.
            unsafe { zero_halo(memory.arena(), output, picture, block..block + 1, strip.rows) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{Arena, Numbers, Weights, channels, halos, run_pieces};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// A random filter from `size` pixels to `results`, and its tables as they
    /// were written.
    struct Tables {
        filter: Filter,
        weights: Weights,
        terms: Vec<Vec<(usize, f64)>>,
        constants: Vec<f64>,
    }

    impl Tables {
        fn new(numbers: &mut Numbers, [size, results, terms]: [usize; 3]) -> Self {
            let mut weights = Weights::new();
            let factors = numbers.take(results * terms);
            let pixels: Vec<usize> = numbers
                .take(results * terms)
                .iter()
                .map(|x| ((x.abs() * size as f32) as usize).min(size - 1))
                .collect();
            let bits: Vec<f32> = pixels.iter().map(|&pixel| f32::from_bits(pixel as u32)).collect();
            let constants = numbers.take(results);
            let filter = Filter {
                terms,
                pixels: weights.push(&bits),
                weights: weights.push(&factors),
                constants: weights.push(&constants),
            };
            let pairs: Vec<_> =
                pixels.into_iter().zip(factors.iter().map(|&factor| f64::from(factor))).collect();
            let terms = pairs.chunks_exact(terms).map(<[_]>::to_vec).collect();
            let constants = constants.into_iter().map(f64::from).collect();
            Self { filter, weights, terms, constants }
        }

        fn expected(&self, result: usize, pixel: impl Fn(usize) -> f64) -> f64 {
            let sum = self.terms[result].iter().map(|&(at, weight)| weight * pixel(at));
            self.constants[result] + sum.sum::<f64>()
        }
    }

    proptest! {
        #[test]
        fn results_are_weighted_sums(
            (outer, size, results, inner) in (1..=3usize, 1..=7usize, 1..=9usize, 1..=19usize),
            terms in 1..=5usize,
            seed in any::<u64>(),
        ) {
            let mut numbers = Numbers::new(seed);
            let tables = Tables::new(&mut numbers, [size, results, terms]);
            let mut arena = Arena::new();
            let input = arena.random_plain(outer * size * inner, &mut numbers);
            let output = arena.plain(outer * results * inner);
            let filter = tables.filter;
            let step = Resample { input, output, outer, size, results, inner, filter };
            run_pieces(&step, &mut arena, &tables.weights.values, |before, after| {
                after.check_plain(&before.values, &output, |i| {
                    let (run, at) = (i / inner, i % inner);
                    let start = run / results * size;
                    let pixel = |p: usize| before.elements(&input)[(start + p) * inner + at].into();
                    tables.expected(run % results, pixel)
                });
            });
        }

        #[test]
        fn rows_and_columns_of_blocks_too(
            (batch, channels, height, width) in (1..=2usize, channels(), 1..=6usize, 1..=19usize),
            (results, terms, rows) in (1..=9usize, 1..=4usize, any::<bool>()),
            halos in [halos(), halos()],
            seed in any::<u64>(),
        ) {
            let mut numbers = Numbers::new(seed);
            let (axis, size, shape) = if rows {
                (Axis::Rows, height, [batch, channels, results, width])
            } else {
                (Axis::Columns, width, [batch, channels, height, results])
            };
            let tables = Tables::new(&mut numbers, [size, results, terms]);
            let mut arena = Arena::new();
            let source = [batch, channels, height, width];
            let input = arena.random_tensor(source, halos[0], &mut numbers);
            let output = arena.tensor(shape, halos[1]);
            let step = BlockedResample { input, output, axis, filter: tables.filter };
            run_pieces(&step, &mut arena, &tables.weights.values, |before, after| {
                after.check_output(&before.values, &output, |nc, y, x| {
                    let (result, pixel): (usize, &dyn Fn(usize) -> f64) = match axis {
                        Axis::Rows => (y, &|p| before.get(&input, nc, p as isize, x as isize)),
                        Axis::Columns => (x, &|p| before.get(&input, nc, y as isize, p as isize)),
                    };
                    tables.expected(result, pixel)
                });
            });
        }
    }

    #[test]
    #[should_panic(expected = "resampling: tables")]
    fn tables_that_are_too_short_are_refused() {
        let mut numbers = Numbers::new(1);
        let tables = Tables::new(&mut numbers, [4, 3, 2]);
        let mut arena = Arena::new();
        let (input, output) = (arena.plain(4), arena.plain(4));
        let filter = tables.filter;
        let step = Resample { input, output, outer: 1, size: 4, results: 4, inner: 1, filter };
        run_pieces(&step, &mut arena, &tables.weights.values, |_, _| {});
    }
}
