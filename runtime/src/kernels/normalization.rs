//! Softmax and local response normalisation of row-major tensors.

use super::Step;
use super::place::plain;
use super::scalar;
use crate::memory::Memory;
use crate::simd::{Isa, Vector, math, shells};
use crate::step::{LocalResponse, Softmax};
use core::ops::Range;

impl Step for Softmax {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_plain(&self.input, 4);
        memory.require_plain(&self.output, 4);
        let len = self.outer * self.axis * self.inner;
        assert!(self.input.len == len && self.output.len == len, "softmax: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.outer * self.inner
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let (input, output) = (plain::<f32>(memory, &self.input), plain(memory, &self.output));
        for piece in pieces {
            let start = piece / self.inner * self.axis * self.inner + piece % self.inner;
            let input = input.wrapping_add(start);
            let output: *mut f32 = output;
            let output = output.wrapping_add(start);
            // SAFETY: `check` has passed: the run lies in both tensors.
            unsafe { softmax_run(isa, input, output, self.axis, self.inner, self.logarithm) };
        }
    }
}

shells! {
    /// Softmax of `count` values that are `stride` apart.
    fn softmax_run(
        input: *const f32,
        output: *mut f32,
        count: usize,
        stride: usize,
        logarithm: bool
    ) = softmax_body;
}

#[inline(always)]
unsafe fn softmax_body<V: Vector>(
    input: *const f32,
    output: *mut f32,
    count: usize,
    stride: usize,
    logarithm: bool,
) {
    // SAFETY: the caller vouches for `count` values of each.
    unsafe {
        let value = |i: usize| *input.add(i * stride);
        let largest = (0..count).map(value).fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0f64;
        for first in (0..count).step_by(V::LANES) {
            let mut lanes = [0.0f32; crate::simd::MOST_LANES];
            let here = V::LANES.min(count - first);
            for (i, lane) in lanes.iter_mut().enumerate().take(here) {
                *lane = value(first + i) - largest;
            }
            math::exp(V::load(lanes.as_ptr())).store(lanes.as_mut_ptr());
            for (i, &lane) in lanes.iter().enumerate().take(here) {
                sum += f64::from(lane);
                if !logarithm {
                    output.add((first + i) * stride).write(lane);
                }
            }
        }
        if logarithm {
            let shift = largest + scalar::ln(sum as f32);
            for i in 0..count {
                output.add(i * stride).write(value(i) - shift);
            }
        } else {
            let factor = sum.recip() as f32;
            for i in 0..count {
                *output.add(i * stride) *= factor;
            }
        }
    }
}

/// A channel of a picture: its neighbours' squares are summed.
#[derive(Clone, Copy)]
struct Channel {
    input: *const f32,
    output: *mut f32,
    plane: usize,
    /// Channels before and after this one that belong to the window.
    before: usize,
    after: usize,
    /// `alpha / size`, and the offset.
    factor: f32,
    bias: f32,
    beta: f32,
}

shells! {
    /// Normalises the pixels of one channel.
    fn normalize_channel(job: &Channel) = normalize_body;
}

#[inline(always)]
unsafe fn normalize_body<V: Vector>(job: &Channel) {
    let mut done = 0;
    while done < job.plane {
        let count = V::LANES.min(job.plane - done);
        // SAFETY: the caller vouches for the planes of the window.
        unsafe {
            let load = |plane: *const f32| {
                if count == V::LANES { V::load(plane) } else { V::load_first(plane, count, 0.0) }
            };
            let own = job.input.add(done);
            let first = own.wrapping_sub(job.before * job.plane);
            let mut squares = V::splat(0.0);
            for channel in 0..=job.before + job.after {
                let value = load(first.add(channel * job.plane));
                squares = value.fma(value, squares);
            }
            let base = squares.fma(V::splat(job.factor), V::splat(job.bias));
            let divisor = if job.beta.to_bits() == 0.75f32.to_bits() {
                let root = base.sqrt();
                root * root.sqrt()
            } else {
                power(base, job.beta)
            };
            let result = load(own) / divisor;
            if count == V::LANES {
                result.store(job.output.add(done));
            } else {
                result.store_first(job.output.add(done), count);
            }
        }
        done += count;
    }
}

#[inline(always)]
fn power<V: Vector>(base: V, exponent: f32) -> V {
    let mut lanes = [0.0f32; crate::simd::MOST_LANES];
    // SAFETY: there are at least `LANES` places, and `base` proves the
    // instructions.
    unsafe {
        base.store(lanes.as_mut_ptr());
        for lane in &mut lanes[..V::LANES] {
            *lane = scalar::pow(*lane, exponent);
        }
        V::load(lanes.as_ptr())
    }
}

impl Step for LocalResponse {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_plain(&self.input, 4);
        memory.require_plain(&self.output, 4);
        let len = self.batch * self.channels * self.plane;
        let fits = self.input.len == len && self.output.len == len && self.size > 0;
        assert!(fits, "local response normalisation: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.batch * self.channels
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        for piece in pieces {
            let channel = piece % self.channels;
            let start = piece * self.plane;
            let job = Channel {
                input: plain::<f32>(memory, &self.input).wrapping_add(start),
                output: plain::<f32>(memory, &self.output).wrapping_add(start),
                plane: self.plane,
                before: channel.min((self.size - 1) / 2),
                after: (self.channels - 1 - channel).min(self.size / 2),
                factor: self.alpha / self.size as f32,
                bias: self.bias,
                beta: self.beta,
            };
            // SAFETY: `check` has passed; the engine vouches for `isa`.
            unsafe { normalize_channel(isa, &job) };
        }
    }
}
