//! Convolution along time, with what came before.

use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::real::exp;

description! {
    /// `CausalConvWithState`. Operands: data `[batch, channels, length]`,
    /// weights `[channels, 1, kernel]`, a bias `[channels]` or none, and the
    /// state `[batch, channels, kernel - 1]` or none, for zeros. Results: as
    /// the data, and the next state.
    pub struct CausalConv {
        /// Whether `x / (1 + e^-x)` is applied to the result.
        pub silu: bool,
    }
}

impl Operation for CausalConv {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(weights), rest @ ..] = inputs else {
            return Err(Failure("expected data and weights"));
        };
        let [output, next] = outputs else { return Err(Failure("expected two results")) };
        let (&[batch, channels, length], &[filters, 1, kernel]) = (data.sizes(), weights.sizes())
        else {
            return Err(Failure("expected data and weights along one dimension"));
        };
        let before = kernel.checked_sub(1).ok_or(Failure("expected a kernel with taps"))?;
        let (bias, state) = (rest.first().copied().flatten(), rest.get(1).copied().flatten());
        let fits = filters == channels
            && bias.is_none_or(|bias| bias.sizes() == [channels])
            && state.is_none_or(|state| state.sizes() == [batch, channels, before]);
        if !fits {
            return Err(Failure("the operands of a convolution do not fit its data"));
        }
        with_type!(data.element(), T: floats => {
            let (data, weights) = (data.values::<T>()?, weights.values::<T>()?);
            let bias = bias.map(|bias| bias.values::<T>()).transpose()?;
            let state = state.map(|state| state.values::<T>()).transpose()?;
            let results = output.resize::<T>(&[batch, channels, length])?;
            let next = next.resize::<T>(&[batch, channels, before])?;
            for row in 0..batch * channels {
                let channel = row % channels;
                let line = &data[row * length..][..length];
                // What is at a time that is counted from the state's first.
                let at = |time: usize| match time.checked_sub(before) {
                    Some(time) => line[time],
                    None => state.map_or(T::default(), |state| state[row * before + time]),
                };
                let taps = &weights[channel * kernel..][..kernel];
                let bias = bias.map_or(0.0, |bias| bias[channel].to_f64());
                for (time, result) in results[row * length..][..length].iter_mut().enumerate() {
                    let products =
                        (time..).zip(taps).map(|(time, tap)| at(time).to_f64() * tap.to_f64());
                    let sum = bias + products.sum::<f64>();
                    *result = T::from_f64(if self.silu { sum / (1.0 + exp(-sum)) } else { sum });
                }
                for (time, next) in next[row * before..][..before].iter_mut().enumerate() {
                    *next = at(length + time);
                }
            }
        });
        Ok(())
    }
}
