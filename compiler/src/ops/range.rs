//! Arithmetic progressions.

use super::Definition;
use super::reading::{check, inferred, known, one};
use crate::error::{Error, Result};
use crate::ir::{
    Attributes, Data, Operand, Parsed, Signature, Tensor, TensorType, required,
};

/// `Range`. Operands: start, limit, delta, all constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range;

impl Definition for Range {
    const NAMES: &'static [&'static str] = &["Range"];

    fn name(&self) -> &'static str {
        "Range"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        // `stash_type` only concerns half-width floats, which are f32 here.
        let attributes: &[&str] = if signature.opset < 27 { &[] } else { &["stash_type"] };
        check(signature, attributes, 3)?;
        Ok(Parsed::as_written(Self, signature))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let bounds = |slot, what| known(required(operands, slot, what)?, what);
        let (start, limit, delta) =
            (bounds(0, "start")?, bounds(1, "limit")?, bounds(2, "delta")?);
        for (bound, what) in [(start, "start"), (limit, "limit"), (delta, "delta")] {
            if bound.len() != 1 || bound.element() != start.element() {
                return Err(Error::shape(format!(
                    "operand `{what}` should be one {}, but is {}",
                    start.element(),
                    bound.tensor_type()
                )));
            }
        }
        one(TensorType::fixed(start.element(), &[count(start, limit, delta)?]))
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let types = inferred(self, operands)?;
        let count = types.first().map_or(Ok(0), TensorType::elements)?;
        let start = required(operands, 0, "start")?;
        let delta = required(operands, 2, "delta")?;
        macro_rules! progression {
            ($start:expr, $delta:expr, $element:ty) => {
                Data::from(
                    (0..count)
                        .map(|i| $start[0] + i as $element * $delta[0])
                        .collect::<Vec<_>>(),
                )
            };
            (integers $start:expr, $delta:expr, $element:ty) => {
                // Between start and limit, which are of the type.
                Data::from(
                    (0..count)
                        .map(|i| $start[0].wrapping_add((i as $element).wrapping_mul($delta[0])))
                        .collect::<Vec<_>>(),
                )
            };
        }
        let values = match (start.data(), delta.data()) {
            (Data::F32(s), Data::F32(d)) => progression!(s, d, f32),
            (Data::F64(s), Data::F64(d)) => progression!(s, d, f64),
            (Data::I16(s), Data::I16(d)) => progression!(integers s, d, i16),
            (Data::I32(s), Data::I32(d)) => progression!(integers s, d, i32),
            (Data::I64(s), Data::I64(d)) => progression!(integers s, d, i64),
            _ => return Err(unsupported(start)),
        };
        Ok(vec![Tensor::new(&[count], values)?])
    }
}

fn unsupported(start: &Tensor) -> Error {
    Error::shape(format!("expected f32, f64, i16, i32 or i64, found {}", start.element()))
}

/// `max(ceil((limit - start) / delta), 0)`.
fn count(start: &Tensor, limit: &Tensor, delta: &Tensor) -> Result<usize> {
    let zero = || Error::malformed("the step of a range is 0");
    let count = match (start.data(), limit.data(), delta.data()) {
        (Data::F32(s), Data::F32(l), Data::F32(d)) => {
            floats(f64::from(l[0] - s[0]), f64::from(d[0]))
        }
        (Data::F64(s), Data::F64(l), Data::F64(d)) => floats(l[0] - s[0], d[0]),
        (Data::I16(_) | Data::I32(_) | Data::I64(_), ..) => {
            let first = |tensor: &Tensor| Ok::<_, Error>(i128::from(tensor.integers()?[0]));
            let (start, limit, delta) = (first(start)?, first(limit)?, first(delta)?);
            if delta == 0 {
                return Err(zero());
            }
            let distance = limit - start;
            // Rounded up, for either sign of the step.
            let count = (distance + delta - delta.signum()) / delta;
            usize::try_from(count.max(0)).ok()
        }
        _ => return Err(unsupported(start)),
    };
    count.ok_or_else(|| match delta.data() {
        Data::F32(d) if d[0] == 0.0 => zero(),
        Data::F64(d) if d[0] == 0.0 => zero(),
        _ => Error::shape("the range has no end, or is too long to compile"),
    })
}

fn floats(distance: f64, delta: f64) -> Option<usize> {
    let count = (distance / delta).ceil();
    (delta != 0.0 && count.is_finite() && count < 1e15).then_some(count.max(0.0) as usize)
}
