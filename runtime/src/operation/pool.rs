//! Pooling over windows of any number of dimensions.

use super::sliding::{SlidingAxis, below, counts, each_index, each_pixel, volume};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real::{pow, sqrt};
use crate::step::RANK;

description! {
    /// What is taken of a window.
    pub enum Pooling {
        /// The largest value. Where there is a second result, it is the index
        /// of that value in the whole tensor.
        Max {
            /// Whether the index counts along the first dimension first.
            column_major: bool,
        },
        /// The mean.
        Average {
            /// Whether padding counts as zeros or not at all.
            include_pad: bool,
        },
        /// The norm `(sum of |x|^p)^(1/p)`.
        Norm {
            /// The `p` of it.
            p: f32,
        },
    }
}

description! {
    /// `MaxPool`, `AveragePool`, `LpPool`. Operand: `[batch, channels, ..sizes]`.
    pub struct GeneralPool {
        /// What is taken of a window.
        pub kind: Pooling,
        /// How windows slide along each dimension.
        pub axes: [SlidingAxis; RANK],
        /// Dimensions over which they slide.
        pub dimensions: usize,
        /// Whether the last window of a row may stand out.
        pub ceil: bool,
    }
}

/// A plane, its sizes and the windows on it.
struct Plane<'a> {
    axes: &'a [SlidingAxis],
    sizes: &'a [usize],
    counts: &'a [usize],
}

impl Operation for GeneralPool {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data)] = inputs else { return Err(Failure("expected one operand")) };
        let (output, mut indices) = match outputs {
            [output] => (output, None),
            [output, indices] => (output, Some(indices)),
            _ => return Err(Failure("expected one or two results")),
        };
        let [batch, channels, sizes @ ..] = data.sizes() else {
            return Err(Failure("expected pictures to pool"));
        };
        let axes = self.axes.get(..self.dimensions).filter(|axes| axes.len() == sizes.len());
        let axes = axes.ok_or(Failure("pictures of another number of dimensions"))?;
        let counts = counts(axes, sizes, self.ceil)?;
        let plane = Plane { axes, sizes, counts: &counts[..axes.len()] };
        let mut shape = [0; RANK];
        (shape[0], shape[1]) = (*batch, *channels);
        let shape = &mut shape[..2 + axes.len()];
        shape[2..].copy_from_slice(plane.counts);
        let (pixels, windows) = (volume(sizes), volume(plane.counts));
        with_type!(data.element(), T: numbers => {
            let data = data.values::<T>()?;
            let results = output.resize::<T>(shape)?;
            let mut indices = match &mut indices {
                Some(indices) => Some(indices.resize::<i64>(shape)?),
                None => None,
            };
            for (channel, results) in results.chunks_exact_mut(windows.max(1)).enumerate() {
                let data = &data[channel * pixels..][..pixels];
                match self.kind {
                    Pooling::Max { column_major } => {
                        let indices = indices.as_deref_mut();
                        let indices = indices.map(|all| &mut all[channel * windows..][..windows]);
                        plane.maximum(data, results, indices, channel * pixels, column_major);
                    }
                    Pooling::Average { include_pad } => plane.average(data, results, include_pad),
                    Pooling::Norm { p } => plane.norm(data, results, p.into()),
                }
            }
        });
        Ok(())
    }
}

