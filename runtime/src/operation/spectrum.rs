//! Discrete Fourier transforms, by their definition.

use super::operands::{elements, only, optional, required};
use super::walk::count;
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real;
use crate::step::RANK;
use core::f64::consts::PI;

description! {
    /// `DFT`. Operands: x `[.., 1]` or, complex, `[.., 2]`; the length of the
    /// transform (may be missing).
    pub struct Fourier {
        /// The dimension that is transformed.
        pub axis: usize,
        /// Whether x is a spectrum.
        pub inverse: bool,
        /// Whether of the spectrum, that of a real signal, only the first half
        /// is there.
        pub one_sided: bool,
    }
}

description! {
    /// `STFT`: spectra of frames of a signal `[batch, length, 1]` or, complex,
    /// `[batch, length, 2]`. Operands: signal, step from frame to frame, window,
    /// length of frames; the latter two may be missing.
    pub struct ShortTimeFourier {
        /// Whether only the first half of spectra is wanted.
        pub one_sided: bool,
    }
}

/// A number with a real and an imaginary part.
type Complex = [f64; 2];

/// The number of a row of numbers of so many parts.
fn complex<T: Native>(values: &[T], index: usize, parts: usize) -> Complex {
    let part = |part: usize| values.get(index * parts + part).map_or(0.0, |value| value.to_f64());
    [part(0), if parts == 2 { part(1) } else { 0.0 }]
}

/// The sum of numbers, each turned by so much more of a full turn.
fn turned(numbers: impl Iterator<Item = Complex>, turn: f64) -> Complex {
    let angle = 2.0 * PI * turn;
    let (cosine, sine) = (real::cos(angle), real::sin(angle));
    let (mut sum, mut factor) = ([0.0, 0.0], [1.0, 0.0]);
    for [x, y] in numbers {
        let [c, s] = factor;
        sum = [sum[0] + x * c - y * s, sum[1] + x * s + y * c];
        factor = [c * cosine - s * sine, c * sine + s * cosine];
    }
    sum
}

impl Operation for Fourier {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let input = required(inputs, 0)?;
        let sizes = input.sizes();
        let (&parts, signal) = sizes.split_last().ok_or(Failure("expected numbers"))?;
        let given = *signal.get(self.axis).ok_or(Failure("there is no such axis"))?;
        if !matches!(parts, 1 | 2) {
            return Err(Failure("expected real or complex numbers"));
        }
        let to_real = self.inverse && self.one_sided;
        let length = match optional(inputs, 1) {
            Some(length) => usize::try_from(length.integer(0)?)
                .map_err(|_| Failure("the length of a transform is negative"))?,
            None if to_real => given.saturating_sub(1).saturating_mul(2),
            None => given,
        };
        let mut result_sizes = [0; RANK];
        let result_sizes = result_sizes.get_mut(..sizes.len()).ok_or(Failure("too large"))?;
        result_sizes.copy_from_slice(sizes);
        let bins = if self.one_sided && !self.inverse { length / 2 + 1 } else { length };
        result_sizes[self.axis] = bins;
        let result_parts = if to_real { 1 } else { 2 };
        result_sizes[sizes.len() - 1] = result_parts;
        let row = Row { given, length, inner: count(&signal[self.axis + 1..]), parts };
        with_type!(input.element(), T: floats => {
            let values = input.values::<T>()?;
            let results = only(outputs)?.resize::<T>(result_sizes)?;
            for (i, result) in results.chunks_exact_mut(result_parts).enumerate() {
                let (column, bin) = (i % row.inner, i / row.inner % bins);
                let start = i / row.inner / bins * given * row.inner + column;
                let number = self.bin(values, start, bin, &row);
                for (place, part) in result.iter_mut().zip(number) {
                    *place = T::from_f64(part);
                }
            }
        });
        Ok(())
    }
}

/// How the numbers of a transform lie.
struct Row {
    given: usize,
    length: usize,
    inner: usize,
    parts: usize,
}

impl Fourier {
    /// A number of the transform of the row that starts with a number.
    fn bin<T: Native>(&self, values: &[T], start: usize, bin: usize, row: &Row) -> Complex {
        let &Row { given, length, inner, parts } = row;
        let at = |index: usize| match index < given {
            true => complex(values, start + index * inner, parts),
            false => [0.0, 0.0],
        };
        let turn = bin as f64 / length as f64;
        if !self.inverse {
            return turned((0..length.min(given)).map(at), -turn);
        }
        let half = length / 2;
        let numbers = (0..length).map(|index| match self.one_sided && index > half {
            // The second half mirrors the first.
            true => {
                let [x, y] = at(length - index);
                [x, -y]
            }
            // These belong to sums of a number and its mirror image.
            false if self.one_sided && (index == 0 || 2 * index == length) => [at(index)[0], 0.0],
            false => at(index),
        });
        turned(numbers, turn).map(|part| part / length as f64)
    }
}

impl Operation for ShortTimeFourier {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let input = required(inputs, 0)?;
        let (batches, signal, parts) = match *input.sizes() {
            [batches, signal] => (batches, signal, 1),
            [batches, signal, parts @ (1 | 2)] => (batches, signal, parts),
            _ => return Err(Failure("expected [batch, length, 1] or [batch, length, 2]")),
        };
        let size = |integer: i64| {
            let size = usize::try_from(integer).ok().filter(|&size| size > 0);
            size.ok_or(Failure("steps and frames should not be empty"))
        };
        let step = size(required(inputs, 1)?.integer(0)?)?;
        let window = optional(inputs, 2);
        let length = match (optional(inputs, 3), window) {
            (Some(length), _) => size(length.integer(0)?)?,
            (None, Some(window)) => window.len(),
            (None, None) => signal,
        };
        if length > signal || window.is_some_and(|window| window.len() != length) || length == 0 {
            return Err(Failure("a frame is longer than the signal or another length than the window"));
        }
        let frames = (signal - length) / step + 1;
        let bins = if self.one_sided { length / 2 + 1 } else { length };
        with_type!(input.element(), T: floats => {
            let (values, window) = (input.values::<T>()?, elements::<T>(inputs, 2)?);
            let results = only(outputs)?.resize::<T>(&[batches, frames, bins, 2])?;
            for (i, result) in results.chunks_exact_mut(2).enumerate() {
                let (frame, bin) = (i / bins % frames, i % bins);
                let start = i / bins / frames * signal + frame * step;
                let numbers = (0..length).map(|index| {
                    let weight = window.get(index).map_or(1.0, |weight| weight.to_f64());
                    complex(values, start + index, parts).map(|part| weight * part)
                });
                let number = turned(numbers, -(bin as f64) / length as f64);
                for (place, part) in result.iter_mut().zip(number) {
                    *place = T::from_f64(part);
                }
            }
        });
        Ok(())
    }
}
