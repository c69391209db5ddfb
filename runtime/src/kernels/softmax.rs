//! Softmax of row-major tensors.
//!
//! The largest value is subtracted first, so that no exponential overflows.

use super::Step;
use super::bounds::total;
use super::place::plain;
use super::scalar;
use crate::memory::Memory;
use crate::simd::{Isa, MOST_LANES, Vector, math, shells};
use crate::step::Softmax;
use core::ops::Range;

/// Columns of a piece where the axis is not the last.
const COLUMNS: usize = 256;

impl Softmax {
    fn strips(&self) -> usize {
        self.inner.div_ceil(COLUMNS)
    }
}

impl Step for Softmax {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_plain(&self.input, 4);
        memory.require_plain(&self.output, 4);
        let len = total(&[self.outer, self.axis, self.inner]);
        assert!(self.input.len == len && self.output.len == len, "softmax: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.outer * self.strips()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        for piece in pieces {
            let (outer, strip) = (piece / self.strips(), piece % self.strips());
            let start = outer * self.axis * self.inner + strip * COLUMNS;
            let job = Columns {
                input: plain::<f32>(memory, &self.input).wrapping_add(start),
                output: plain::<f32>(memory, &self.output).wrapping_add(start),
                axis: self.axis,
                stride: self.inner,
                columns: COLUMNS.min(self.inner - strip * COLUMNS),
                logarithm: self.logarithm,
            };
            // SAFETY: `check` has passed; the caller vouches for `isa`.
            unsafe { if self.inner == 1 { row(isa, &job) } else { columns(isa, &job) } }
        }
    }
}

/// Adjacent columns, each of which sums to one.
#[derive(Clone, Copy)]
struct Columns {
    input: *const f32,
    output: *mut f32,
    /// Values of a column.
    axis: usize,
    /// Elements from one of them to the next.
    stride: usize,
    columns: usize,
    logarithm: bool,
}

shells! {
    /// Softmax of one column whose values adjoin.
    fn row(job: &Columns) = row_body;
}

shells! {
    /// Softmax of all columns, a vector of them at a time.
    fn columns(job: &Columns) = columns_body;
}

#[inline(always)]
unsafe fn row_body<V: Vector>(job: &Columns) {
    let Columns { input, output, axis, logarithm, .. } = *job;
    let whole = axis / V::LANES * V::LANES;
    let rest = axis - whole;
    // SAFETY: the caller vouches for the values. Lanes without one hold minus
    // infinity, whose exponential is zero.
    unsafe {
        let last = V::load_first(input.add(whole), rest, f32::NEG_INFINITY);
        let mut largest = last;
        for i in (0..whole).step_by(V::LANES) {
            largest = largest.max(V::load(input.add(i)));
        }
        let largest = V::splat(largest_lane(largest));
        let last = math::exp(last - largest);
        let mut sums = last;
        for i in (0..whole).step_by(V::LANES) {
            let value = math::exp(V::load(input.add(i)) - largest);
            sums = sums + value;
            if !logarithm {
                value.store(output.add(i));
            }
        }
        let sum = sums.reduce_sum();
        if logarithm {
            let shift = largest + V::splat(scalar::ln(sum));
            let last = V::load_first(input.add(whole), rest, 0.0) - shift;
            for i in (0..whole).step_by(V::LANES) {
                (V::load(input.add(i)) - shift).store(output.add(i));
            }
            last.store_first(output.add(whole), rest);
        } else {
            let factor = V::splat(1.0 / sum);
            for i in (0..whole).step_by(V::LANES) {
                (V::load(output.add(i)) * factor).store(output.add(i));
            }
            (last * factor).store_first(output.add(whole), rest);
        }
    }
}

#[inline(always)]
fn largest_lane<V: Vector>(x: V) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; MOST_LANES];
    // SAFETY: there are at least `LANES` places.
    unsafe { x.store(lanes.as_mut_ptr()) };
    lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

#[inline(always)]
unsafe fn columns_body<V: Vector>(job: &Columns) {
    let Columns { axis, stride, logarithm, .. } = *job;
    for first in (0..job.columns).step_by(V::LANES) {
        let count = V::LANES.min(job.columns - first);
        // SAFETY: the caller vouches for the columns; only `count` are used.
        unsafe {
            let (input, output) = (job.input.add(first), job.output.add(first));
            let load = |place: *const f32| {
                if count == V::LANES { V::load(place) } else { V::load_first(place, count, 0.0) }
            };
            let store = |value: V, place: *mut f32| {
                if count == V::LANES { value.store(place) } else { value.store_first(place, count) }
            };
            let mut largest = V::splat(f32::NEG_INFINITY);
            for i in 0..axis {
                largest = largest.max(load(input.add(i * stride)));
            }
            let mut sum = V::splat(0.0);
            for i in 0..axis {
                let value = math::exp(load(input.add(i * stride)) - largest);
                sum = sum + value;
                if !logarithm {
                    store(value, output.add(i * stride));
                }
            }
            if logarithm {
                let shift = largest + logarithms(sum);
                for i in 0..axis {
                    store(load(input.add(i * stride)) - shift, output.add(i * stride));
                }
            } else {
                let factor = V::splat(1.0) / sum;
                for i in 0..axis {
                    store(load(output.add(i * stride)) * factor, output.add(i * stride));
                }
            }
        }
    }
}

#[inline(always)]
fn logarithms<V: Vector>(x: V) -> V {
    let mut lanes = [1.0; MOST_LANES];
    // SAFETY: there are at least `LANES` places; `x` proves the instructions.
    unsafe {
        x.store(lanes.as_mut_ptr());
        lanes[..V::LANES].iter_mut().for_each(|lane| *lane = scalar::ln(*lane));
        V::load(lanes.as_ptr())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Arena, Numbers, run_pieces};
    use crate::step::Softmax;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn agrees(sizes: [usize; 3], in_place: bool, logarithm: bool, magnitude: f32, seed: u64) {
        let [outer, axis, inner] = sizes;
        let mut arena = Arena::new();
        let len = outer * axis * inner;
        let input = arena.random_plain(len, &mut Numbers::new(seed));
        for value in &mut arena.values[input.offset / 4..][..len] {
            *value *= magnitude;
        }
        let output = if in_place { input } else { arena.plain(len) };
        let step = Softmax { input, output, outer, axis, inner, logarithm };
        let values: Vec<f64> = arena.elements(&input).iter().map(|&x| f64::from(x)).collect();
        let column = |i: usize| {
            let first = i / inner * axis * inner + i % inner;
            let values = &values;
            (0..axis).map(move |k| values[first + k * inner])
        };
        let logarithms: Vec<f64> = (0..outer * inner)
            .map(|i| {
                let largest = column(i).fold(f64::MIN, f64::max);
                largest + column(i).map(|x| (x - largest).exp()).sum::<f64>().ln()
            })
            .collect();
        run_pieces(&step, &mut arena, &[], |before, after| {
            after.check_plain(&before.values, &output, |i| {
                let result = values[i] - logarithms[i / (axis * inner) * inner + i % inner];
                if logarithm { result } else { result.exp() }
            });
        });
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            outer in 1..=3usize,
            axis in prop_oneof![1..=40usize, Just(1000)],
            inner in prop_oneof![Just(1usize), 2..=40usize, 250..=260usize],
            in_place: bool,
            logarithm: bool,
            magnitude in prop_oneof![Just(1.0f32), Just(100.0), Just(1e4)],
            seed: u64,
        ) {
            let axis = if inner > 40 { axis.min(20) } else { axis };
            agrees([outer, axis, inner], in_place, logarithm, magnitude, seed);
        }
    }
}
