//! Means of whole planes.

use super::Step;
use super::place::{block_isa, plain, row};
use crate::memory::Memory;
use crate::simd::{Isa, Vector, shells};
use crate::step::{GlobalAverage, LANES};
use core::ops::Range;

shells! {
    /// Adds the pixels of a row to the sums of its channels.
    fn add_row(pixels: *const f32, count: usize, sums: *mut f32) = add_row_body;
}

#[inline(always)]
unsafe fn add_row_body<V: Vector>(pixels: *const f32, count: usize, sums: *mut f32) {
    for lane in (0..LANES).step_by(V::LANES) {
        // SAFETY: the caller vouches for `count` pixels and one sum a channel.
        unsafe {
            let mut chains = [V::splat(0.0); 4];
            let whole = count / 4 * 4;
            for x in (0..whole).step_by(4) {
                for (i, chain) in chains.iter_mut().enumerate() {
                    *chain = *chain + V::load(pixels.add((x + i) * LANES + lane));
                }
            }
            for x in whole..count {
                chains[0] = chains[0] + V::load(pixels.add(x * LANES + lane));
            }
            let sum = (chains[0] + chains[1]) + (chains[2] + chains[3]);
            (V::load(sums.add(lane)) + sum).store(sums.add(lane));
        }
    }
}

impl Step for GlobalAverage {
    fn check(&self, memory: &Memory<'_>) {
        memory.require_blocked(&self.input);
        memory.require_plain(&self.output, 4);
        let Self { input, output } = self;
        assert!(output.len == input.batch * input.channels, "mean of planes: sizes");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.input.batch * self.input.blocks()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let Self { input, output } = self;
        let factor = ((input.height * input.width) as f32).recip();
        for piece in pieces {
            let (picture, block) = (piece / input.blocks(), piece % input.blocks());
            let mut sums = [0.0f32; LANES];
            for y in 0..input.height {
                let pixels = row(memory, input, [picture, block, y]);
                // SAFETY: the row is part of the input.
                unsafe { add_row(block_isa(isa), pixels, input.width, sums.as_mut_ptr()) };
            }
            let first = block * LANES;
            let target = plain::<f32>(memory, output);
            for (lane, sum) in sums.iter().enumerate().take(input.channels - first) {
                // SAFETY: one value a picture and channel.
                unsafe { target.add(picture * input.channels + first + lane).write(sum * factor) };
            }
        }
    }
}
