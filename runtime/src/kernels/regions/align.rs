//! Means of bins that are sampled between pixels.

use super::{Bins, Region, pool, present, require_count};
use crate::kernels::Step;
use crate::kernels::bounds::total;
use crate::kernels::place::{block_isa, plain};
use crate::memory::Memory;
use crate::operation::region::{SampledAxis, Sampling};
use crate::simd::{Isa, Vector, shells};
use crate::step::{LANES, MOST_BINS, MOST_TAPS, RoiAlign};
use core::ops::Range;

/// Most samples of a bin that a description may ask for: a larger number would
/// not end.
const MOST_SAMPLES: usize = 1 << 16;

/// A pixel along a dimension, in elements from the first, and its weight.
#[derive(Clone, Copy)]
struct Tap {
    place: usize,
    weight: f32,
}

/// The pixels of each bin along a dimension.
struct Taps {
    taps: [Tap; MOST_TAPS],
    /// One after the last tap of each bin.
    ends: [usize; MOST_BINS],
}

impl Taps {
    const NONE: Self =
        Self { taps: [Tap { place: 0, weight: 0.0 }; MOST_TAPS], ends: [0; MOST_BINS] };

    /// Sets the taps to those of a region; pixels are `stride` elements apart.
    ///
    /// A bin meets few pixels that another one met before, so that all fit that
    /// [`RoiAlign::takes`]; were it otherwise, the last would be missing.
    fn set(&mut self, axis: &SampledAxis, bins: usize, stride: usize) {
        let share = 1.0 / axis.grid().max(1) as f64;
        let mut end = 0usize;
        for (bin, end_of_bin) in self.ends.iter_mut().enumerate().take(bins) {
            let start = end;
            for sample in axis.samples::<f32>(bin) {
                for (pixel, weight) in sample.pixels.into_iter().zip(sample.weights) {
                    let (place, weight) = (pixel * stride, (weight * share) as f32);
                    let recent = &mut self.taps[start.max(end.saturating_sub(2))..end];
                    match recent.iter_mut().find(|tap| tap.place == place) {
                        Some(tap) => tap.weight += weight,
                        None if end < MOST_TAPS => {
                            self.taps[end] = Tap { place, weight };
                            end += 1;
                        }
                        None => {}
                    }
                }
            }
            *end_of_bin = end;
        }
    }

    #[inline(always)]
    fn of_bin(&self, bin: usize) -> &[Tap] {
        let start = if bin == 0 { 0 } else { self.ends[bin - 1] };
        &self.taps[start..self.ends[bin]]
    }
}

/// Taps of the rows and of the columns.
struct Means {
    rows: Taps,
    columns: Taps,
}

impl Bins for Means {
    #[inline(always)]
    unsafe fn pool<V: Vector, const BLOCKS: usize>(
        &self,
        pixels: *const f32,
        plane_stride: usize,
        [row, column]: [usize; 2],
    ) -> [[V; LANES]; BLOCKS] {
        let (rows, columns) = (self.rows.of_bin(row), self.columns.of_bin(column));
        // SAFETY: the caller vouches for the instructions.
        let mut means = unsafe { [[V::splat(0.0); LANES]; BLOCKS] };
        for (part, lane) in (0..LANES).step_by(V::LANES).enumerate() {
            for row in rows {
                let line = pixels.wrapping_add(row.place + lane);
                // SAFETY: the caller vouches for the picture.
                unsafe {
                    let mut sums = [V::splat(0.0); BLOCKS];
                    for column in columns {
                        let weight = V::splat(column.weight);
                        for (block, sum) in sums.iter_mut().enumerate() {
                            let place = line.add(block * plane_stride + column.place);
                            *sum = V::load(place).fma(weight, *sum);
                        }
                    }
                    let weight = V::splat(row.weight);
                    for (means, sum) in means.iter_mut().zip(sums) {
                        means[part] = sum.fma(weight, means[part]);
                    }
                }
            }
        }
        means
    }
}

shells! {
    /// Pools a region.
    fn align(region: &Region, means: &Means) = align_body;
}

#[inline(always)]
unsafe fn align_body<V: Vector>(region: &Region, means: &Means) {
    // SAFETY: the caller has this contract.
    unsafe { pool::<V>(region, means) }
}

impl Step for RoiAlign {
    fn check(&self, memory: &Memory<'_>) {
        let Self { input, corners, pictures, output, regions, count, pooled, .. } = self;
        memory.require_blocked(input);
        memory.require_plain(corners, 4);
        memory.require_plain(pictures, 8);
        memory.require_plain(output, 4);
        require_count(memory, *count);
        let lengths = [(corners, total(&[*regions, 4])), (pictures, *regions)];
        assert!(lengths.iter().all(|(plain, len)| plain.len == *len), "regions: coordinates");
        let results = total(&[*regions, input.channels, pooled[0], pooled[1]]);
        assert!(output.len == results, "regions: results");
        let takes = Self::takes([input.height, input.width], *pooled);
        assert!(takes && self.samples <= MOST_SAMPLES, "regions: tables");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.regions
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let Self { input, pooled, .. } = self;
        let sampling = |axis: usize| Sampling {
            scale: self.scale.into(),
            half_pixel: self.half_pixel,
            bins: pooled[axis],
            samples: self.samples,
            size: [input.height, input.width][axis],
        };
        let mut means = Means { rows: Taps::NONE, columns: Taps::NONE };
        // SAFETY: `check` has passed.
        for index in unsafe { present(memory, self.count, pieces) } {
            // SAFETY: as above: each region has four corners and a picture.
            let (corners, picture) = unsafe {
                let corners = plain::<[f32; 4]>(memory, &self.corners).add(index).read();
                (corners, plain::<i64>(memory, &self.pictures).add(index).read())
            };
            let picture = usize::try_from(picture).ok().filter(|&picture| picture < input.batch);
            let region =
                Region::new(memory, input, picture.unwrap_or(0), &self.output, index, *pooled);
            if picture.is_none() {
                // SAFETY: as above.
                unsafe { region.fill_with_nan() };
                continue;
            }
            let [left, top, right, bottom] = corners.map(f64::from);
            let rows = SampledAxis::new::<f32>(&sampling(0), [top, bottom]);
            let columns = SampledAxis::new::<f32>(&sampling(1), [left, right]);
            means.rows.set(&rows, pooled[0], region.row_stride);
            means.columns.set(&columns, pooled[1], LANES);
            // SAFETY: as above; the taps lie in the picture.
            unsafe { align(block_isa(isa), &region, &means) };
        }
    }
}
