//! Padding whose sizes, or what is padded, are known only at run time.

use super::counts::vector;
use super::pad::{AXES_SINCE, OPERANDS_SINCE, PadMode};
use super::reading::{NEWEST, all_known, axes, check, known_integers, one, operand_type};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Dim, Fact, Operand, Parsed, ParsedOperand, Signature, Tensor,
    TensorType, required,
};
use crate::operation::{GeneralPad, PadSizes};

/// `Pad` where pads, value or sizes are known only at run time; otherwise see
/// [`super::Pad`]. Operands: data, pads, value, axes; the last two may be
/// absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuntimePad {
    /// Where the new elements come from; the value where the operand is absent.
    pub mode: PadMode,
}

impl Definition for RuntimePad {
    const NAMES: &'static [&'static str] = &["RuntimePad", "Pad"];

    fn reads(signature: &Signature<'_>) -> bool {
        signature.operator == "RuntimePad" || !all_known(signature)
    }

    fn name(&self) -> &'static str {
        "RuntimePad"
    }

    fn attributes(&self) -> Attributes {
        let attributes =
            Attributes::default().with("mode", Attribute::String(self.mode.name().to_owned()));
        match self.mode {
            PadMode::Constant { value } => {
                attributes.with("value", Attribute::Float(value as f32))
            }
            PadMode::Reflect | PadMode::Edge | PadMode::Wrap => attributes,
        }
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let (attributes, operands): (&[&str], _) = match signature.opset {
            NEWEST => (&["mode", "value"], 4),
            ..OPERANDS_SINCE => (&["mode", "pads", "value"], 1),
            OPERANDS_SINCE..AXES_SINCE => (&["mode"], 3),
            AXES_SINCE.. => (&["mode"], 4),
        };
        check(signature, attributes, operands)?;
        operand_type(signature, 0, "data")?;
        let mut mode = PadMode::read(signature)?;
        if let PadMode::Constant { value } = &mut mode {
            *value = signature.attributes.float_or("value", 0.0)?.into();
        }
        if signature.opset >= OPERANDS_SINCE {
            required(signature.operands, 1, "pads")?;
            return Ok(Parsed::as_written(Self { mode }, signature));
        }
        let pads = signature.attributes.ints("pads")?;
        let pads = pads.ok_or_else(|| Error::malformed("`pads` are missing"))?;
        let pads = ParsedOperand::Constant(Tensor::vector(pads.clone()));
        let operands = vec![Some(ParsedOperand::Given(0)), Some(pads)];
        Ok(Parsed { operator: Self { mode }, operands })
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "data")?.tensor_type;
        let pads = vector(required(operands, 1, "pads")?, "pads")?;
        let optional = |slot: usize| operands.get(slot).copied().flatten();
        if let Some(value) = optional(2)
            && (value.tensor_type.element != data.element || value.tensor_type.elements()? != 1)
        {
            return Err(Error::shape(format!(
                "the value of padding should be one {}, but is {}",
                data.element, value.tensor_type
            )));
        }
        let axes = match optional(3) {
            None => Some((0..data.rank()).collect()),
            Some(given) => known_integers(given, "axes")?
                .map(|given| axes(&given, data.rank()))
                .transpose()?,
        };
        let (Some(axes), Some(pads)) = (axes, pads) else {
            let shape = data.shape.iter().map(|_| Dim::open()).collect();
            return one(TensorType { element: data.element, shape });
        };
        if pads.len() != 2 * axes.len() {
            return Err(Error::malformed(format!(
                "expected {} pads, before and after each of {} dimensions, found {}",
                2 * axes.len(),
                axes.len(),
                pads.len()
            )));
        }
        let mut padded = data.clone();
        let (before, after) = pads.split_at(axes.len());
        for ((&axis, before), after) in axes.iter().zip(before).zip(after) {
            padded.shape[axis] = length(&data.shape[axis], before, after)?;
        }
        one(padded)
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(GeneralPad { source: self.mode.source(), sizes: PadSizes::Operands }.into())
    }
}

/// The padded size.
fn length(dim: &Dim, before: &Fact, after: &Fact) -> Result<Dim> {
    if before.value() == Some(0) && after.value() == Some(0) {
        return Ok(dim.clone());
    }
    if let (Some(size), Some(before), Some(after)) = (dim.fixed(), before.value(), after.value()) {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let size = size.saturating_add(before).saturating_add(after);
        return Fact::known(size).dim();
    }
    let max = i64::try_from(dim.max()).unwrap_or(i64::MAX);
    let sums = [before.high, after.high].iter().try_fold(max, |sum, &pad| {
        if sum == i64::MAX || pad == i64::MAX { None } else { sum.checked_add(pad) }
    });
    Ok(match sums {
        None => Dim::open(),
        Some(most) => usize::try_from(most).map_or(Dim::Fixed(0), Dim::fresh),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::ops::testing::Case;

    #[test]
    fn pads_are_read_when_it_runs() {
        let case = |pads: &[i64]| Case::new("Pad", 18).counting(&[2, 2]).list(pads).unknown(2);
        assert_eq!(case(&[0, 1, 0, -1]).f32s(), (vec![2, 2], vec![0.0, 0.0, 0.0, 2.0]));
        let value = Tensor::scalar(9.0f32);
        let one_axis = case(&[1, 0]).operand(value).list(&[-2]);
        assert_eq!(one_axis.f32s(), (vec![3, 2], vec![9.0, 9.0, 0.0, 1.0, 2.0, 3.0]));
        let edge = case(&[0, 0, 0, 1]).string("mode", "edge").f32s();
        assert_eq!(edge, (vec![2, 3], vec![0.0, 1.0, 1.0, 2.0, 3.0, 3.0]));
        let wide = Tensor::vector(vec![1i64]);
        let exact = Tensor::scalar((1i64 << 53) + 1);
        let wide = Case::new("Pad", 13).operand(wide).list(&[1, 0]).operand(exact).unknown(3);
        assert_eq!(wide.value(), Tensor::vector(vec![(1i64 << 53) + 1, 1]));
        case(&[1]).refused(ErrorKind::Malformed, "expected 4 pads");
        case(&[0, -1, 0, -2]).refused(ErrorKind::Shape, "negative");
        let crop = case(&[-2, 0, 1, 0]).string("mode", "edge");
        crop.refused(ErrorKind::Shape, "do not fit");
    }

    #[test]
    fn bounds_follow_from_those_of_the_pads() {
        let count = Dim::Bounded { symbol: "n".to_owned(), max: 9 };
        let zero = Fact::known(0);
        assert_eq!(length(&count, &zero, &zero).unwrap(), count);
        assert_eq!(length(&count, &zero, &Fact::known(2)).unwrap(), Dim::fresh(11));
        let filled = Fact { low: -3, high: 5, symbol: None };
        assert_eq!(length(&Dim::Fixed(4), &zero, &filled).unwrap(), Dim::fresh(9));
        assert_eq!(length(&count, &zero, &Fact::ANYTHING).unwrap(), Dim::open());
    }
}
