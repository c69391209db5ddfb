//! Mean and variance.

use crate::real;

/// Mean of values, and mean of their squared distances from it.
pub(super) fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let mean = mean(values.clone());
    (mean, self::mean(values.map(|value| (value - mean) * (value - mean))))
}

/// Mean of values.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// What values are divided by for a variance of 1.
pub(super) fn deviation(variance: f64, epsilon: f32) -> f64 {
    real::sqrt(variance + f64::from(epsilon))
}
