//! Windows that slide over any number of dimensions.

use super::Failure;
use crate::step::RANK;
use core::ops::Range;

description! {
    /// How a window slides along a dimension, in pixels.
    pub struct SlidingAxis {
        /// Taps of the window.
        pub kernel: usize,
        /// From a window to the next.
        pub stride: usize,
        /// From a tap to the next.
        pub dilation: usize,
        /// Padding before the picture.
        pub pad: usize,
        /// Padding behind it.
        pub pad_end: usize,
    }
}

impl SlidingAxis {
    /// A window of one pixel.
    pub const POINT: Self = Self { kernel: 1, stride: 1, dilation: 1, pad: 0, pad_end: 0 };

    /// Pixels from the first to the last tap, both included.
    #[must_use]
    pub const fn extent(&self) -> usize {
        self.kernel.saturating_sub(1).saturating_mul(self.dilation).saturating_add(1)
    }

    /// How many windows there are on a picture of `size` pixels; `None` where
    /// not even one fits. With `ceil`, a last one may stand out at the end, as
    /// long as it starts inside the picture or the padding before it.
    #[must_use]
    pub fn count(&self, size: usize, ceil: bool) -> Option<usize> {
        let before = size.saturating_add(self.pad);
        let room = before.saturating_add(self.pad_end).checked_sub(self.extent())?;
        let stride = self.stride.max(1);
        let mut steps = if ceil { room.div_ceil(stride) } else { room / stride };
        if ceil && steps.saturating_mul(stride) >= before {
            steps = steps.saturating_sub(1);
        }
        steps.checked_add(1)
    }

    /// The pixel under a tap of the window at a place, which must be inside.
    pub(super) fn pixel(&self, place: usize, tap: usize) -> usize {
        place * self.stride + tap * self.dilation - self.pad
    }

    /// Which of `count` windows have this tap inside a picture.
    pub(super) fn places(&self, tap: usize, size: usize, count: usize) -> Range<usize> {
        let before = tap.saturating_mul(self.dilation);
        let stride = self.stride.max(1);
        let first = self.pad.saturating_sub(before).div_ceil(stride);
        let end = size.saturating_add(self.pad).saturating_sub(before).div_ceil(stride);
        first..end.min(count).max(first)
    }

    /// The taps of the window at a place that are inside a picture.
    #[must_use]
    pub fn taps(&self, place: usize, size: usize) -> Range<usize> {
        let start = place.saturating_mul(self.stride);
        let first = self.pad.saturating_sub(start).div_ceil(self.dilation.max(1));
        first..self.taps_until(place, size.saturating_add(self.pad)).max(first)
    }

    /// How many taps of the window at a place lie before a pixel, counted from
    /// the start of the padding.
    #[must_use]
    pub fn taps_until(&self, place: usize, end: usize) -> usize {
        let room = end.saturating_sub(place.saturating_mul(self.stride));
        room.div_ceil(self.dilation.max(1)).min(self.kernel)
    }
}

/// How many windows there are in all dimensions.
pub(super) fn counts(
    axes: &[SlidingAxis],
    sizes: &[usize],
    ceil: bool,
) -> Result<[usize; RANK], Failure> {
    let mut counts = [0; RANK];
    for ((count, axis), &size) in counts.iter_mut().zip(axes).zip(sizes) {
        *count =
            axis.count(size, ceil).ok_or(Failure("a window is larger than the padded picture"))?;
    }
    Ok(counts)
}

/// Number of elements; the largest number where it is absurd.
pub(super) fn volume(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |product, &size| product.saturating_mul(size))
}

/// Visits all indices of some ranges, the last one fastest. There are at most
/// [`RANK`].
pub(super) fn each_index(ranges: &[Range<usize>], mut visit: impl FnMut(&[usize])) {
    if ranges.len() > RANK || ranges.iter().any(Range::is_empty) {
        return;
    }
    let mut index = [0; RANK];
    for (index, range) in index.iter_mut().zip(ranges) {
        *index = range.start;
    }
    loop {
        visit(&index[..ranges.len()]);
        let mut axis = ranges.len();
        loop {
            let Some(before) = axis.checked_sub(1) else { return };
            axis = before;
            index[axis] += 1;
            if index[axis] < ranges[axis].end {
                break;
            }
            index[axis] = ranges[axis].start;
        }
    }
}