impl Plane<'_> {
    /// Computes each result from the place of its window.
    fn each<T>(&self, results: &mut [T], mut compute: impl FnMut(&[usize]) -> T) {
        let mut results = results.iter_mut();
        each_index(&below(self.counts)[..self.counts.len()], |places| {
            if let Some(result) = results.next() {
                *result = compute(places);
            }
        });
    }

    fn maximum<T: Native>(
        &self,
        data: &[T],
        results: &mut [T],
        indices: Option<&mut [i64]>,
        start: usize,
        column_major: bool,
    ) {
        let mut indices = indices.map(|indices| indices.iter_mut());
        self.each(results, |places| {
            let (mut largest, mut index) = (T::LOWEST, start);
            let mut first = true;
            each_pixel(self.axes, self.sizes, places, |at, pixel| {
                let value = data[pixel];
                // NaN is the largest.
                let replaces = value > largest || (is_nan(value) && !is_nan(largest));
                if first || replaces {
                    (largest, first) = (value, false);
                    index = start + if column_major { self.column_major(at) } else { pixel };
                }
            });
            if let Some(place) = indices.as_mut().and_then(Iterator::next) {
                *place = index as i64;
            }
            largest
        });
    }

    fn column_major(&self, at: &[usize]) -> usize {
        at.iter().zip(self.sizes).rev().fold(0, |index, (&at, &size)| index * size + at)
    }

    fn average<T: Native>(&self, data: &[T], results: &mut [T], include_pad: bool) {
        self.each(results, |places| {
            let (mut sum, mut count) = (0.0, 0usize);
            each_pixel(self.axes, self.sizes, places, |_, pixel| {
                sum += data[pixel].to_f64();
                count += 1;
            });
            if include_pad {
                let axes = self.axes.iter().zip(self.sizes).zip(places);
                count = axes.fold(1, |count, ((axis, &size), &place)| {
                    let end = size.saturating_add(axis.pad).saturating_add(axis.pad_end);
                    count.saturating_mul(axis.taps_until(place, end))
                });
            }
            T::from_f64(sum / count as f64)
        });
    }

    fn norm<T: Native>(&self, data: &[T], results: &mut [T], p: f64) {
        self.each(results, |places| {
            let mut sum = 0.0;
            each_pixel(self.axes, self.sizes, places, |_, pixel| sum += power(data[pixel], p));
            T::from_f64(root(sum, p))
        });
    }
}

fn power<T: Native>(value: T, p: f64) -> f64 {
    let value = value.to_f64();
    if p == 1.0 {
        value.abs()
    } else if p == 2.0 {
        value * value
    } else {
        pow(value.abs(), p)
    }
}

fn root(sum: f64, p: f64) -> f64 {
    if p == 1.0 {
        sum
    } else if p == 2.0 {
        sqrt(sum)
    } else {
        pow(sum, 1.0 / p)
    }
}

description! {
    /// `GlobalMaxPool`, `GlobalAveragePool`, `GlobalLpPool`. Operand:
    /// `[batch, channels, ..sizes]`.
    pub struct GeneralGlobalPool {
        /// What is taken of a plane.
        pub kind: Pooling,
    }
}

impl Operation for GeneralGlobalPool {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data)] = inputs else { return Err(Failure("expected one operand")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let [batch, channels, sizes @ ..] = data.sizes() else {
            return Err(Failure("expected pictures to pool"));
        };
        let mut shape = [1; RANK];
        (shape[0], shape[1]) = (*batch, *channels);
        let pixels = volume(sizes);
        with_type!(data.element(), T: floats => {
            let planes = data.values::<T>()?;
            let results = output.resize::<T>(&shape[..data.sizes().len()])?;
            for (plane, result) in results.iter_mut().enumerate() {
                let plane = planes[plane * pixels..][..pixels].iter().map(|value| value.to_f64());
                *result = T::from_f64(match self.kind {
                    Pooling::Max { .. } => plane.fold(f64::NEG_INFINITY, larger),
                    Pooling::Average { .. } => plane.sum::<f64>() / pixels as f64,
                    Pooling::Norm { p } => {
                        let p = p.into();
                        root(plane.map(|value| power(value, p)).sum(), p)
                    }
                });
            }
        });
        Ok(())
    }
}

/// Whether a value is no number.
fn is_nan<T: Native>(value: T) -> bool {
    value.partial_cmp(&value).is_none()
}

/// The larger of two values; NaN wins.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}
