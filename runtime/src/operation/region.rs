//! How a region of interest falls into bins along one dimension.
//!
//! Coordinates are rounded to the element type after each operation, as tools
//! do that compute in that type: which pixels a bin takes jumps where a
//! coordinate crosses a whole number, so that an unrounded coordinate could
//! give another pixel and not just another digit. A sum, difference, product or
//! quotient of two f32 computed in f64 and then rounded is what f32 gives.

use super::Native;
use core::ops::Range;

/// Most samples of a bin along a dimension. An adaptive grid has about one for
/// each pixel; what is wider than this lies outside of every picture, and a
/// network that diverges should not run for years.
const MOST_SAMPLES: f64 = 65536.0;

/// Grids of fewer samples are walked whole; of larger ones only what lies
/// inside the picture.
const SMALL_GRID: u64 = 16;

fn rounded<T: Native>(value: f64) -> f64 {
    T::from_f64(value).to_f64()
}

/// The largest integer that is not larger.
pub(super) fn floor(value: f64) -> i64 {
    let whole = value as i64;
    if whole as f64 > value { whole - 1 } else { whole }
}

/// The smallest integer that is not smaller.
fn ceil(value: f64) -> i64 {
    let whole = value as i64;
    if (whole as f64) < value { whole.saturating_add(1) } else { whole }
}

/// The nearest integer, halves away from zero.
fn nearest(value: f64) -> i64 {
    let whole = value as i64;
    let rest = value - whole as f64;
    if rest >= 0.5 {
        whole.saturating_add(1)
    } else if rest <= -0.5 {
        whole.saturating_sub(1)
    } else {
        whole
    }
}

/// What all regions of a `RoiAlign` share along a dimension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampling {
    /// Pixels of the picture for one of the coordinates.
    pub(crate) scale: f64,
    /// Whether the centre of the first pixel is at 0.5 and not at 0.
    pub(crate) half_pixel: bool,
    /// Bins of a region.
    pub(crate) bins: usize,
    /// Samples of a bin; 0 for one a pixel.
    pub(crate) samples: usize,
    /// Pixels of the picture.
    pub(crate) size: usize,
}

/// A region of a `RoiAlign` along one dimension: bins that are sampled between
/// pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SampledAxis {
    start: f64,
    bin: f64,
    grid: u64,
    size: usize,
}

/// A point between two pixels, and their weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) pixels: [usize; 2],
    pub(crate) weights: [f64; 2],
}

impl SampledAxis {
    /// The region between two coordinates.
    pub(crate) fn new<T: Native>(sampling: &Sampling, ends: [f64; 2]) -> Self {
        let Sampling { scale, half_pixel, bins, samples, size } = *sampling;
        let shift = if half_pixel { 0.5 } else { 0.0 };
        let [start, end] =
            ends.map(|end| rounded::<T>(rounded::<T>(end * rounded::<T>(scale)) - shift));
        let extent = rounded::<T>(end - start);
        // The older convention makes regions at least a pixel large.
        let extent = if half_pixel { extent } else { extent.max(1.0) };
        let bin = rounded::<T>(extent / bins.max(1) as f64);
        let grid = match samples {
            0 => ceil(bin.min(MOST_SAMPLES)).max(0) as u64,
            samples => samples as u64,
        };
        Self { start, bin, grid, size }
    }

    /// Samples of each bin, those outside the picture included.
    pub(crate) fn grid(&self) -> u64 {
        self.grid
    }

    /// The samples of a bin that lie in the picture or less than a pixel beside
    /// it. The others count as zero.
    pub(crate) fn samples<T: Native>(&self, bin: usize) -> impl Iterator<Item = Sample> + use<T> {
        let axis = *self;
        let first = rounded::<T>(axis.start + rounded::<T>(bin as f64 * axis.bin));
        let position = move |index: u64| {
            let product = rounded::<T>((index as f64 + 0.5) * axis.bin);
            rounded::<T>(first + rounded::<T>(product / axis.grid as f64))
        };
        let inside = if axis.grid <= SMALL_GRID {
            0..axis.grid
        } else {
            let begin = partition(axis.grid, |index| position(index) < -1.0);
            begin..partition(axis.grid, |index| position(index) <= axis.size as f64)
        };
        inside.filter_map(move |index| axis.sample::<T>(position(index)))
    }

