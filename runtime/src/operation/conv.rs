//! Convolution over any number of dimensions.

use super::sliding::{Run, SlidingAxis, below, counts, each_index, each_run, volume};
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

    /// Sums the planes of the result: `add` adds the pixels of a run times a
    /// weight, which it gets as indices, `finish` gets the index of a plane and
    /// its sums. A sum is a word that is zero at first.
    pub(super) fn sum(
        &self,
        scratch: &mut [u64],
        add: impl Fn(&mut [u64], Run, [usize; 2]),
        mut finish: impl FnMut(usize, &[u64]),
    ) -> Result<(), Failure> {
        let dimensions = self.dimensions;
        let (sizes, counts) = (&self.sizes[..dimensions], &self.counts[..dimensions]);
        let axes = &self.axes[..dimensions];
        let kernel = self.axes.map(|axis| axis.kernel);
        let (plane, taps, results) = (volume(sizes), volume(&kernel[..dimensions]), volume(counts));
        let of_group = self.out / self.groups;
        // No tap reaches anything where there are no results.
        let blocks = if results == 0 { 0 } else { of_group.div_ceil(TOGETHER) };
        for block in 0..self.batch * self.groups * blocks {
            let (run_of_channels, block) = (block / blocks, block % blocks);
            let (picture, group) = (run_of_channels / self.groups, run_of_channels % self.groups);
            let first = group * of_group + block * TOGETHER;
            let outs = TOGETHER.min(of_group - block * TOGETHER);
            let sums = scratch.get_mut(..outs * results);
            let sums = sums.ok_or(Failure("there is too little scratch memory"))?;
            sums.fill(0);
            for channel in 0..self.depth {
                let start = (picture * self.channels + group * self.depth + channel) * plane;
                let mut weight = (first * self.depth + channel) * taps;
                each_index(&below(&kernel)[..dimensions], |tap| {
                    each_run(axes, sizes, counts, tap, |run| {
                        for (i, sums) in sums.chunks_exact_mut(results).enumerate() {
                            let weight = weight + i * self.depth * taps;
                            add(sums, run, [start + run.pixel, weight]);
                        }
                    });
                    weight += 1;
                });
            }
            for (out, sums) in (first..).zip(sums.chunks_exact(results)) {
                finish(picture * self.out + out, sums);
            }
        }
        Ok(())
    }
}

/// Channels of the result that are summed at the same time: they meet the same
/// pixels.
const TOGETHER: usize = 8;

/// Axes with the kernel of the weights.
pub(super) fn with_kernel(axes: &[SlidingAxis; RANK], kernel: &[usize]) -> [SlidingAxis; RANK] {
    let mut axes = *axes;
    for (axis, &kernel) in axes.iter_mut().zip(kernel) {
        axis.kernel = kernel;
    }
    axes
}

/// Scratch memory of a convolution, for pictures of at most these sizes.
pub(super) fn scratch(axes: &[SlidingAxis; RANK], dimensions: usize, inputs: &[&[usize]]) -> usize {
    let sizes = inputs.first().and_then(|sizes| sizes.get(2..)).unwrap_or_default();
    let kernel = inputs.get(1).and_then(|sizes| sizes.get(2..)).unwrap_or_default();
    let axes = with_kernel(axes, kernel);
    let counts = axes.iter().zip(sizes).map(|(axis, &size)| axis.count(size, false).unwrap_or(0));
    counts.take(dimensions).fold(TOGETHER, usize::saturating_mul)
}

/// Adds pixels times a weight to sums, which are f64.
fn add_products<'a, T: Native>(sums: &mut [u64], pixels: impl Iterator<Item = &'a T>, weight: f64) {
    for (sum, pixel) in sums.iter_mut().zip(pixels) {
        *sum = (f64::from_bits(*sum) + weight * pixel.to_f64()).to_bits();
    }
}

impl Operation for GeneralConv {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        scratch(&self.axes, self.dimensions, inputs)
    }

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
            convolution.sum(
                scratch,
                |sums, run, [pixel, weight]| {
                    let weight = weights[weight].to_f64();
                    let (sums, pixels) = (&mut sums[run.window..][..run.count], &data[pixel..]);
                    // Adjoining pixels are added several at a time.
                    if run.stride == 1 {
                        add_products(sums, pixels.iter(), weight);
                    } else {
                        add_products(sums, pixels.iter().step_by(run.stride), weight);
                    }
                },
                |plane, sums| {
                    let bias = bias.map_or(0.0, |bias| bias[plane % convolution.out].to_f64());
                    let results = &mut results[plane * sums.len()..][..sums.len()];
                    for (result, sum) in results.iter_mut().zip(sums) {
                        *result = T::from_f64(f64::from_bits(*sum) + bias);
                    }
                },
            )?;
        });
        Ok(())
    }
}
