//! Largest values of bins of whole pixels.

use super::{Bins, Region, pool, present, require_count};
use crate::kernels::Step;
use crate::kernels::bounds::total;
use crate::kernels::place::{block_isa, plain};
use crate::memory::Memory;
use crate::operation::region::{WholeAxis, picture};
use crate::simd::{Isa, Vector, shells};
use crate::step::{LANES, MOST_BINS, MaxRoiPool};
use core::ops::Range;

/// The pixels of each bin along a dimension, in elements from the first.
struct Places {
    starts: [usize; MOST_BINS],
    ends: [usize; MOST_BINS],
    stride: usize,
}

impl Places {
    fn new(axis: &WholeAxis, bins: usize, stride: usize) -> Self {
        let mut places = Self { starts: [0; MOST_BINS], ends: [0; MOST_BINS], stride };
        for (bin, (start, end)) in places.starts.iter_mut().zip(&mut places.ends).enumerate() {
            if bin < bins {
                let pixels = axis.pixels::<f32>(bin);
                (*start, *end) = (pixels.start * stride, pixels.end * stride);
            }
        }
        places
    }
}

/// Pixels of the rows and of the columns.
struct Maxima {
    rows: Places,
    columns: Places,
}

impl Bins for Maxima {
    #[inline(always)]
    unsafe fn pool<V: Vector, const BLOCKS: usize>(
        &self,
        pixels: *const f32,
        plane_stride: usize,
        [row, column]: [usize; 2],
    ) -> [[V; LANES]; BLOCKS] {
        let (first, end) = (self.rows.starts[row], self.rows.ends[row]);
        let (left, right) = (self.columns.starts[column], self.columns.ends[column]);
        let empty = first >= end || left >= right;
        // SAFETY: the caller vouches for the instructions and the picture.
        unsafe {
            let lowest = V::splat(if empty { 0.0 } else { f32::NEG_INFINITY });
            let mut maxima = [[lowest; LANES]; BLOCKS];
            if empty {
                return maxima;
            }
            for (part, lane) in (0..LANES).step_by(V::LANES).enumerate() {
                let mut largest = [lowest; BLOCKS];
                let mut line = first;
                while line < end {
                    let mut place = line + left + lane;
                    while place < line + right {
                        for (block, largest) in largest.iter_mut().enumerate() {
                            let pixel = pixels.add(block * plane_stride + place);
                            *largest = largest.max(V::load(pixel));
                        }
                        place += LANES;
                    }
                    line += self.rows.stride;
                }
                for (maxima, largest) in maxima.iter_mut().zip(largest) {
                    maxima[part] = largest;
                }
            }
            maxima
        }
    }
}

shells! {
    /// Pools a region.
    fn maximum(region: &Region, maxima: &Maxima) = maximum_body;
}

#[inline(always)]
unsafe fn maximum_body<V: Vector>(region: &Region, maxima: &Maxima) {
    // SAFETY: the caller has this contract.
    unsafe { pool::<V>(region, maxima) }
}

impl Step for MaxRoiPool {
    fn check(&self, memory: &Memory<'_>) {
        let Self { input, corners, output, regions, count, pooled, .. } = self;
        memory.require_blocked(input);
        memory.require_plain(corners, 4);
        memory.require_plain(output, 4);
        require_count(memory, *count);
        assert!(corners.len == total(&[*regions, 5]), "regions: coordinates");
        let results = total(&[*regions, input.channels, pooled[0], pooled[1]]);
        assert!(output.len == results, "regions: results");
        assert!(Self::takes(*pooled), "regions: tables");
    }

    fn pieces(&self, _: Isa) -> usize {
        self.regions
    }

    unsafe fn run(&self, memory: &Memory<'_>, isa: Isa, pieces: Range<usize>) {
        let Self { input, pooled, .. } = self;
        // SAFETY: `check` has passed.
        for index in unsafe { present(memory, self.count, pieces) } {
            // SAFETY: as above: each region has five numbers.
            let numbers = unsafe { plain::<[f32; 5]>(memory, &self.corners).add(index).read() };
            let [of, left, top, right, bottom] = numbers.map(f64::from);
            let picture = picture(of, input.batch);
            let region =
                Region::new(memory, input, picture.unwrap_or(0), &self.output, index, *pooled);
            if picture.is_none() {
                // SAFETY: as above.
                unsafe { region.fill_with_nan() };
                continue;
            }
            let scale = self.scale.into();
            let rows = WholeAxis::new::<f32>([top, bottom], scale, pooled[0], input.height);
            let columns = WholeAxis::new::<f32>([left, right], scale, pooled[1], input.width);
            let maxima = Maxima {
                rows: Places::new(&rows, pooled[0], region.row_stride),
                columns: Places::new(&columns, pooled[1], LANES),
            };
            // SAFETY: as above; the places lie in the picture.
            unsafe { maximum(block_isa(isa), &region, &maxima) };
        }
    }
}
