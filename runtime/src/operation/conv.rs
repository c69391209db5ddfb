//! Convolution over any number of dimensions.

use super::sliding::{SlidingAxis, below, counts, each_index, volume};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `Conv` of floats. Operands: data `[batch, channels, ..sizes]`, weights
    /// `[out, channels / groups, ..kernel]`, and a bias `[out]` or none.
    pub struct GeneralConv {
        /// How the kernel slides along each dimension; its size is that of the
        /// weights.
        pub axes: [SlidingAxis; RANK],
        /// Dimensions over which it slides.
        pub dimensions: usize,
        /// Independent runs of channels.
        pub groups: usize,
    }
}

/// The sizes of a convolution that was found to be possible.
pub(super) struct Convolution {
    axes: [SlidingAxis; RANK],
    dimensions: usize,
    pub(super) sizes: [usize; RANK],
    batch: usize,
    channels: usize,
    pub(super) out: usize,
    depth: usize,
    groups: usize,
    counts: [usize; RANK],
}

impl Convolution {
    pub(super) fn new(
        axes: &[SlidingAxis; RANK],
        dimensions: usize,
        groups: usize,
        data: &[usize],
        weights: &[usize],
    ) -> Result<Self, Failure> {
        let ([batch, channels, pictures @ ..], [out, depth, kernel @ ..]) = (data, weights) else {
            return Err(Failure("expected pictures and weights"));
        };
        let fits = pictures.len() == dimensions
            && kernel.len() == dimensions
            && groups > 0
            && Some(*channels) == depth.checked_mul(groups)
            && out.is_multiple_of(groups);
        if !fits {
            return Err(Failure("the weights of a convolution do not fit its pictures"));
        }
        let mut sizes = [0; RANK];
        sizes[..dimensions].copy_from_slice(pictures);
        let axes = with_kernel(axes, kernel);
        let counts = counts(&axes, pictures, false)?;
        let (batch, channels, out, depth) = (*batch, *channels, *out, *depth);
        Ok(Self { axes, dimensions, sizes, batch, channels, out, depth, groups, counts })
    }

    /// Sizes of the result.
    pub(super) fn shape(&self) -> ([usize; RANK], usize) {
        let mut shape = [0; RANK];
        (shape[0], shape[1]) = (self.batch, self.out);
        let end = (2 + self.dimensions).min(RANK);
        shape[2..end].copy_from_slice(&self.counts[..end - 2]);
        (shape, end)
    }

