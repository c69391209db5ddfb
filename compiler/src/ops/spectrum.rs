//! Discrete Fourier transforms.

use super::floats::{check_float, check_same_element};
use super::reading::{NEWEST, axis, check, constant, list, one, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Fact, Operand, Parsed, Signature, TensorType, required,
};
use crate::operation;

/// `DFT` and `STFT`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spectrum {
    /// Of a whole dimension. Operands: x, length (may be empty).
    Whole(operation::Fourier),
    /// Of frames. Operands: signal, step, window and length of frames (may be
    /// empty).
    Frames(operation::ShortTimeFourier),
}

/// The size that an operand of one integer gives.
pub(super) fn size_of(operand: Operand<'_>, what: &str) -> Result<Dim> {
    let tensor_type = operand.tensor_type;
    if tensor_type.elements()? != 1 || tensor_type.element.is_float() {
        return Err(Error::shape(format!("expected `{what}` to be an integer, found {tensor_type}")));
    }
    let facts = operand.facts();
    facts.and_then(|facts| facts.first().cloned()).unwrap_or(Fact::ANYTHING).dim()
}

/// The size that follows from another one.
fn derived(dim: &Dim, size: impl Fn(usize) -> usize) -> Dim {
    match dim {
        Dim::Fixed(fixed) => Dim::Fixed(size(*fixed)),
        Dim::Bounded { max: usize::MAX, .. } => Dim::open(),
        Dim::Bounded { max, .. } => Dim::fresh(size(*max)),
    }
}

/// Refuses what is neither real nor complex numbers.
fn check_parts(input: &TensorType, dim: Option<&Dim>) -> Result<()> {
    match dim {
        Some(Dim::Fixed(1 | 2)) => Ok(()),
        _ => Err(Error::shape(format!("expected [.., 1] or [.., 2], found {input}"))),
    }
}

