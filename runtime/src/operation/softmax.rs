//! Softmax and its kin.

use super::broadcast::operands;
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real;

description! {
    /// What becomes of numbers that compete.
    #[derive(Eq)]
    pub enum SoftmaxFunction {
        /// Exponentials, divided by their sum.
        Softmax,
        /// The logarithm of that.
        LogSoftmax,
        /// 1 for the first of the largest, 0 for the others.
        Hardmax,
    }
}

description! {
    /// `Softmax`, `LogSoftmax`, `Hardmax`. Operand: floats.
    pub struct GeneralSoftmax {
        /// The dimension along which elements compete.
        pub axis: usize,
        /// Whether they do so along all dimensions from `axis` on.
        pub through_end: bool,
        /// What is computed.
        pub function: SoftmaxFunction,
    }
}

impl Operation for GeneralSoftmax {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [input] = operands(inputs)?;
        let [result] = outputs else { return Err(Failure("expected one result")) };
        let sizes = input.sizes();
        let from = sizes.get(self.axis..).ok_or(Failure("there is no such dimension"))?;
        let [along, inner] = match from {
            [along, after @ ..] if !self.through_end => [*along, after.iter().product()],
            from => [from.iter().product(), 1],
        };
        with_type!(input.element(), T: floats => {
            let values = input.values::<T>()?;
            let results = result.resize::<T>(sizes)?;
            let block = (along * inner).max(1);
            for (values, results) in values.chunks_exact(block).zip(results.chunks_exact_mut(block)) {
                for column in 0..inner {
                    let places = (column..block).step_by(inner);
                    self.compete(values, results, places);
                }
            }
        });
        Ok(())
    }
}

impl GeneralSoftmax {
    fn compete<T: Native>(
        &self,
        values: &[T],
        results: &mut [T],
        places: impl Iterator<Item = usize> + Clone,
    ) {
        let numbers = places.clone().map(|place| values[place].to_f64());
        let largest = numbers.clone().fold(f64::NEG_INFINITY, f64::max);
        if self.function == SoftmaxFunction::Hardmax {
            let mut found = false;
            for place in places {
                let first = !found && values[place].to_f64() == largest;
                found |= first;
                results[place] = T::from_f64(first.into());
            }
            return;
        }
        let sum: f64 = numbers.map(|number| real::exp(number - largest)).sum();
        let logarithm = real::ln(sum);
        for place in places {
            let shifted = values[place].to_f64() - largest;
            results[place] = T::from_f64(match self.function {
                SoftmaxFunction::LogSoftmax => shifted - logarithm,
                _ => real::exp(shifted) / sum,
            });
        }
    }
}
