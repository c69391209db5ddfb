//! How unlikely the right classes are.

use super::operands::{optional, required};
use super::walk::count;
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real;

description! {
    /// `NegativeLogLikelihoodLoss` and `SoftmaxCrossEntropyLoss`. Operands:
    /// logarithms of probabilities, or scores, `[batch, classes, ..]`; the right
    /// classes `[batch, ..]`; weights of classes (may be missing).
    pub struct ClassLoss {
        /// Whether scores are given; then their logarithms of probabilities are
        /// the second result.
        pub softmax: bool,
        /// The class that is not counted.
        pub ignored: Option<isize>,
        /// What becomes of the losses of samples.
        pub total: Total,
    }
}

description! {
    /// One loss of those of all samples.
    pub enum Total {
        /// None: they are the result.
        Each,
        /// Their mean, weighted.
        Mean,
        /// Their sum.
        Sum,
    }
}

impl Operation for ClassLoss {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        with_type!(required(inputs, 0)?.element(), T: floats => self.losses::<T>(inputs, outputs))
    }
}

impl ClassLoss {
    fn losses<T: Native>(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
    ) -> Result<(), Failure> {
        let (scores, targets) = (required(inputs, 0)?, required(inputs, 1)?);
        let ([batches, classes, places @ ..], [others, rest @ ..]) =
            (scores.sizes(), targets.sizes())
        else {
            return Err(Failure("expected [batch, classes, ..] and [batch, ..]"));
        };
        let weights = optional(inputs, 2);
        if batches != others || places != rest || weights.is_some_and(|w| w.len() != *classes) {
            return Err(Failure("scores, classes and weights do not fit together"));
        }
        let plane = count(places);
        let values = scores.values::<T>()?;
        let (output, logarithms) = outputs.split_first_mut().ok_or(Failure("no result"))?;
        let mut logarithms = match logarithms.first_mut() {
            Some(output) => Some(output.resize::<T>(scores.sizes())?),
            None => None,
        };
        let sizes = if self.total == Total::Each { targets.sizes() } else { &[] };
        let losses = output.resize::<T>(sizes)?;
        let (mut sum, mut weight_sum) = (0.0, 0.0);
        for sample in 0..targets.len() {
            let start = sample / plane * classes * plane + sample % plane;
            let score = |class: usize| values[start + class * plane].to_f64();
            let normalizer = if self.softmax { log_sum_exp((0..*classes).map(score)) } else { 0.0 };
            if let Some(logarithms) = logarithms.as_mut() {
                for class in 0..*classes {
                    logarithms[start + class * plane] = T::from_f64(score(class) - normalizer);
                }
            }
            let target = targets.integer(sample)?;
            let loss = |class: usize| normalizer - score(class);
            let (loss, weight) = self.weighted(target, *classes, weights, loss)?;
            (sum, weight_sum) = (sum + loss, weight_sum + weight);
            if let (Total::Each, Some(place)) = (self.total, losses.get_mut(sample)) {
                *place = T::from_f64(loss);
            }
        }
        match self.total {
            Total::Each => {}
            Total::Mean => losses.fill(T::from_f64(sum / weight_sum)),
            Total::Sum => losses.fill(T::from_f64(sum)),
        }
        Ok(())
    }

    /// The loss of a sample, by what it is for a class, and its weight.
    fn weighted(
        &self,
        target: i64,
        classes: usize,
        weights: Option<Input<'_>>,
        loss: impl Fn(usize) -> f64,
    ) -> Result<(f64, f64), Failure> {
        if self.ignored.is_some_and(|ignored| ignored as i64 == target) {
            return Ok((0.0, 0.0));
        }
        let class = usize::try_from(target).ok().filter(|&class| class < classes);
        let class = class.ok_or(Failure("there is no such class"))?;
        let weight = weights.map_or(Ok(1.0), |weights| weights.number(class))?;
        Ok((weight * loss(class), weight))
    }
}

fn log_sum_exp(scores: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = scores.clone().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return largest;
    }
    largest + real::ln(scores.fold(0.0, |sum, score| sum + real::exp(score - largest)))
}
