//! Normalisation over dimensions of choice, without parameters.

use super::moments::moments;
use super::operands::{only, required};
use super::walk::{Walk, strides};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real;
use crate::step::RANK;

description! {
    /// What values are divided by.
    pub enum Norm {
        /// The sum of absolute values: `LpNormalization` with p = 1.
        Absolute,
        /// The root of the sum of squares: `LpNormalization` with p = 2.
        Euclidean,
        /// The deviation from the mean, which is taken off first:
        /// `MeanVarianceNormalization`.
        Deviation,
    }
}

description! {
    /// Runs of values are divided by their norm; where that is 0, so are the
    /// results.
    pub struct AxesNormalization {
        /// Dimensions that a run extends over.
        pub axes: [bool; RANK],
        /// What it is divided by.
        pub norm: Norm,
    }
}

/// What ONNX adds to the deviation in `MeanVarianceNormalization`.
const MEAN_VARIANCE_EPSILON: f64 = 1e-9;

impl Operation for AxesNormalization {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let input = required(inputs, 0)?;
        let (mut starts, mut runs) = (Walk::at([0]), Walk::at([0]));
        let steps = strides(input.sizes());
        for ((&size, step), &within) in input.sizes().iter().zip(steps).zip(&self.axes) {
            let walk = if within { &mut runs } else { &mut starts };
            *walk = walk.through(size, [step])?;
        }
        with_type!(input.element(), T: floats => {
            let values = input.values::<T>()?;
            let results = only(outputs)?.resize::<T>(input.sizes())?;
            for start in starts {
                let run = runs.from(start);
                let (mean, divisor) = self.norm.of(run.map(|[place]| values[place].to_f64()));
                for [place] in run {
                    let value = (values[place].to_f64() - mean) / divisor;
                    results[place] = T::from_f64(if divisor == 0.0 { 0.0 } else { value });
                }
            }
        });
        Ok(())
    }
}

impl Norm {
    /// What is taken off values, and what they are divided by then.
    fn of(self, values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
        match self {
            Self::Absolute => (0.0, values.fold(0.0, |sum, value| sum + value.abs())),
            Self::Euclidean => (0.0, real::sqrt(values.fold(0.0, |sum, value| sum + value * value))),
            Self::Deviation => {
                let (mean, variance) = moments(values);
                (mean, real::sqrt(variance) + MEAN_VARIANCE_EPSILON)
            }
        }
    }
}
