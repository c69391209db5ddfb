//! Local response normalisation of row-major tensors.

use super::Step;
use super::bounds::total;
use super::place::plain;
use super::scalar;
use crate::memory::Memory;
use crate::simd::{Isa, MOST_LANES, Vector, shells};
use crate::step::LocalResponse;
use core::ops::Range;

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
    let mut lanes = [0.0f32; MOST_LANES];
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
        let len = total(&[self.batch, self.channels, self.plane]);
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

#[cfg(test)]
mod tests {
    use super::super::testing::{Arena, Numbers, run_pieces};
    use crate::step::LocalResponse;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            (batch, channels, plane) in (1..=2usize, 1..=19usize, 1..=70usize),
            size in 1..=7usize,
            (alpha, bias) in (0.0..2.0f32, 0.5..2.0f32),
            beta in prop_oneof![Just(0.75f32), Just(0.5), 0.1..2.0f32],
            seed: u64,
        ) {
            let mut arena = Arena::new();
            let len = batch * channels * plane;
            let input = arena.random_plain(len, &mut Numbers::new(seed));
            let output = arena.plain(len);
            let step =
                LocalResponse { input, output, batch, channels, plane, size, alpha, beta, bias };
            run_pieces(&step, &mut arena, &[], |before, after| {
                after.check_plain(&before.values, &output, |i| {
                    let (channel, first) = (i / plane % channels, i / plane / channels * channels);
                    let value =
                        |c: usize| f64::from(before.elements(&input)[(first + c) * plane + i % plane]);
                    let start = channel.saturating_sub((size - 1) / 2);
                    let end = (channel + size / 2 + 1).min(channels);
                    let squares: f64 = (start..end).map(|c| value(c) * value(c)).sum();
                    let base = f64::from(bias) + f64::from(alpha) / size as f64 * squares;
                    value(channel) / base.powf(beta.into())
                });
            });
        }
    }
}
