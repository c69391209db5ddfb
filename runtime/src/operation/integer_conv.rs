//! Convolution of bytes: of integers, and of real numbers that stand behind
//! them.

use super::conv::{Convolution, scratch};
use super::sliding::{SlidingAxis, volume};
use super::{ElementType, Failure, Input, Operation, Output};
use crate::real::round_ties_even;
use crate::step::RANK;

description! {
    /// `ConvInteger`. Operands: data `[batch, channels, ..sizes]`, weights
    /// `[out, channels / groups, ..kernel]`, both of bytes, the zero point of
    /// the data or none, that of the weights, one or one for each channel, or
    /// none. Result: i32.
    pub struct IntegerConv {
        /// How the kernel slides along each dimension; its size is that of the
        /// weights.
        pub axes: [SlidingAxis; RANK],
        /// Dimensions over which it slides.
        pub dimensions: usize,
        /// Independent runs of channels.
        pub groups: usize,
    }
}

description! {
    /// `QLinearConv`. Operands: data, its scale and zero point, weights, their
    /// scales and zero points, one or one for each channel, scale and zero
    /// point of the result, and a bias `[out]` of i32 or none.
    pub struct QuantizedConv {
        /// How the kernel slides along each dimension; its size is that of the
        /// weights.
        pub axes: [SlidingAxis; RANK],
        /// Dimensions over which it slides.
        pub dimensions: usize,
        /// Independent runs of channels.
        pub groups: usize,
    }
}

/// The zero points of weights: one, or one for each channel.
#[derive(Clone, Copy)]
struct ZeroPoints<'a>(Option<Input<'a>>);

impl<'a> ZeroPoints<'a> {
    fn new(input: Option<Input<'a>>, channels: usize) -> Result<Self, Failure> {
        match input {
            Some(points) if points.len() != 1 && points.len() != channels => {
                Err(Failure("expected one zero point, or one for each channel"))
            }
            _ => Ok(Self(input)),
        }
    }

    fn of(&self, channel: usize) -> f64 {
        let Some(points) = self.0 else { return 0.0 };
        // The number of points was checked.
        points.number(if points.len() == 1 { 0 } else { channel }).unwrap_or(0.0)
    }
}

/// Runs a function of the elements of two tensors of bytes.
macro_rules! with_bytes {
    ($data:expr, $weights:expr, |$x:ident, $w:ident| $body:expr) => {
        match ($data.element(), $weights.element()) {
            (ElementType::U8, ElementType::U8) => {
                let ($x, $w) = ($data.values::<u8>()?, $weights.values::<u8>()?);
                $body
            }
            (ElementType::U8, ElementType::I8) => {
                let ($x, $w) = ($data.values::<u8>()?, $weights.values::<i8>()?);
                $body
            }
            (ElementType::I8, ElementType::U8) => {
                let ($x, $w) = ($data.values::<i8>()?, $weights.values::<u8>()?);
                $body
            }
            (ElementType::I8, ElementType::I8) => {
                let ($x, $w) = ($data.values::<i8>()?, $weights.values::<i8>()?);
                $body
            }
            _ => return Err(Failure("expected bytes")),
        }
    };
}

impl Operation for IntegerConv {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        scratch(inputs.get(1))
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(weights), rest @ ..] = inputs else {
            return Err(Failure("expected pictures and weights"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let (sizes, kernel) = (data.sizes(), weights.sizes());
        let convolution =
            Convolution::new(&self.axes, self.dimensions, self.groups, sizes, kernel)?;
        let zero = rest.first().copied().flatten();
        let zero = zero.map_or(Ok(0.0), |zero| zero.number(0))?;
        let zeros = ZeroPoints::new(rest.get(1).copied().flatten(), convolution.out)?;
        let (shape, rank) = convolution.shape();
        let results = output.resize::<i32>(&shape[..rank])?;
        let count = volume(&shape[2..rank]);
        with_bytes!(data, weights, |x, w| convolution.sum(
            scratch,
            (x, zero),
            (w, |channel| zeros.of(channel)),
            |plane, place, sum| results[plane * count + place] = sum as i64 as i32,
        ))
    }
}

/// The parts of a `QLinearConv`'s result besides the sums.
struct Rounding<'a> {
    data_scale: f32,
    weight_scales: &'a [f32],
    scale: f32,
    zero: f64,
    bias: Option<&'a [i32]>,
}

impl Rounding<'_> {
    /// Rounds a sum. The factor is a single-precision number, as it is in the
    /// tools that calibrate such networks: sums near a half depend on it.
    fn round(&self, channel: usize, sum: f64) -> f64 {
        let scales = self.weight_scales;
        let weight_scale = scales.get(if scales.len() == 1 { 0 } else { channel });
        let factor = self.data_scale * weight_scale.copied().unwrap_or(1.0) / self.scale;
        let bias = self.bias.and_then(|bias| bias.get(channel)).map_or(0.0, |&bias| bias.into());
        let product = (sum + bias) as f32 * factor;
        round_ties_even(product.into()) + self.zero
    }
}

impl Operation for QuantizedConv {
    fn scratch(&self, inputs: &[&[usize]]) -> usize {
        scratch(inputs.get(3))
    }

    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        scratch: &mut [u64],
    ) -> Result<(), Failure> {
        let [
            Some(data),
            Some(data_scale),
            Some(data_zero),
            Some(weights),
            Some(weight_scales),
            Some(weight_zeros),
            Some(scale),
            Some(zero),
            rest @ ..,
        ] = inputs
        else {
            return Err(Failure("expected pictures, weights, scales and zero points"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let (sizes, kernel) = (data.sizes(), weights.sizes());
        let convolution =
            Convolution::new(&self.axes, self.dimensions, self.groups, sizes, kernel)?;
        let out = convolution.out;
        let bias = rest.first().copied().flatten().map(|bias| bias.values::<i32>()).transpose()?;
        let weight_scales = weight_scales.values::<f32>()?;
        if weight_scales.len() != 1 && weight_scales.len() != out {
            return Err(Failure("expected one scale, or one for each channel"));
        }
        let rounding = Rounding {
            data_scale: data_scale.number(0)? as f32,
            weight_scales,
            scale: scale.number(0)? as f32,
            zero: zero.number(0)?,
            bias,
        };
        let zeros = ZeroPoints::new(Some(*weight_zeros), out)?;
        let data_zero = data_zero.number(0)?;
        let (shape, rank) = convolution.shape();
        let shape = &shape[..rank];
        let mut results = match output.element() {
            ElementType::U8 => Bytes::Unsigned(output.resize(shape)?),
            _ => Bytes::Signed(output.resize(shape)?),
        };
        let count = volume(&shape[2..]);
        let finish = |plane: usize, place: usize, sum: f64| {
            let value = rounding.round(plane % out, sum);
            match &mut results {
                Bytes::Unsigned(results) => results[plane * count + place] = value as u8,
                Bytes::Signed(results) => results[plane * count + place] = value as i8,
            }
        };
        with_bytes!(data, weights, |x, w| convolution.sum(
            scratch,
            (x, data_zero),
            (w, |channel| zeros.of(channel)),
            finish
        ))
    }
}

/// Room for bytes.
enum Bytes<'a> {
    Unsigned(&'a mut [u8]),
    Signed(&'a mut [i8]),
}
