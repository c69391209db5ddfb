//! Normalisation over the last dimensions.

use super::moments::{deviation, mean, moments};
use super::operands::{elements, optional, required};
use super::walk::{Walk, broadcast, count};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `LayerNormalization` (Ba et al. 2016) and `RMSNormalization` (Zhang and
    /// Sennrich 2019): runs of all values of the dimensions from `axis` on are
    /// brought to a mean square of 1. Operands: x, scale, bias (may be
    /// missing), both of which are broadcast to x.
    pub struct LayerNormalization {
        /// The first dimension of a run.
        pub axis: usize,
        /// Added to the variance.
        pub epsilon: f32,
        /// Whether the mean becomes 0 first; then there are two more results,
        /// mean and reciprocal deviation of each run in f32.
        pub centred: bool,
    }
}

impl Operation for LayerNormalization {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let input = required(inputs, 0)?;
        let sizes = input.sizes();
        let len = count(sizes.get(self.axis..).unwrap_or_default());
        let rank = sizes.len();
        let steps = |slot| {
            let parameter = optional(inputs, slot);
            broadcast(parameter.as_ref().map_or(&[], Input::sizes), rank)
        };
        let mut places = Walk::at([0, 0]);
        for ((&size, scale), bias) in sizes.iter().zip(steps(1)?).zip(steps(2)?) {
            places = places.through(size, [scale, bias])?;
        }
        with_type!(input.element(), T: floats => {
            self.normalize::<T>(inputs, outputs, len, places)
        })
    }
}

impl LayerNormalization {
    fn normalize<T: Native>(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        len: usize,
        mut places: Walk<2>,
    ) -> Result<(), Failure> {
        let input = required(inputs, 0)?;
        let values = input.values::<T>()?;
        let (scale, bias) = (elements::<T>(inputs, 1)?, elements::<T>(inputs, 2)?);
        let ([output, statistics @ ..], true) = (outputs, len > 0 || values.is_empty()) else {
            return Err(Failure("expected a result"));
        };
        let results = output.resize::<T>(input.sizes())?;
        let [means, deviations] = self.statistics(input.sizes(), statistics)?;
        let runs = values.chunks_exact(len.max(1)).zip(results.chunks_exact_mut(len.max(1)));
        for (run, (values, results)) in runs.enumerate() {
            let numbers = values.iter().map(|value| value.to_f64());
            let (shift, square) = if self.centred {
                moments(numbers)
            } else {
                (0.0, mean(numbers.map(|value| value * value)))
            };
            let divisor = deviation(square, self.epsilon);
            for ((result, value), [s, b]) in results.iter_mut().zip(values).zip(&mut places) {
                let scale = scale.get(s).map_or(1.0, |scale| scale.to_f64());
                let bias = bias.get(b).map_or(0.0, |bias| bias.to_f64());
                *result = T::from_f64((value.to_f64() - shift) / divisor * scale + bias);
            }
            if let (Some(mean), Some(inverse)) = (means.get_mut(run), deviations.get_mut(run)) {
                (*mean, *inverse) = (shift as f32, (1.0 / divisor) as f32);
            }
        }
        Ok(())
    }

    /// Room for mean and reciprocal deviation of each run, where they are
    /// results.
    #[inline]
    fn statistics<'a>(
        &self,
        sizes: &[usize],
        outputs: &'a mut [Output<'_>],
    ) -> Result<[&'a mut [f32]; 2], Failure> {
        let mut runs = [1; RANK];
        for (place, &size) in runs.iter_mut().zip(sizes).take(self.axis) {
            *place = size;
        }
        let sizes = runs.get(..sizes.len()).ok_or(Failure("too many dimensions"))?;
        match outputs {
            [means, deviations] => {
                let [means, deviations] = [means.resize::<f32>(sizes)?, deviations.resize(sizes)?];
                // Of no values, where there are runs but nothing in them.
                means.fill(f32::NAN);
                deviations.fill(f32::NAN);
                Ok([means, deviations])
            }
            [] => Ok([&mut [], &mut []]),
            _ => Err(Failure("expected one result or three")),
        }
    }
}
