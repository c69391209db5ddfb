//! Between row-major and channel-blocked.
//!
//! Eight pixels of a channel block are a matrix of 8 channels and 8 pixels: one
//! layout has it by rows, the other by columns.

use super::Step;
use super::bounds::total;
use super::halo::zero_halo;
use super::place::{plain, row};
use super::strips::{Strip, Strips};
use crate::memory::Memory;
use crate::simd::{Isa, Vector, shells};
use crate::step::{Blocked, LANES, Pack, Plain, Unpack};
use core::ops::Range;

fn check(memory: &Memory<'_>, plain: &Plain, blocked: &Blocked) {
    memory.require_plain(plain, 4);
    memory.require_blocked(blocked);
    let Blocked { batch, channels, height, width, .. } = *blocked;
    let len = total(&[batch, channels, height, width]);
    assert!(plain.len == len, "conversion of layout: sizes");
}

/// Rows of a channel block in both layouts.
#[derive(Clone, Copy)]
struct Rows {
    /// First pixel of the first channel.
    planar: *mut f32,
    /// First pixel.
    blocked: *mut f32,
    /// Elements from a channel to the next in the row-major layout.
    plane: usize,
    /// Elements from a row to the next in the channel-blocked layout.
    row_stride: usize,
    rows: usize,
    width: usize,
    /// Channels of the block that exist.
    channels: usize,
}

impl Rows {
    fn new(memory: &Memory<'_>, planar: &Plain, blocked: &Blocked, strip: &Strip) -> Self {
        let Strip { picture, block, .. } = *strip;
        let (first, rows) = (strip.rows.start, strip.rows.len());
        let plane = blocked.height * blocked.width;
        let channel = picture * blocked.channels + block * LANES;
        let offset = channel * plane + first * blocked.width;
        let one_row = blocked.rows_are_contiguous();
        Self {
            planar: plain::<f32>(memory, planar).wrapping_add(offset),
            blocked: row(memory, blocked, [picture, block, first]),
            plane,
            row_stride: blocked.row_stride,
            rows: if one_row { 1 } else { rows },
            width: if one_row { rows * blocked.width } else { blocked.width },
            channels: LANES.min(blocked.channels - block * LANES),
        }
    }
}

impl Step for Pack {
    fn check(&self, memory: &Memory<'_>) {
        check(memory, &self.input, &self.output);
    }

    fn pieces(&self, _: Isa) -> usize {
        Strips::of(&self.output).count()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let strips = Strips::of(&self.output);
        for strip in pieces.map(|piece| strips.get(piece)) {
            let rows = Rows::new(memory, &self.input, &self.output, &strip);
            // SAFETY: this is the contract of `Step::run`.
            unsafe {
                interleave(isa, &rows);
                let blocks = strip.block..strip.block + 1;
                zero_halo(memory.arena(), &self.output, strip.picture, blocks, strip.rows);
            }
        }
    }
}

impl Step for Unpack {
    fn check(&self, memory: &Memory<'_>) {
        check(memory, &self.output, &self.input);
    }

    fn pieces(&self, _: Isa) -> usize {
        Strips::of(&self.input).count()
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let strips = Strips::of(&self.input);
        for strip in pieces.map(|piece| strips.get(piece)) {
            let rows = Rows::new(memory, &self.output, &self.input, &strip);
            // SAFETY: this is the contract of `Step::run`.
            unsafe { separate(isa, &rows) };
        }
    }
}

shells! {
    /// Row-major to channel-blocked.
    fn interleave(rows: &Rows) = interleave_body;
}

shells! {
    /// Channel-blocked to row-major.
    fn separate(rows: &Rows) = separate_body;
}

/// Pixels of a tile.
const TILE: usize = 8;

/// Where the tiles of a row start: the last one overlaps its predecessor.
fn tiles(width: usize) -> impl Iterator<Item = usize> {
    (0..width).step_by(TILE).map(move |x| x.min(width - TILE))
}