/// The shape of a `DFT`.
fn whole(
    fourier: operation::Fourier,
    input: &TensorType,
    operands: &[Option<Operand<'_>>],
) -> Result<Vec<Dim>> {
    check_parts(input, input.shape.last())?;
    let (Some(given), Some(last)) = (input.shape.get(fourier.axis), input.rank().checked_sub(1))
    else {
        return Err(Error::shape(format!("there is no axis {} in {input}", fourier.axis)));
    };
    let to_real = fourier.inverse && fourier.one_sided;
    let length = match operands.get(1).copied().flatten() {
        Some(length) => size_of(length, "dft_length")?,
        None if to_real => derived(given, |given| given.saturating_sub(1).saturating_mul(2)),
        None => given.clone(),
    };
    let mut shape = input.shape.clone();
    shape[fourier.axis] = match fourier.one_sided && !fourier.inverse {
        true => derived(&length, |length| length / 2 + 1),
        false => length,
    };
    shape[last] = Dim::Fixed(if to_real { 1 } else { 2 });
    Ok(shape)
}

/// The shape of an `STFT`.
fn frames(
    fourier: operation::ShortTimeFourier,
    input: &TensorType,
    operands: &[Option<Operand<'_>>],
) -> Result<Vec<Dim>> {
    let (batch, signal) = match &input.shape[..] {
        [batch, signal] => (batch, signal),
        [batch, signal, parts] => {
            check_parts(input, Some(parts))?;
            (batch, signal)
        }
        _ => return Err(Error::shape(format!("expected [batch, length, 1], found {input}"))),
    };
    let step = size_of(required(operands, 1, "frame_step")?, "frame_step")?;
    let optional = |slot: usize| operands.get(slot).copied().flatten();
    let length = match (optional(3), optional(2)) {
        (Some(length), _) => size_of(length, "frame_length")?,
        (None, Some(window)) => {
            check_same_element(input, window.tensor_type)?;
            window.tensor_type.shape.first().cloned().unwrap_or(Dim::Fixed(1))
        }
        (None, None) => signal.clone(),
    };
    let length = match length {
        Dim::Bounded { max, .. } if max > signal.max() => Dim::fresh(signal.max()),
        length => length,
    };
    let count = match (signal, &step, &length) {
        (_, Dim::Fixed(0), _) => return Err(Error::shape("`frame_step` is 0")),
        (Dim::Fixed(signal), Dim::Fixed(step), Dim::Fixed(length)) => {
            Dim::Fixed(signal.saturating_sub(*length) / step + 1)
        }
        _ => Dim::fresh(signal.max()),
    };
    let bins = match fourier.one_sided {
        true => derived(&length, |length| length / 2 + 1),
        false => length,
    };
    Ok(vec![batch.clone(), count, bins, Dim::Fixed(2)])
}

fn read_whole(signature: &Signature<'_>) -> Result<Parsed<Spectrum>> {
    let input = operand_type(signature, 0, "input")?;
    let written = signature.opset < 20 || signature.opset == NEWEST;
    let known: &[&str] = if written { &["axis", "inverse", "onesided"] } else { &["inverse", "onesided"] };
    check(signature, known, if written { 2 } else { 3 })?;
    let attributes = signature.attributes;
    let given = if written {
        attributes.int_or("axis", 1)?
    } else {
        match constant(signature, 2, "axis")? {
            None => -2,
            Some(tensor) => match list(tensor, "axis")?[..] {
                [axis] => axis,
                _ => return Err(Error::shape("expected one axis")),
            },
        }
    };
    let axis = axis(given, input.rank())?;
    if axis + 1 == input.rank() {
        return Err(Error::shape(format!("axis {given} of {input} is that of real and imaginary parts")));
    }
    let [inverse, one_sided] = [attributes.flag("inverse")?, attributes.flag("onesided")?];
    let whole = Spectrum::Whole(operation::Fourier { axis, inverse, one_sided });
    let mut parsed = Parsed::as_written(whole, signature);
    parsed.operands.truncate(2);
    Ok(parsed)
}

impl Definition for Spectrum {
    const NAMES: &'static [&'static str] = &["DFT", "STFT"];

    fn name(&self) -> &'static str {
        match self {
            Self::Whole(_) => "DFT",
            Self::Frames(_) => "STFT",
        }
    }

    fn attributes(&self) -> Attributes {
        match self {
            Self::Whole(fourier) => Attributes::default()
                .with("axis", Attribute::Int(fourier.axis as i64))
                .with("inverse", Attribute::Int(fourier.inverse.into()))
                .with("onesided", Attribute::Int(fourier.one_sided.into())),
            Self::Frames(frames) => {
                Attributes::default().with("onesided", Attribute::Int(frames.one_sided.into()))
            }
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        if signature.operator == "DFT" {
            return read_whole(signature);
        }
        check(signature, &["onesided"], 4)?;
        let one_sided = signature.attributes.int_or("onesided", 1)? != 0;
        let frames = Self::Frames(operation::ShortTimeFourier { one_sided });
        Ok(Parsed::as_written(frames, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let input = required(operands, 0, "input")?.tensor_type;
        check_float(input)?;
        let shape = match self {
            Self::Whole(fourier) => whole(*fourier, input, operands)?,
            Self::Frames(frames) => self::frames(*frames, input, operands)?,
        };
        one(TensorType { element: input.element, shape })
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(match *self {
            Self::Whole(fourier) => fourier.into(),
            Self::Frames(frames) => frames.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;
    use crate::ir::Tensor;
    use crate::ops::testing::Case;

    fn signal(values: &[f32], parts: usize) -> Tensor {
        Tensor::new(&[1, values.len() / parts, parts], values.to_vec()).unwrap()
    }

    #[track_caller]
    fn near(case: &Case, sizes: &[usize], expected: &[f32]) {
        let (found_sizes, found) = case.f32s();
        assert_eq!(found_sizes, sizes);
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn there_and_back() {
        let wave = || Case::new("DFT", 20).operand(signal(&[1.0, 2.0, 3.0, 4.0], 1));
        near(&wave(), &[1, 4, 2], &[10.0, 0.0, -2.0, 2.0, -2.0, 0.0, -2.0, -2.0]);
        near(&wave().int("onesided", 1), &[1, 3, 2], &[10.0, 0.0, -2.0, 2.0, -2.0, 0.0]);
        let padded = wave().operand(Tensor::scalar(2i64));
        near(&padded, &[1, 2, 2], &[3.0, 0.0, -1.0, 0.0]);
        let half = signal(&[10.0, 0.0, -2.0, 2.0, -2.0, 0.0], 2);
        let back = Case::new("DFT", 19).operand(half).int("inverse", 1).int("onesided", 1);
        near(&back, &[1, 4, 1], &[1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn frames_may_overlap() {
        let case = Case::new("STFT", 17).operand(signal(&[1.0, 2.0, 3.0, 4.0], 1));
        let case = case.operand(Tensor::scalar(1i64)).operand(Tensor::vector(vec![1.0f32, 2.0]));
        near(
            &case,
            &[1, 3, 2, 2],
            &[5.0, 0.0, -3.0, 0.0, 8.0, 0.0, -4.0, 0.0, 11.0, 0.0, -5.0, 0.0],
        );
    }

    #[test]
    fn parts_are_no_axis() {
        let case = || Case::new("DFT", 19).operand(signal(&[1.0, 2.0], 1));
        case().int("axis", 2).refused(ErrorKind::Shape, "imaginary parts");
        Case::new("DFT", 19).counting(&[1, 2, 3]).refused(ErrorKind::Shape, "[.., 2]");
        let step = Case::new("STFT", 17).operand(signal(&[1.0], 1)).operand(Tensor::scalar(0i64));
        step.refused(ErrorKind::Shape, "`frame_step`");
    }
}