/// Ranges from 0.
pub(super) fn below(sizes: &[usize]) -> [Range<usize>; RANK] {
    core::array::from_fn(|axis| 0..sizes.get(axis).copied().unwrap_or(0))
}

/// Windows along the last dimension that have a tap inside the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    /// The first window, among all.
    pub(super) window: usize,
    /// The pixel under its tap, among all.
    pub(super) pixel: usize,
    /// Pixels from one to the next.
    pub(super) stride: usize,
    /// Windows.
    pub(super) count: usize,
}

/// Visits the windows that have a tap inside the picture, in runs.
pub(super) fn each_run(
    axes: &[SlidingAxis],
    sizes: &[usize],
    counts: &[usize],
    tap: &[usize],
    mut visit: impl FnMut(Run),
) {
    let Some((last, _)) = axes.split_last() else { return };
    let mut ranges = below(&[]);
    for (axis, range) in ranges.iter_mut().enumerate().take(axes.len()) {
        *range = axes[axis].places(tap[axis], sizes[axis], counts[axis]);
    }
    let ranges = &mut ranges[..axes.len()];
    let Some(innermost) = ranges.last_mut() else { return };
    let count = innermost.len();
    innermost.end = innermost.end.min(innermost.start + 1);
    each_index(ranges, |places| {
        let (mut window, mut pixel) = (0, 0);
        for (axis, &place) in places.iter().enumerate() {
            window = window * counts[axis] + place;
            pixel = pixel * sizes[axis] + axes[axis].pixel(place, tap[axis]);
        }
        visit(Run { window, pixel, stride: last.stride, count });
    });
}

/// Visits the pixels of the picture that a window at a place covers.
#[allow(dead_code, reason = "what reads it needs functions of real numbers")]
pub(super) fn each_pixel(
    axes: &[SlidingAxis],
    sizes: &[usize],
    places: &[usize],
    mut visit: impl FnMut(&[usize], usize),
) {
    let mut ranges = below(&[]);
    for (axis, range) in ranges.iter_mut().enumerate().take(axes.len()) {
        *range = axes[axis].taps(places[axis], sizes[axis]);
    }
    each_index(&ranges[..axes.len()], |taps| {
        let mut at = [0; RANK];
        let mut pixel = 0;
        for (axis, &tap) in taps.iter().enumerate() {
            at[axis] = axes[axis].pixel(places[axis], tap);
            pixel = pixel * sizes[axis] + at[axis];
        }
        visit(&at[..taps.len()], pixel);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXIS: SlidingAxis = SlidingAxis { kernel: 3, stride: 2, dilation: 2, pad: 1, pad_end: 2 };

    #[test]
    fn windows_and_taps_meet_the_same_pixels() {
        for size in 3..9 {
            let count = AXIS.count(size, true).unwrap();
            for place in 0..count {
                for tap in 0..AXIS.kernel {
                    let inside = AXIS.taps(place, size).contains(&tap);
                    assert_eq!(AXIS.places(tap, size, count).contains(&place), inside);
                    let pixel = (place * 2 + tap * 2) as isize - 1;
                    assert_eq!((0..size as isize).contains(&pixel), inside);
                }
            }
        }
    }

    #[test]
    fn a_last_window_does_not_start_in_the_padding() {
        let axis = SlidingAxis { kernel: 2, stride: 3, dilation: 1, pad: 1, pad_end: 1 };
        assert_eq!((axis.count(5, true), axis.count(5, false)), (Some(2), Some(2)));
        assert_eq!((axis.count(4, true), axis.count(0, false)), (Some(2), Some(1)));
        assert_eq!(SlidingAxis { pad: 0, pad_end: 0, ..axis }.count(1, true), None);
    }

    #[test]
    fn runs_go_along_the_last_dimension() {
        let axes = [SlidingAxis::POINT, AXIS];
        let mut runs = [None; 2];
        let mut found = 0;
        each_run(&axes, &[2, 5], &[2, 2], &[0, 1], |run| {
            runs[found] = Some(run);
            found += 1;
        });
        let run = |window, pixel| Some(Run { window, pixel, stride: 2, count: 2 });
        assert_eq!(runs, [run(0, 1), run(2, 6)]);
    }
}
