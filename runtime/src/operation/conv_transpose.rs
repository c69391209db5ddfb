//! Transposed convolution over any number of dimensions.

use super::conv::with_kernel;
use super::sliding::{SlidingAxis, below, each_index, each_run, volume};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `ConvTranspose`. Operands: data `[batch, channels, ..sizes]`, weights
    /// `[channels, out / groups, ..kernel]`, and a bias `[out]` or none.
    pub struct GeneralConvTranspose {
        /// How the kernel, whose size is that of the weights, slides along each
        /// dimension of the result; padding is what is cut off.
        pub axes: [SlidingAxis; RANK],
        /// Pixels that are added at the end of each dimension.
        pub output_padding: [usize; RANK],
        /// Dimensions over which it slides.
        pub dimensions: usize,
        /// Independent runs of channels.
        pub groups: usize,
    }
}

impl GeneralConvTranspose {
    /// Pixels of the result along a dimension; `None` where none are left.
    #[must_use]
    pub fn size(axis: &SlidingAxis, output_padding: usize, size: usize) -> Option<usize> {
        let last = size.checked_sub(1)?.checked_mul(axis.stride)?;
        let reached = last.checked_add(axis.extent())?.checked_add(output_padding)?;
        reached.checked_sub(axis.pad.checked_add(axis.pad_end)?).filter(|&size| size > 0)
    }

    fn sizes(&self, axes: &[SlidingAxis], pictures: &[usize]) -> Option<[usize; RANK]> {
        let mut sizes = [0; RANK];
        for (axis, &size) in pictures.iter().enumerate().take(self.dimensions) {
            sizes[axis] = Self::size(axes.get(axis)?, *self.output_padding.get(axis)?, size)?;
        }
        Some(sizes)
    }
}

impl Operation for GeneralConvTranspose {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        let pictures = inputs.first().and_then(|sizes| sizes.get(2..)).unwrap_or_default();
        let kernel = inputs.get(1).and_then(|sizes| sizes.get(2..)).unwrap_or_default();
        let sizes = self.sizes(&with_kernel(&self.axes, kernel), pictures).unwrap_or_default();
        volume(sizes.get(..self.dimensions).unwrap_or_default())
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
        let dimensions = self.dimensions;
        let (&[batch, channels, ref pictures @ ..], &[depth, group_out, ref kernel @ ..]) =
            (data.sizes(), weights.sizes())
        else {
            return Err(Failure("expected pictures and weights"));
        };
        let axes = with_kernel(&self.axes, kernel);
        let axes = axes.get(..dimensions).unwrap_or_default();
        let fits = pictures.len() == axes.len()
            && kernel.len() == axes.len()
            && depth == channels
            && self.groups > 0
            && channels.is_multiple_of(self.groups);
        if !fits {
            return Err(Failure("the weights of a convolution do not fit its pictures"));
        }
        let sizes = self.sizes(axes, pictures).ok_or(Failure("the padding leaves no pixels"))?;
        let sizes = &sizes[..axes.len()];
        let out = group_out * self.groups;
        let bias = rest.first().copied().flatten();
        if bias.is_some_and(|bias| bias.sizes() != [out]) {
            return Err(Failure("expected one bias for each channel"));
        }
        let mut shape = [0; RANK];
        (shape[0], shape[1]) = (batch, out);
        let rank = (2 + axes.len()).min(RANK);
        shape[2..rank].copy_from_slice(&sizes[..rank - 2]);
        let plane = volume(sizes);
        let sums = scratch.get_mut(..plane).ok_or(Failure("there is too little scratch memory"))?;
        let (source, taps, depth) = (volume(pictures), volume(kernel), channels / self.groups);
        with_type!(data.element(), T: floats => {
            let (data, weights) = (data.values::<T>()?, weights.values::<T>()?);
            let bias = bias.map(|bias| bias.values::<T>()).transpose()?;
            let results = output.resize::<T>(&shape[..rank])?;
            for (index, results) in results.chunks_exact_mut(plane.max(1)).enumerate() {
                let (picture, out) = (index / out, index % out);
                let (group, out_of_group) = (out / group_out, out % group_out);
                sums.fill(0);
                for channel in group * depth..(group + 1) * depth {
                    let pixels = &data[(picture * channels + channel) * source..][..source];
                    let kernels = &weights[(channel * group_out + out_of_group) * taps..][..taps];
                    let mut kernels = kernels.iter();
                    each_index(&below(kernel)[..axes.len()], |tap| {
                        let weight = kernels.next().map_or(0.0, |weight| weight.to_f64());
                        each_run(axes, sizes, pictures, tap, |run| {
                            let sums = sums[run.pixel..].iter_mut().step_by(run.stride);
                            for (sum, pixel) in sums.zip(&pixels[run.window..][..run.count]) {
                                let value = f64::from_bits(*sum) + weight * pixel.to_f64();
                                *sum = value.to_bits();
                            }
                        });
                    });
                }
                let bias = bias.map_or(0.0, |bias| bias[out].to_f64());
                for (result, sum) in results.iter_mut().zip(&*sums) {
                    *result = T::from_f64(f64::from_bits(*sum) + bias);
                }
            }
        });
        Ok(())
    }
}
