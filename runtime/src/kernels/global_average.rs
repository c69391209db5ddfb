//! Means of whole planes.

use super::Step;
use super::bounds::total;
use super::place::{plain, row};
use crate::memory::Memory;
use crate::simd::{Isa, MOST_LANES, Vector, shells};
use crate::step::{GlobalAverage, LANES};
use core::ops::Range;

/// Sums that run side by side: an addition takes several cycles.
const CHAINS: usize = 4;

impl Step for GlobalAverage {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_blocked(&self.input);
        memory.require_plain(&self.output, 4);
        let Self { input, output } = self;
        assert!(output.len == total(&[input.batch, input.channels]), "mean of planes: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.input.batch * self.input.blocks()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let Self { input, output } = self;
        let one_row = input.rows_are_contiguous();
        for piece in pieces {
            let (picture, block) = (piece / input.blocks(), piece % input.blocks());
            let first = block * LANES;
            let target = plain::<f32>(memory, output);
            let job = Plane {
                pixels: row(memory, input, [picture, block, 0]),
                rows: if one_row { 1 } else { input.height },
                width: if one_row { input.height * input.width } else { input.width },
                row_stride: input.row_stride,
                means: target.wrapping_add(picture * input.channels + first),
                channels: LANES.min(input.channels - first),
            };
            // SAFETY: `check` has passed; the caller vouches for `isa`.
            unsafe { average(isa, &job) };
        }
    }
}

/// One channel block of one picture.
#[derive(Clone, Copy)]
struct Plane {
    pixels: *const f32,
    rows: usize,
    /// Pixels of a row.
    width: usize,
    row_stride: usize,
    means: *mut f32,
    /// Means that are wanted.
    channels: usize,
}

shells! {
    /// Means of the channels of a block.
    fn average(plane: &Plane) = average_body;
}

#[inline(always)]
unsafe fn average_body<V: Vector>(plane: &Plane) {
    let factor = 1.0 / (plane.rows * plane.width) as f32;
    for lane in (0..LANES).step_by(V::LANES) {
        let mut sums = [0.0; MOST_LANES];
        // SAFETY: the caller vouches for the plane and for the means.
        unsafe {
            // Each row has a sum of its own, so that the error of a large plane
            // grows with its height and not with its area.
            let mut total = V::splat(0.0);
            for y in 0..plane.rows {
                let pixels = plane.pixels.add(y * plane.row_stride + lane);
                total = total + row_sum::<V>(pixels, plane.width);
            }
            total.store(sums.as_mut_ptr());
            for (i, sum) in sums[..V::LANES.min(LANES)].iter().enumerate() {
                // A wide vector holds a second pixel's sums.
                let other = if V::LANES > LANES { sums[LANES + i] } else { 0.0 };
                if lane + i < plane.channels {
                    plane.means.add(lane + i).write((sum + other) * factor);
                }
            }
        }
    }
}

/// Sum of the pixels of a row; a wide vector has those of the even pixels in
/// its lower half, those of the odd ones in its upper half.
#[inline(always)]
unsafe fn row_sum<V: Vector>(pixels: *const f32, width: usize) -> V {
    let between = V::LANES.max(LANES);
    let end = width * LANES / between;
    // SAFETY: the caller vouches for the pixels.
    unsafe {
        let mut chains = [V::splat(0.0); CHAINS];
        let mut i = 0;
        while i + CHAINS <= end {
            for (j, chain) in chains.iter_mut().enumerate() {
                *chain = *chain + V::load(pixels.add((i + j) * between));
            }
            i += CHAINS;
        }
        while i < end {
            chains[0] = chains[0] + V::load(pixels.add(i * between));
            i += 1;
        }
        if end * between < width * LANES {
            let rest = V::load_first(pixels.add(end * between), LANES, 0.0);
            chains[1] = chains[1] + rest;
        }
        (chains[0] + chains[1]) + (chains[2] + chains[3])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Arena, Numbers, channels, halos, run_pieces};
    use crate::step::GlobalAverage;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_channel_has_its_mean(
            (batch, channels) in (1..=2usize, channels()),
            (height, width) in (1..=9usize, 1..=21usize),
            halo in halos(),
            seed: u64,
        ) {
            let mut arena = Arena::new();
            let shape = [batch, channels, height, width];
            let input = arena.random_tensor(shape, halo, &mut Numbers::new(seed));
            let output = arena.plain(batch * channels);
            run_pieces(&GlobalAverage { input, output }, &mut arena, &[], |before, after| {
                after.check_plain(&before.values, &output, |i| {
                    let at = [i / channels, i % channels];
                    let pixels = (0..height * width)
                        .map(|p| before.get(&input, at, (p / width) as isize, (p % width) as isize));
                    pixels.sum::<f64>() / (height * width) as f64
                });
            });
        }
    }
}
