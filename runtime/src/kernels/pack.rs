//! Between row-major and channel-blocked.

use super::Step;
use super::halo::zero_halo;
use super::place::{plain, row};
use crate::memory::Memory;
use crate::simd::Isa;
use crate::step::{Blocked, LANES, Pack, Plain, Unpack};
use core::ops::Range;

fn check(memory: &Memory<'_>, plain: &Plain, blocked: &Blocked) {
    memory.require_plain(plain, 4);
    memory.require_blocked(blocked);
    let Blocked { batch, channels, height, width, .. } = *blocked;
    assert!(plain.len == batch * channels * height * width, "conversion of layout: sizes");
}

/// First element of a row of a row-major tensor with the shape of `like`.
fn plain_row(memory: &Memory<'_>, place: &Plain, like: &Blocked, at: [usize; 3]) -> *mut f32 {
    let [picture, channel, y] = at;
    let row = (picture * like.channels + channel) * like.height + y;
    plain::<f32>(memory, place).wrapping_add(row * like.width)
}

impl Step for Pack {
    fn check(&self, memory: &Memory<'_>) {
        check(memory, &self.input, &self.output);
    }

    fn pieces(&self, _: Isa) -> usize {
        self.output.batch * self.output.blocks()
    }

    unsafe fn run(&self, memory: &Memory<'_>, _: Isa, pieces: Range<usize>) {
        let Self { input, output } = self;
        for piece in pieces {
            let (picture, block) = (piece / output.blocks(), piece % output.blocks());
            for y in 0..output.height {
                let target = row(memory, output, [picture, block, y]);
                for lane in 0..LANES {
                    let channel = block * LANES + lane;
                    let source = plain_row(memory, input, output, [picture, channel, y]);
                    for x in 0..output.width {
                        // SAFETY: `check` has passed: the row is part of the
                        // output and, up to the last channel, of the input.
                        unsafe {
                            let used = channel < output.channels;
                            let value = if used { *source.add(x) } else { 0.0 };
                            target.add(x * LANES + lane).write(value);
                        }
                    }
                }
            }
            // SAFETY: the piece is this block.
            unsafe {
                let rows = 0..output.height;
                zero_halo(memory.arena(), output, picture, block..block + 1, rows);
            }
        }
    }
}

impl Step for Unpack {
    fn check(&self, memory: &Memory<'_>) {
        check(memory, &self.output, &self.input);
    }

    fn pieces(&self, _: Isa) -> usize {
        self.input.batch * self.input.blocks()
    }

    unsafe fn run(&self, memory: &Memory<'_>, _: Isa, pieces: Range<usize>) {
        let Self { input, output } = self;
        for piece in pieces {
            let (picture, block) = (piece / input.blocks(), piece % input.blocks());
            let lanes = LANES.min(input.channels - block * LANES);
            for y in 0..input.height {
                let source = row(memory, input, [picture, block, y]);
                for lane in 0..lanes {
                    let channel = block * LANES + lane;
                    let target = plain_row(memory, output, input, [picture, channel, y]);
                    for x in 0..input.width {
                        // SAFETY: `check` has passed: both rows exist.
                        unsafe { target.add(x).write(*source.add(x * LANES + lane)) };
                    }
                }
            }
        }
    }
}