    /// Sums the products of all windows with all weights, less a zero point for
    /// each channel of the result. `finish` gets the index of a plane of the
    /// result, that of an element in it, and its sum. Sums of integers are
    /// exact, too.
    pub(super) fn sum<X: Native, W: Native>(
        &self,
        scratch: &mut [u64],
        (data, data_zero): (&[X], f64),
        (weights, zero): (&[W], impl Fn(usize) -> f64),
        mut finish: impl FnMut(usize, usize, f64),
    ) -> Result<(), Failure> {
        let of_group = self.out / self.groups;
        let depth = self.depth * volume(&self.kernel()[..self.dimensions]);
        let windows = scratch.get_mut(..depth * WINDOWS);
        let windows = windows.ok_or(Failure("there is too little scratch memory"))?;
        let count = volume(&self.counts[..self.dimensions]);
        for run_of_channels in 0..self.batch * self.groups {
            let (picture, group) = (run_of_channels / self.groups, run_of_channels % self.groups);
            let start = picture * self.channels + group * self.depth;
            for first in (0..count).step_by(WINDOWS) {
                self.gather(start, first, count, (data, data_zero), windows);
                let outs = group * of_group..(group + 1) * of_group;
                for out in outs.clone().step_by(2) {
                    // Where the number of channels is odd, the last one is
                    // computed twice.
                    let outs = [out, (out + 1).min(outs.end - 1)];
                    let filters = outs.map(|out| (&weights[out * depth..][..depth], zero(out)));
                    for half in [0, WINDOWS / 2] {
                        let sums = multiply(windows, half, filters);
                        let places = first + half..count.min(first + half + WINDOWS / 2);
                        for (out, sums) in outs.into_iter().zip(sums) {
                            for (place, sum) in places.clone().zip(sums) {
                                finish(picture * self.out + out, place, sum);
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Collects the pixels under the taps of some windows: `[depth, taps]`
    /// times [`WINDOWS`], as the bits of f64. Outside the picture they are zero.
    fn gather<X: Native>(
        &self,
        start: usize,
        first: usize,
        count: usize,
        (data, zero): (&[X], f64),
        windows: &mut [u64],
    ) {
        let dimensions = self.dimensions;
        let (sizes, axes) = (&self.sizes[..dimensions], &self.axes[..dimensions]);
        let mut places = [[0; RANK]; WINDOWS];
        for (i, places) in places.iter_mut().enumerate().take(count - first) {
            let mut rest = first + i;
            for axis in (0..dimensions).rev() {
                places[axis] = rest % self.counts[axis];
                rest /= self.counts[axis];
            }
        }
        let kernel = self.kernel();
        let (plane, taps) = (volume(sizes), volume(&kernel[..dimensions]));
        let mut tap_index = 0;
        each_index(&below(&kernel)[..dimensions], |tap| {
            let pixels = places.map(|places| {
                let along = axes.iter().zip(sizes).enumerate();
                along.into_iter().try_fold(0, |pixel, (axis, (windows, &size))| {
                    let at = places[axis] * windows.stride + tap[axis] * windows.dilation;
                    let at = at.checked_sub(windows.pad).filter(|&at| at < size)?;
                    Some(pixel * size + at)
                })
            });
            for channel in 0..self.depth {
                let data = &data[(start + channel) * plane..][..plane];
                let windows = &mut windows[(channel * taps + tap_index) * WINDOWS..][..WINDOWS];
                for (value, pixel) in windows.iter_mut().zip(pixels) {
                    let pixel = pixel.map_or(0.0, |pixel| data[pixel].to_f64() - zero);
                    *value = pixel.to_bits();
                }
            }
            tap_index += 1;
        });
    }

    fn kernel(&self) -> [usize; RANK] {
        self.axes.map(|axis| axis.kernel)
    }
}

/// Windows that are multiplied with all weights while they are in a near cache.
const WINDOWS: usize = 16;

/// Multiplies half of the windows with two filters.
fn multiply<W: Native>(
    windows: &[u64],
    half: usize,
    [(first, first_zero), (second, second_zero)]: [(&[W], f64); 2],
) -> [[f64; WINDOWS / 2]; 2] {
    let mut sums = [[0.0; WINDOWS / 2]; 2];
    let [first_sums, second_sums] = &mut sums;
    for ((windows, first), second) in windows.chunks_exact(WINDOWS).zip(first).zip(second) {
        let (first, second) = (first.to_f64() - first_zero, second.to_f64() - second_zero);
        let windows = &windows[half..half + WINDOWS / 2];
        for (i, &value) in windows.iter().enumerate() {
            let value = f64::from_bits(value);
            first_sums[i] += first * value;
            second_sums[i] += second * value;
        }
    }
    sums
}

/// Axes with the kernel of the weights.
pub(super) fn with_kernel(axes: &[SlidingAxis; RANK], kernel: &[usize]) -> [SlidingAxis; RANK] {
    let mut axes = *axes;
    for (axis, &kernel) in axes.iter_mut().zip(kernel) {
        axis.kernel = kernel;
    }
    axes
}

/// Scratch memory of a convolution with weights of these sizes.
pub(super) fn scratch(weights: Option<&&[usize]>) -> usize {
    weights.and_then(|sizes| sizes.get(1..)).map_or(0, volume).saturating_mul(WINDOWS)
}

impl Operation for GeneralConv {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        scratch(inputs.get(1))
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(weights), rest @ ..] = inputs else {
            return Err(Failure("expected pictures and weights"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let bias = rest.first().copied().flatten();
        let convolution = Convolution::new(
            &self.axes,
            self.dimensions,
            self.groups,
            data.sizes(),
            weights.sizes(),
        )?;
        if bias.is_some_and(|bias| bias.sizes() != [convolution.out]) {
            return Err(Failure("expected one bias for each channel"));
        }
        let (shape, rank) = convolution.shape();
        with_type!(data.element(), T: floats => {
            let (data, weights) = (data.values::<T>()?, weights.values::<T>()?);
            let bias = bias.map(|bias| bias.values::<T>()).transpose()?;
            let results = output.resize::<T>(&shape[..rank])?;
            let count = volume(&shape[2..rank]);
            let weights = (weights, |_| 0.0);
            convolution.sum(scratch, (data, 0.0), weights, |plane, place, sum| {
                let bias = bias.map_or(0.0, |bias| bias[plane % convolution.out].to_f64());
                results[plane * count + place] = T::from_f64(sum + bias);
            })?;
        });
        Ok(())
    }
}
