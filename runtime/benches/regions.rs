//! Regions of interest as detectors of two stages pool them.
//!
//! `cargo bench -p cnnc-runtime --bench regions` prints, for each instruction
//! set, the best time of many runs for 300 regions of 7 x 7 bins of 256
//! channels, of which the regions of a run are as large as the first number
//! says.

use cnnc_runtime::kernels::Step;
use cnnc_runtime::step::{Blocked, Halo, MaxRoiPool, Plain, RoiAlign};
use cnnc_runtime::{Isa, Memory};
use std::hint::black_box;
use std::time::Instant;

const REGIONS: usize = 300;
const CHANNELS: usize = 256;
const POOLED: [usize; 2] = [7, 7];
const SIZE: [usize; 2] = [50, 68];

/// An arena with everything in its place.
struct Setting {
    arena: Vec<f32>,
    input: Blocked,
    corners: Plain,
    with_pictures: Plain,
    pictures: Plain,
    output: Plain,
}

impl Setting {
    /// Regions of about `extent` pixels in each direction.
    fn new(extent: f32) -> Self {
        let halo = Halo { top: 1, left: 1, bottom: 1, right: 1 };
        let input = Blocked::new([1, CHANNELS, SIZE[0], SIZE[1]], halo, 0);
        let mut end = input.storage();
        let mut place = |len: usize, size: usize| {
            let plain = Plain { offset: end, len };
            end = (end + len * size).next_multiple_of(64);
            plain
        };
        let (corners, with_pictures) = (place(4 * REGIONS, 4), place(5 * REGIONS, 4));
        let pictures = place(REGIONS, 8);
        let output = place(REGIONS * CHANNELS * POOLED[0] * POOLED[1], 4);
        let mut arena = vec![0.0f32; end / 4];
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 24) as f32
        };
        arena[..input.storage() / 4].iter_mut().for_each(|value| *value = random());
        for i in 0..REGIONS {
            let [width, height] = [(); 2].map(|()| extent * (0.7 + 0.6 * random()));
            let left = random() * (SIZE[1] as f32 - width).max(0.0);
            let top = random() * (SIZE[0] as f32 - height).max(0.0);
            let region = [left, top, left + width, top + height];
            arena[corners.offset / 4 + 4 * i..][..4].copy_from_slice(&region);
            arena[with_pictures.offset / 4 + 5 * i + 1..][..4].copy_from_slice(&region);
        }
        Self { arena, input, corners, with_pictures, pictures, output }
    }

    fn align(&self, samples: usize) -> RoiAlign {
        let Self { input, corners, pictures, output, .. } = *self;
        RoiAlign {
            input,
            corners,
            pictures,
            output,
            regions: REGIONS,
            count: None,
            pooled: POOLED,
            scale: 1.0,
            samples,
            half_pixel: true,
        }
    }

    fn maximum(&self) -> MaxRoiPool {
        let Self { input, with_pictures: corners, output, .. } = *self;
        let (regions, pooled) = (REGIONS, POOLED);
        MaxRoiPool { input, corners, output, regions, count: None, pooled, scale: 1.0 }
    }

    /// Best time in seconds.
    fn measure(&mut self, step: &impl Step, isa: Isa) -> f64 {
        let (pointer, bytes) = (self.arena.as_mut_ptr(), size_of_val(self.arena.as_slice()));
        // SAFETY: floats are bytes, and any bytes are floats.
        let arena = unsafe { core::slice::from_raw_parts_mut(pointer.cast(), bytes) };
        let memory = Memory::new(arena, &[]);
        step.check(&memory);
        let mut best = f64::INFINITY;
        let start = Instant::now();
        while start.elapsed().as_millis() < 150 {
            let once = Instant::now();
            // SAFETY: checked for this memory, which nothing else uses; the
            // processor has the set.
            unsafe { black_box(step).run(&memory, isa, 0..step.pieces(isa)) };
            best = best.min(once.elapsed().as_secs_f64());
        }
        best
    }
}

fn main() {
    for isa in Isa::available() {
        println!("{isa}{:>38}", "ms");
        for extent in [5.0, 14.0, 28.0] {
            let mut setting = Setting::new(extent);
            for samples in [0, 2] {
                let time = setting.measure(&setting.align(samples), isa);
                println!("{extent:3} RoiAlign, {samples} samples {:20.3}", time * 1e3);
            }
            let time = setting.measure(&setting.maximum(), isa);
            println!("{extent:3} MaxRoiPool {:28.3}", time * 1e3);
        }
    }
}