    fn sample<T: Native>(&self, position: f64) -> Option<Sample> {
        let inside = position >= -1.0 && position <= self.size as f64;
        let last = self.size.checked_sub(1).filter(|_| inside)?;
        let position = position.max(0.0);
        let low = position as usize;
        if low >= last {
            return Some(Sample { pixels: [last; 2], weights: [1.0, 0.0] });
        }
        let fraction = position - low as f64;
        Some(Sample { pixels: [low, low + 1], weights: [rounded::<T>(1.0 - fraction), fraction] })
    }
}

/// How many of the first indices below `count` a condition holds for that holds
/// for some first ones only.
fn partition(count: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// A region of a `MaxRoiPool` along one dimension: bins of whole pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WholeAxis {
    start: i64,
    bin: f64,
    size: usize,
}

impl WholeAxis {
    /// The region from the pixel of one coordinate to that of another, both
    /// included, in so many bins, of a picture of `size` pixels.
    pub(crate) fn new<T: Native>(ends: [f64; 2], scale: f64, bins: usize, size: usize) -> Self {
        let [start, end] = ends.map(|end| nearest(rounded::<T>(end * rounded::<T>(scale))));
        let extent = end.saturating_sub(start).saturating_add(1).max(1);
        let bin = rounded::<T>(rounded::<T>(extent as f64) / bins.max(1) as f64);
        Self { start, bin, size }
    }

    /// The pixels of a bin.
    pub(crate) fn pixels<T: Native>(&self, bin: usize) -> Range<usize> {
        let place = |bin: usize| rounded::<T>(bin as f64 * self.bin);
        let pixel = |offset: i64| {
            usize::try_from(self.start.saturating_add(offset)).unwrap_or(0).min(self.size)
        };
        pixel(floor(place(bin)))..pixel(ceil(place(bin + 1)))
    }
}

/// The picture that a region is of.
pub(crate) fn picture(index: f64, pictures: usize) -> Option<usize> {
    let whole = index as usize;
    (whole as f64 == index && whole < pictures).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_beside_a_number() {
        assert_eq!([-1.5, -1.0, 0.3].map(floor), [-2, -1, 0]);
        assert_eq!([-1.5, 1.0, 0.3].map(ceil), [-1, 1, 1]);
        assert_eq!([-1.5, -0.4, 0.5, 0.499_999_999_999_999_94].map(nearest), [-2, 0, 1, 0]);
        assert_eq!([f64::NAN, 1e300].map(ceil), [0, i64::MAX]);
    }

    #[test]
    fn huge_regions_have_few_samples_inside() {
        let sampling = Sampling { scale: 1.0, half_pixel: true, bins: 3, samples: 0, size: 10 };
        let count = |ends| {
            let axis = SampledAxis::new::<f32>(&sampling, ends);
            (0..3).map(|bin| axis.samples::<f32>(bin).count()).sum::<usize>()
        };
        for ends in [[-1e30, 1e30], [-40000.0, 50000.0], [0.0, 1e38], [-3e8, 3e8]] {
            assert!(count(ends) <= 24, "{}", count(ends));
        }
        assert_eq!(count([f64::NAN, 3.0]), 0);
        assert_eq!(count([5.0, 3.0]), 0);
    }

    #[test]
    fn bins_of_whole_pixels_overlap() {
        let axis = WholeAxis::new::<f32>([1.0, 4.0], 1.0, 3, 4);
        assert_eq!([0, 1, 2].map(|bin| axis.pixels::<f32>(bin)), [1..3, 2..4, 3..4]);
        let outside = WholeAxis::new::<f32>([-9.0, -8.0], 1.0, 1, 4);
        assert!(outside.pixels::<f32>(0).is_empty());
    }

    #[test]
    fn pictures_are_whole_numbers() {
        assert_eq!(
            [1.0, 2.0, -1.0, 0.5, f64::NAN].map(|i| picture(i, 2)),
            [Some(1), None, None, None, None]
        );
    }
}
