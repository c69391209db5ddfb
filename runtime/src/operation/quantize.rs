//! From numbers to small integers and back.

use super::operands::{elements, only, optional, required};
use super::{ElementType, Failure, Input, Native, Operation, Output, with_type};
use super::walk::count;
use crate::real;

description! {
    /// From numbers to integers of 8 or 16 bits and back. Scales and zero
    /// points are one for all values, one for each place along an axis, or one
    /// for each block along it.
    pub enum Quantization {
        /// `QuantizeLinear`: `saturate(round(x / scale) + zero)`, to nearest,
        /// ties to even. Operands: x, scale, zero (may be missing).
        Forth {
            /// The dimension along which scales differ.
            axis: usize,
            /// Places along it that share a scale; 0 where there are no blocks.
            block: usize,
        },
        /// `DequantizeLinear`: `(x - zero) * scale`. Operands: x, scale, zero
        /// (may be missing).
        Back {
            /// The dimension along which scales differ.
            axis: usize,
            /// Places along it that share a scale; 0 where there are no blocks.
            block: usize,
        },
        /// `DynamicQuantizeLinear` of f32 to u8: the scale lets all values and
        /// 0 be in range. Results: quantised values, scale, zero.
        Dynamic,
    }
}

/// Which scale belongs to which value: values lie in `outer` rows of `len`
/// places of `inner` values.
struct Grid {
    len: usize,
    inner: usize,
    sharing: Sharing,
}

enum Sharing {
    All,
    Axis,
    Blocks { size: usize, count: usize },
}

impl Grid {
    fn new(inputs: &[Option<Input<'_>>], axis: usize, block: usize) -> Result<Self, Failure> {
        let (input, scale) = (required(inputs, 0)?, required(inputs, 1)?);
        if optional(inputs, 2).is_some_and(|zero| zero.len() != scale.len()) {
            return Err(Failure("there are not as many zero points as scales"));
        }
        let sizes = input.sizes();
        if scale.sizes().len() < 2 && scale.len() == 1 && block == 0 {
            return Ok(Self { len: 1, inner: 1, sharing: Sharing::All });
        }
        let len = *sizes.get(axis).ok_or(Failure("there is no such axis"))?;
        let inner = count(&sizes[axis + 1..]);
        let sharing = match block {
            0 if scale.sizes() == [len] => Sharing::Axis,
            0 => return Err(Failure("expected a scale for each place along the axis")),
            size => {
                let count = len.div_ceil(size);
                let fits = |(i, (&own, &other)): (usize, (&usize, &usize))| {
                    own == if i == axis { count } else { other }
                };
                let scales = scale.sizes();
                if scales.len() != sizes.len() || !scales.iter().zip(sizes).enumerate().all(fits) {
                    return Err(Failure("expected a scale for each block along the axis"));
                }
                Sharing::Blocks { size, count }
            }
        };
        Ok(Self { len, inner, sharing })
    }

    /// Position of the scale of the value at a position.
    const fn scale(&self, position: usize) -> usize {
        let (row, column) = (position / self.inner, position % self.inner);
        match self.sharing {
            Sharing::All => 0,
            Sharing::Axis => row % self.len,
            Sharing::Blocks { size, count } => {
                (row / self.len * count + row % self.len / size) * self.inner + column
            }
        }
    }
}

impl Operation for Quantization {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        match *self {
            Self::Forth { axis, block } => {
                quantize(&Grid::new(inputs, axis, block)?, inputs, only(outputs)?)
            }
            Self::Back { axis, block } => {
                dequantize(&Grid::new(inputs, axis, block)?, inputs, only(outputs)?)
            }
            Self::Dynamic => quantize_dynamically(required(inputs, 0)?, outputs),
        }
    }
}

#[inline]
fn quantize(
    grid: &Grid,
    inputs: &[Option<Input<'_>>],
    output: &mut Output<'_>,
) -> Result<(), Failure> {
        let (input, scale) = (required(inputs, 0)?, required(inputs, 1)?);
        with_type!(output.element(), Q: integers => {
            let zeros = elements::<Q>(inputs, 2)?;
            let results = output.resize::<Q>(input.sizes())?;
            with_type!(input.element(), T: numbers => {
                for (i, (result, value)) in results.iter_mut().zip(input.values::<T>()?).enumerate() {
                    let place = grid.scale(i);
                    let quotient = match scale.element() {
                        // The type of the scale is that of the division.
                        ElementType::F32 => {
                            f64::from(value.to_f64() as f32 / scale.number(place)? as f32)
                        }
                        _ => value.to_f64() / scale.number(place)?,
                    };
                    let zero = zeros.get(place).map_or(0.0, |zero| zero.to_f64());
                    *result = Q::from_f64(real::round_ties_even(quotient) + zero);
                }
            });
        });
        Ok(())
}

#[inline]
fn dequantize(
    grid: &Grid,
    inputs: &[Option<Input<'_>>],
    output: &mut Output<'_>,
) -> Result<(), Failure> {
        let (input, scale) = (required(inputs, 0)?, required(inputs, 1)?);
        with_type!(input.element(), Q: integers => {
            let (values, zeros) = (input.values::<Q>()?, elements::<Q>(inputs, 2)?);
            with_type!(output.element(), T: floats => {
                let results = output.resize::<T>(input.sizes())?;
                for (i, (result, value)) in results.iter_mut().zip(values).enumerate() {
                    let place = grid.scale(i);
                    let zero = zeros.get(place).map_or(0.0, |zero| zero.to_f64());
                    *result = T::from_f64((value.to_f64() - zero) * scale.number(place)?);
                }
            });
        });
        Ok(())
}

#[inline]
fn quantize_dynamically(input: Input<'_>, outputs: &mut [Output<'_>]) -> Result<(), Failure> {
        let values = input.values::<f32>()?;
        let [quantized, scales, zeros] = outputs else {
            return Err(Failure("expected three results"));
        };
        let low = values.iter().fold(0f32, |low, &value| low.min(value));
        let high = values.iter().fold(0f32, |high, &value| high.max(value));
        let levels = f32::from(u8::MAX);
        let scale = (high - low) / levels;
        let round = |value: f32| real::round_ties_even(value.into());
        let zero = if scale == 0.0 { 0.0 } else { round((0.0 - low) / scale) };
        scales.resize::<f32>(&[])?.fill(scale);
        zeros.resize::<u8>(&[])?.fill(u8::from_f64(zero));
        let results = quantized.resize::<u8>(input.sizes())?;
        for (result, &value) in results.iter_mut().zip(values) {
            let quotient = if scale == 0.0 { 0.0 } else { round(value / scale) };
            *result = u8::from_f64(quotient + zero);
        }
        Ok(())
}
