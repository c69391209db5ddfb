//! Reductions over dimensions.

use super::walk::{Walk, strides};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real;
use crate::step::RANK;
use core::cmp::Ordering;

description! {
    /// What values are reduced to.
    #[derive(Eq)]
    pub enum Reduction {
        /// Sum over count.
        Mean,
        /// Sum; 0 of nothing.
        Sum,
        /// The largest; the lowest value of the type of nothing.
        Max,
        /// The smallest; the highest value of the type of nothing.
        Min,
        /// Product; 1 of nothing.
        Prod,
        /// Sum of absolute values.
        L1,
        /// Root of the sum of squares.
        L2,
        /// Sum of squares.
        SumSquare,
        /// Logarithm of the sum.
        LogSum,
        /// Logarithm of the sum of exponentials.
        LogSumExp,
    }
}

description! {
    /// `ReduceMean` and others, of one operand.
    ///
    /// Sums of floating-point numbers are computed in f64. Sums and products of
    /// integers wrap, a mean, root or logarithm of them loses its fraction.
    pub struct GeneralReduce {
        /// What is computed.
        pub kind: Reduction,
        /// Which dimensions vanish.
        pub axes: [bool; RANK],
        /// Whether they stay with size 1.
        pub keep: bool,
    }
}

impl Operation for GeneralReduce {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(input)] = inputs else { return Err(Failure("expected one operand")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let steps = strides(input.sizes());
        let (mut sizes, mut rank) = ([1; RANK], 0);
        let (mut kept, mut reduced) = (Walk::at([0]), Walk::at([0]));
        for (axis, (&size, step)) in input.sizes().iter().zip(steps).enumerate() {
            if self.axes[axis] {
                reduced = reduced.through(size, [step])?;
                rank += usize::from(self.keep);
            } else {
                kept = kept.through(size, [step])?;
                sizes[rank] = size;
                rank += 1;
            }
        }
        with_type!(input.element(), T => {
            let values = input.values::<T>()?;
            let results = output.resize::<T>(&sizes[..rank])?;
            for (result, start) in results.iter_mut().zip(kept) {
                *result = self.kind.of(reduced.from(start).map(|[position]| values[position]))?;
            }
        });
        Ok(())
    }
}

impl Reduction {
    fn of<T: Native>(self, values: impl Iterator<Item = T> + Clone) -> Result<T, Failure> {
        match self {
            Self::Max => Ok(values.fold(T::LOWEST, |best, x| chosen(best, x, Ordering::Greater))),
            Self::Min => Ok(values.fold(T::HIGHEST, |best, x| chosen(best, x, Ordering::Less))),
            _ if T::ELEMENT.is_float() => Ok(T::from_f64(self.of_floats(values.map(T::to_f64)))),
            _ => self.of_integers(values),
        }
    }

    fn of_floats(self, values: impl Iterator<Item = f64> + Clone) -> f64 {
        match self {
            Self::Mean => {
                let (mut sum, mut count) = (0.0, 0.0);
                values.for_each(|x| (sum, count) = (sum + x, count + 1.0));
                sum / count
            }
            Self::Sum => values.fold(0.0, |sum, x| sum + x),
            Self::Max | Self::Min => f64::NAN,
            Self::Prod => values.product(),
            Self::L1 => values.fold(0.0, |sum, x| sum + x.abs()),
            Self::L2 => real::sqrt(values.fold(0.0, |sum, x| sum + x * x)),
            Self::SumSquare => values.fold(0.0, |sum, x| sum + x * x),
            Self::LogSum => real::ln(values.fold(0.0, |sum, x| sum + x)),
            Self::LogSumExp => log_sum_exp(values),
        }
    }

    fn of_integers<T: Native>(self, values: impl Iterator<Item = T> + Clone) -> Result<T, Failure> {
        let integers = values.clone().map(|x| x.to_i128() as i64);
        let floats = || values.clone().map(T::to_f64);
        let wrapped = |value: i64| Ok(T::from_i128(value.into()));
        match self {
            Self::Mean => {
                let (sum, count) = values.clone().fold((0, 0), |(sum, count), x| {
                    (sum + x.to_i128(), count + 1)
                });
                let mean = i128::checked_div(sum, count);
                mean.map(T::from_i128).ok_or(Failure("the mean of no integers is not defined"))
            }
            Self::Sum => wrapped(integers.fold(0, i64::wrapping_add)),
            Self::Max | Self::Min => Err(Failure("comparisons are not sums")),
            Self::Prod => wrapped(integers.fold(1, i64::wrapping_mul)),
            Self::L1 if T::LOWEST.to_i128() == 0 => wrapped(integers.fold(0, i64::wrapping_add)),
            Self::L1 => wrapped(integers.fold(0, |sum, x| sum.wrapping_add(x.wrapping_abs()))),
            Self::SumSquare => {
                wrapped(integers.fold(0, |sum, x| sum.wrapping_add(x.wrapping_mul(x))))
            }
            Self::L2 | Self::LogSum | Self::LogSumExp => Ok(T::from_f64(self.of_floats(floats()))),
        }
    }
}

/// The other value where it compares like this with the best so far; NaN where
/// either is.
fn chosen<T: PartialOrd>(best: T, other: T, wanted: Ordering) -> T {
    let replaces = match other.partial_cmp(&best) {
        Some(ordering) => ordering == wanted,
        None => other.partial_cmp(&other).is_none(),
    };
    if replaces { other } else { best }
}

fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values
        .clone()
        .fold(f64::NEG_INFINITY, |best, x| chosen(best, x, Ordering::Greater));
    if !largest.is_finite() {
        return largest;
    }
    largest + real::ln(values.fold(0.0, |sum, x| sum + real::exp(x - largest)))
}
