//! Concatenation of channels that could not be written in place.

use super::Step;
use super::halo::zero_halo;
use super::place::{row, shape};
use crate::memory::Memory;
use crate::simd::Isa;
use crate::step::{BlockedCopy, LANES};
use core::ops::Range;

impl BlockedCopy {
    /// Channel blocks of the output that are written, at least in part.
    fn blocks(&self) -> Range<usize> {
        self.first / LANES..(self.first + self.input.channels).div_ceil(LANES)
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
        self.input.batch * self.blocks().len()
    }

    unsafe fn run(&self, memory: &Memory<'_>, _: Isa, pieces: Range<usize>) {
        let written = self.blocks();
        for piece in pieces {
            let (picture, block) = (piece / written.len(), written.start + piece % written.len());
            // SAFETY: this is the contract of `Step::run`.
            unsafe {
                copy_block(self, memory, picture, block);
                let rows = 0..self.output.height;
                zero_halo(memory.arena(), &self.output, picture, block..block + 1, rows);
            }
        }
    }
}

/// Writes a channel block of the output.
unsafe fn copy_block(step: &BlockedCopy, memory: &Memory<'_>, picture: usize, block: usize) {
    let BlockedCopy { input, output, first } = step;
    let channels = block * LANES..(block + 1) * LANES;
    // Lanes that are written, and of them those that the input has.
    let start = first.saturating_sub(channels.start);
    let end = (first + input.channels - channels.start).min(LANES);
    // The input's channel for lane 0; negative in the first block.
    let shift = first % LANES;
    for y in 0..output.height {
        let target = row(memory, output, [picture, block, y]);
        let source = |index: usize| row(memory, input, [picture, index, y]).cast_const();
        // SAFETY: the caller vouches for the tensors.
        unsafe {
            if shift == 0 && end == LANES {
                let source = source(block - first / LANES);
                target.copy_from(source, output.width * LANES);
            } else {
                // A block of the output takes the last lanes of one block of
                // the input and the first ones of the next.
                let next = block - first / LANES;
                let has_before = next > 0 && shift > 0;
                let has_next = next < input.blocks();
                let before = if has_before { source(next - 1) } else { target };
                let next = if has_next { source(next) } else { target };
                for x in (0..output.width).map(|x| x * LANES) {
                    let (before, next) = (pixel(before.add(x)), pixel(next.add(x)));
                    let old = pixel(target.add(x));
                    let new: [f32; LANES] = core::array::from_fn(|lane| {
                        if lane < start {
                            old[lane]
                        } else if lane >= end {
                            0.0
                        } else if lane < shift {
                            before[lane + LANES - shift]
                        } else {
                            next[lane - shift]
                        }
                    });
                    target.add(x).cast::<[f32; LANES]>().write_unaligned(new);
                }
            }
        }
    }
}

/// The values of a pixel.
unsafe fn pixel(place: *const f32) -> [f32; LANES] {
    // SAFETY: the caller vouches for the pixel.
    unsafe { place.cast::<[f32; LANES]>().read_unaligned() }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Arena, Numbers, channels, halos, run_pieces};
    use crate::step::{BlockedCopy, Halo, LANES};
    use proptest::prelude::*;

    fn copies(
        [batch, channels, height, width]: [usize; 4],
        [first, more]: [usize; 2],
        halos: [Halo; 2],
        seed: u64,
    ) {
        let mut numbers = Numbers::new(seed);
        let mut arena = Arena::new();
        let input = arena.random_tensor([batch, channels, height, width], halos[0], &mut numbers);
        let shape = [batch, first + channels + more, height, width];
        let output = arena.random_tensor(shape, halos[1], &mut numbers);
        let last = (first + channels).next_multiple_of(LANES);
        run_pieces(&BlockedCopy { input, output, first }, &mut arena, &[], |before, after| {
            let expected = |[n, c]: [usize; 2], y: usize, x: usize| {
                let (y, x) = (y as isize, x as isize);
                match c.checked_sub(first) {
                    Some(channel) if channel < channels => before.get(&input, [n, channel], y, x),
                    Some(_) if c < last => 0.0,
                    _ => before.get(&output, [n, c], y, x),
                }
            };
            after.check_output(&before.values, &output, expected);
        });
    }

    proptest! {
        #[test]
        fn channels_are_copied_and_the_others_kept(
            (batch, channels) in (1..=2usize, channels()),
            (height, width) in (1..=4usize, 1..=9usize),
            first in 0..=20usize,
            more in 0..=20usize,
            halos in [halos(), halos()],
            seed: u64,
        ) {
            copies([batch, channels, height, width], [first, more], halos, seed);
        }
    }
}
