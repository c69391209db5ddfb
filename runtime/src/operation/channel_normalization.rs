//! Normalisation over the pictures of a channel or a group of them, and by
//! given statistics.

use super::moments::{deviation, moments};
use super::operands::{elements, only, required};
use super::{Failure, Input, Native, Operation, Output, with_type};
use super::walk::count;
use crate::real;

description! {
    /// `InstanceNormalization` (Ulyanov et al. 2016) and `GroupNormalization`
    /// (Wu and He 2018): groups of channels of x `[batch, channels, ..]` are
    /// brought to mean 0 and variance 1. Operands: x, scale, bias, one value a
    /// channel, or one a group.
    pub struct GroupNormalization {
        /// Number of groups; 0 for each channel by itself.
        pub groups: usize,
        /// Added to the variance.
        pub epsilon: f32,
    }
}

description! {
    /// `BatchNormalization` in inference: `scale * (x - mean) / sqrt(variance +
    /// epsilon) + bias` a channel of x `[batch, channels, ..]`. Operands: x,
    /// scale, bias, mean, variance.
    pub struct GeneralBatchNormalization {
        /// Added to the variance.
        pub epsilon: f32,
    }
}

description! {
    /// `LRN` of `[batch, channels, ..]`: `x / (bias + alpha / size * sum of
    /// squares of neighbours)^beta`.
    pub struct GeneralLocalResponse {
        /// Channels in a window.
        pub size: usize,
        /// Weight of the mean of squares.
        pub alpha: f32,
        /// Exponent.
        pub beta: f32,
        /// Offset.
        pub bias: f32,
    }
}

/// Channels, and values in each of them.
fn channels(input: &Input<'_>) -> Result<(usize, usize), Failure> {
    match input.sizes() {
        // A vector is a batch of single channels.
        [_] => Ok((1, 1)),
        [_, channels, plane @ ..] => Ok((*channels, count(plane))),
        [] => Err(Failure("expected [batch, channels, ..]")),
    }
}

impl Operation for GroupNormalization {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let input = required(inputs, 0)?;
        let (channels, plane) = channels(&input)?;
        let groups = if self.groups == 0 { channels } else { self.groups };
        if channels.checked_rem(groups).unwrap_or(0) != 0 {
            return Err(Failure("the channels do not fall into so many groups"));
        }
        let members = channels.checked_div(groups).unwrap_or(1).max(1);
        with_type!(input.element(), T: floats => {
            let values = input.values::<T>()?;
            let (scale, bias) = (elements::<T>(inputs, 1)?, elements::<T>(inputs, 2)?);
            let shared = scale.len() == groups && bias.len() == groups;
            if !shared && (scale.len() != channels || bias.len() != channels) {
                return Err(Failure("expected a scale and a bias for each channel"));
            }
            let results = only(outputs)?.resize::<T>(input.sizes())?;
            let len = members.wrapping_mul(plane).max(1);
            let runs = values.chunks_exact(len).zip(results.chunks_exact_mut(len));
            for (run, (values, results)) in runs.enumerate() {
                let (mean, variance) = moments(values.iter().map(|value| value.to_f64()));
                let divisor = deviation(variance, self.epsilon);
                let group = run % groups;
                let planes = values.chunks_exact(plane).zip(results.chunks_exact_mut(plane));
                for (member, (values, results)) in planes.enumerate() {
                    let channel = if shared { group } else { group * members + member };
                    let (scale, bias) = (scale[channel].to_f64(), bias[channel].to_f64());
                    for (result, value) in results.iter_mut().zip(values) {
                        *result = T::from_f64((value.to_f64() - mean) / divisor * scale + bias);
                    }
                }
            }
        });
        Ok(())
    }
}

impl Operation for GeneralBatchNormalization {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let input = required(inputs, 0)?;
        let (channels, plane) = channels(&input)?;
        if (1..5).any(|slot| required(inputs, slot).map_or(0, |input| input.len()) != channels) {
            return Err(Failure("expected four values for each channel"));
        }
        let parameter = |slot, channel| required(inputs, slot)?.number(channel);
        with_type!(input.element(), T: floats => {
            let values = input.values::<T>()?;
            let results = only(outputs)?.resize::<T>(input.sizes())?;
            let plane = plane.max(1);
            let planes = values.chunks_exact(plane).zip(results.chunks_exact_mut(plane));
            for (i, (values, results)) in planes.enumerate() {
                let channel = i % channels;
                let factor = parameter(1, channel)? / deviation(parameter(4, channel)?, self.epsilon);
                let (bias, mean) = (parameter(2, channel)?, parameter(3, channel)?);
                for (result, value) in results.iter_mut().zip(values) {
                    *result = T::from_f64((value.to_f64() - mean) * factor + bias);
                }
            }
        });
        Ok(())
    }
}

impl Operation for GeneralLocalResponse {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let input = required(inputs, 0)?;
        let (channels, plane) = channels(&input)?;
        with_type!(input.element(), T: floats => {
            let results = only(outputs)?.resize::<T>(input.sizes())?;
            let picture = channels.wrapping_mul(plane).max(1);
            let pictures = input.values::<T>()?.chunks_exact(picture);
            for (values, results) in pictures.zip(results.chunks_exact_mut(picture)) {
                self.normalize(values, results, channels, plane);
            }
        });
        Ok(())
    }
}

impl GeneralLocalResponse {
    fn normalize<T: Native>(&self, values: &[T], results: &mut [T], channels: usize, plane: usize) {
        for channel in 0..channels {
            let first = channel.saturating_sub(self.size.saturating_sub(1) / 2);
            let last = (channel + self.size / 2).min(channels - 1);
            for place in 0..plane {
                let neighbours = (first..=last).map(|other| values[other * plane + place].to_f64());
                let squares = neighbours.fold(0.0, |sum, value| sum + value * value);
                let mean = squares / self.size as f64;
                let divisor = f64::from(self.bias) + f64::from(self.alpha) * mean;
                let place = channel * plane + place;
                let value = values[place].to_f64() / real::pow(divisor, self.beta.into());
                results[place] = T::from_f64(value);
            }
        }
    }
}