#[inline(always)]
unsafe fn interleave_body<V: Vector>(rows: &Rows) {
    // Stands for the channels that don't exist.
    let zeros = [0.0f32; TILE];
    for y in 0..rows.rows {
        let planar = rows.planar.wrapping_add(y * rows.width);
        let blocked = rows.blocked.wrapping_add(y * rows.row_stride);
        // SAFETY: the caller vouches for the rows.
        unsafe {
            if rows.width < TILE {
                for x in 0..rows.width {
                    for lane in 0..LANES {
                        let exists = lane < rows.channels;
                        let value = if exists { *planar.add(lane * rows.plane + x) } else { 0.0 };
                        blocked.add(x * LANES + lane).write(value);
                    }
                }
            } else if rows.channels == LANES {
                for x in tiles(rows.width) {
                    let channel = |lane| planar.wrapping_add(lane * rows.plane + x).cast_const();
                    V::transpose_8x8(channel, |i| blocked.wrapping_add((x + i) * LANES));
                }
            } else {
                for x in tiles(rows.width) {
                    let channel = |lane| {
                        let exists = lane < rows.channels;
                        let place = planar.wrapping_add(lane * rows.plane + x);
                        if exists { place.cast_const() } else { zeros.as_ptr() }
                    };
                    V::transpose_8x8(channel, |i| blocked.wrapping_add((x + i) * LANES));
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn separate_body<V: Vector>(rows: &Rows) {
    // Takes what the channels that don't exist hold.
    let mut rest = [0.0f32; TILE];
    let rest = rest.as_mut_ptr();
    for y in 0..rows.rows {
        let planar = rows.planar.wrapping_add(y * rows.width);
        let blocked = rows.blocked.wrapping_add(y * rows.row_stride);
        // SAFETY: the caller vouches for the rows.
        unsafe {
            if rows.width < TILE {
                for lane in 0..rows.channels {
                    for x in 0..rows.width {
                        let value = *blocked.add(x * LANES + lane);
                        planar.add(lane * rows.plane + x).write(value);
                    }
                }
            } else if rows.channels == LANES {
                for x in tiles(rows.width) {
                    let pixel = |i| blocked.wrapping_add((x + i) * LANES).cast_const();
                    V::transpose_8x8(pixel, |lane| planar.wrapping_add(lane * rows.plane + x));
                }
            } else {
                for x in tiles(rows.width) {
                    let pixel = |i| blocked.wrapping_add((x + i) * LANES).cast_const();
                    V::transpose_8x8(pixel, |lane| {
                        let exists = lane < rows.channels;
                        if exists { planar.wrapping_add(lane * rows.plane + x) } else { rest }
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Arena, Numbers, channels, halos, run_pieces};
    use crate::step::{Halo, LANES, Pack, Unpack};
    use proptest::prelude::*;

    fn shapes() -> impl Strategy<Value = [usize; 4]> {
        [(1..=2usize).boxed(), channels().boxed(), (1..=9usize).boxed(), (1..=40usize).boxed()]
    }

    fn index([_, channels, height, width]: [usize; 4], at: [usize; 4]) -> usize {
        ((at[0] * channels + at[1]) * height + at[2]) * width + at[3]
    }

    fn pack(shape: [usize; 4], halo: Halo, seed: u64) {
        let mut arena = Arena::new();
        let input = arena.random_plain(shape.iter().product(), &mut Numbers::new(seed));
        let output = arena.tensor(shape, halo);
        run_pieces(&Pack { input, output }, &mut arena, &[], |before, after| {
            after.check_output(&before.values, &output, |[n, c], y, x| {
                f64::from(before.elements(&input)[index(shape, [n, c, y, x])])
            });
            for n in 0..shape[0] {
                for c in shape[1]..output.blocks() * LANES {
                    for (y, x) in (0..shape[2]).flat_map(|y| (0..shape[3]).map(move |x| (y, x))) {
                        let value = after.get(&output, [n, c], y as isize, x as isize);
                        assert_eq!(value, 0.0, "lane past the last channel");
                    }
                }
            }
        });
    }

    fn unpack(shape: [usize; 4], halo: Halo, seed: u64) {
        let mut arena = Arena::new();
        let input = arena.random_tensor(shape, halo, &mut Numbers::new(seed));
        let output = arena.plain(shape.iter().product());
        run_pieces(&Unpack { input, output }, &mut arena, &[], |before, after| {
            after.check_plain(&before.values, &output, |i| {
                let [_, channels, height, width] = shape;
                let (row, x) = (i / width, i % width);
                let (plane, y) = (row / height, row % height);
                let at = [plane / channels, plane % channels];
                before.get(&input, at, y as isize, x as isize)
            });
        });
    }

    proptest! {
        #[test]
        fn channels_are_interleaved(shape in shapes(), halo in halos(), seed: u64) {
            pack(shape, halo, seed);
        }

        #[test]
        fn channels_are_separated(shape in shapes(), halo in halos(), seed: u64) {
            unpack(shape, halo, seed);
        }
    }
}
