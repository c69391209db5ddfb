//! Weights of signals and spectra that follow from a few numbers.

use super::operands::{only, required};
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real;
use core::f64::consts::PI;

description! {
    /// Weights of the places of a signal. The operand is the number of places;
    /// a periodic window is one place shorter than one that ends as it begins.
    pub enum WindowFunction {
        /// `HannWindow`.
        Hann {
            /// Whether it is periodic.
            periodic: bool,
        },
        /// `HammingWindow`.
        Hamming {
            /// Whether it is periodic.
            periodic: bool,
        },
        /// `BlackmanWindow`.
        Blackman {
            /// Whether it is periodic.
            periodic: bool,
        },
    }
}

description! {
    /// `MelWeightMatrix`: by how much frequencies of a spectrum belong to bands
    /// that are of equal width to the ear. Operands: number of bands, length of
    /// the transform, samples a second, lowest and highest frequency in hertz.
    pub enum MelWeights {
        /// Each band is a triangle.
        Triangles,
    }
}

impl Operation for WindowFunction {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let size = size(required(inputs, 0)?)?;
        let (Self::Hann { periodic } | Self::Hamming { periodic } | Self::Blackman { periodic }) =
            *self;
        let period = if periodic { size as f64 } else { size as f64 - 1.0 };
        let output = only(outputs)?;
        with_type!(output.element(), T: numbers => {
            for (i, weight) in output.resize::<T>(&[size])?.iter_mut().enumerate() {
                let angle = 2.0 * PI * i as f64 / period;
                *weight = T::from_f64(match self {
                    Self::Hann { .. } => 0.5 - 0.5 * real::cos(angle),
                    // The fraction that cancels the first side lobe.
                    Self::Hamming { .. } => 25.0 / 46.0 - 21.0 / 46.0 * real::cos(angle),
                    Self::Blackman { .. } => {
                        0.42 - 0.5 * real::cos(angle) + 0.08 * real::cos(2.0 * angle)
                    }
                });
            }
        });
        Ok(())
    }
}

fn size(input: Input<'_>) -> Result<usize, Failure> {
    usize::try_from(input.integer(0)?).map_err(|_| Failure("a size is negative"))
}

impl Operation for MelWeights {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let (bands, length) = (size(required(inputs, 0)?)?, size(required(inputs, 1)?)?);
        let number = |slot| required(inputs, slot)?.number(0);
        let rate = number(2)?;
        // 2595 log10(1 + f / 700), but for a factor.
        let mel = |hertz: f64| real::ln_1p(hertz / 700.0);
        let (low, high) = (mel(number(3)?), mel(number(4)?));
        let width = (high - low) / (bands as f64 + 2.0);
        let bin = |edge: usize| {
            let hertz = 700.0 * real::exp_m1(low + edge as f64 * width);
            real::floor((length as f64 + 1.0) * hertz / rate) as usize
        };
        let output = only(outputs)?;
        with_type!(output.element(), T: numbers => {
            let bins = length / 2 + 1;
            let weights = output.resize::<T>(&[bins, bands])?;
            weights.fill(T::default());
            for band in 0..bands {
                let [left, center, right] = [bin(band), bin(band + 1), bin(band + 2)];
                for (row, weights) in weights.chunks_exact_mut(bands).enumerate() {
                    let slope = |from: usize, to: usize| row.abs_diff(from) as f64 / to.abs_diff(from) as f64;
                    let weight = if row == center {
                        1.0
                    } else if (left..center).contains(&row) {
                        slope(left, center)
                    } else if (center..right).contains(&row) {
                        slope(right, center)
                    } else {
                        0.0
                    };
                    weights[band] = T::from_f64(weight);
                }
            }
        });
        Ok(())
    }
}
