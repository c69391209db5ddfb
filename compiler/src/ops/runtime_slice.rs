//! Slices whose bounds, or what they are taken of, are known only at run time.

use super::counts::vector;
use super::reading::{all_known, axes, check, known_integers, one, operand_type};
use super::slice::{OPERANDS_SINCE, SliceRange};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attributes, Dim, Fact, Operand, Parsed, ParsedOperand, Signature, Tensor, TensorType, required,
};
use crate::operation::{GeneralSlice, SliceBounds};

/// `Slice` where bounds or sizes are known only at run time; otherwise see
/// [`super::Slice`]. Operands: data, starts, ends, axes, steps; the last two
/// may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuntimeSlice;

impl Definition for RuntimeSlice {
    const NAMES: &'static [&'static str] = &["RuntimeSlice", "Slice"];

    fn reads(signature: &Signature<'_>) -> bool {
        signature.operator == "RuntimeSlice" || !all_known(signature)
    }

    fn name(&self) -> &'static str {
        "RuntimeSlice"
    }

    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        operand_type(signature, 0, "data")?;
        if signature.opset >= OPERANDS_SINCE {
            check(signature, &[], 5)?;
            required(signature.operands, 1, "starts")?;
            required(signature.operands, 2, "ends")?;
            return Ok(Parsed::as_written(Self, signature));
        }
        check(signature, &["starts", "ends", "axes"], 1)?;
        let mut operands = vec![Some(ParsedOperand::Given(0))];
        for name in ["starts", "ends", "axes"] {
            let given = signature.attributes.ints(name)?.cloned();
            if given.is_none() && name != "axes" {
                return Err(Error::malformed(format!("`{name}` are missing")));
            }
            operands.push(given.map(|given| ParsedOperand::Constant(Tensor::vector(given))));
        }
        Ok(Parsed { operator: Self, operands })
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let data = required(operands, 0, "data")?.tensor_type;
        let starts = vector(required(operands, 1, "starts")?, "starts")?;
        let ends = vector(required(operands, 2, "ends")?, "ends")?;
        let optional = |slot: usize| operands.get(slot).copied().flatten();
        let axes = match (optional(3), &starts) {
            (None, Some(starts)) => Some((0..starts.len()).collect()),
            (None, None) => None,
            (Some(given), _) => match known_integers(given, "axes")? {
                Some(given) => Some(axes(&given, data.rank())?),
                None => None,
            },
        };
        let steps = optional(4).map(|steps| vector(steps, "steps")).transpose()?;
        let (Some(axes), Some(starts), Some(ends)) = (axes, starts, ends) else {
            // Any dimension may be sliced.
            let shape = data.shape.iter().map(|dim| Dim::fresh(dim.max())).collect();
            return one(TensorType { element: data.element, shape });
        };
        let steps = match steps {
            None => vec![Fact::known(1); axes.len()],
            Some(Some(steps)) => steps,
            Some(None) => vec![Fact::ANYTHING; axes.len()],
        };
        if [starts.len(), ends.len(), steps.len()] != [axes.len(); 3] || axes.len() > data.rank() {
            return Err(Error::malformed(format!(
                "expected as many starts, ends, axes and steps for {} dimensions, found {}, {}, {} and {}",
                data.rank(), starts.len(), ends.len(), axes.len(), steps.len()
            )));
        }
        let mut sliced = data.clone();
        for (i, &axis) in axes.iter().enumerate() {
            sliced.shape[axis] = length(&data.shape[axis], &starts[i], &ends[i], &steps[i])?;
        }
        one(sliced)
    }

    fn operation(&self) -> Option<AnyOperation> {
        Some(GeneralSlice { bounds: SliceBounds::Operands }.into())
    }
}

/// How many indices bounds take of a dimension, at most.
fn length(dim: &Dim, start: &Fact, end: &Fact, step: &Fact) -> Result<Dim> {
    let bounded = |most: i64| usize::try_from(most).map_or(dim.max(), |most| most.min(dim.max()));
    let Some(step) = step.value() else { return Ok(Dim::fresh(dim.max())) };
    if let (Dim::Fixed(size), Some(start), Some(end)) = (dim, start.value(), end.value()) {
        return Ok(Dim::Fixed(SliceRange::new(*size, start, end, step)?.size));
    }
    let max = i64::try_from(dim.max()).unwrap_or(i64::MAX);
    let from_start = start.value() == Some(0) || start.high <= max.saturating_neg();
    let same = end.symbol.is_some() && *end == Fact::of_dim(dim);
    let to_end = end.low >= max || same;
    let from_end = start.value() == Some(-1) || start.low >= max.saturating_sub(1).max(0);
    let before_start = end.high < max.saturating_neg();
    match step {
        0 => return Err(Error::malformed("the step of a slice is 0")),
        1 if from_start && to_end => return Ok(dim.clone()),
        -1 if from_end && before_start => return Ok(dim.clone()),
        // The first ones, where there are that many.
        1 if from_start && end.low >= 0 && dim.fixed().is_some() && end.high <= max => {
            return end.dim();
        }
        ..0 => {
            let most = dim.max().div_ceil(usize::try_from(step.unsigned_abs()).unwrap_or(1));
            return Ok(counted(most));
        }
        _ => {}
    }
    let mut most = max;
    if start.low >= 0 {
        most = most.min(max.saturating_sub(start.low));
    }
    if start.high < 0 {
        most = most.min(start.low.saturating_neg());
    }
    if end.low >= 0 {
        most = most.min(end.high);
    }
    if end.high < 0 {
        most = most.min(max.saturating_add(end.high));
    }
    if (start.low >= 0 && end.low >= 0) || (start.high < 0 && end.high < 0) {
        most = most.min(end.high.saturating_sub(start.low));
    }
    Ok(counted(bounded(most.max(0)).div_ceil(usize::try_from(step).unwrap_or(1))))
}

/// A new count of at most this.
fn counted(most: usize) -> Dim {
    if most == 0 { Dim::Fixed(0) } else { Dim::fresh(most) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::ops::testing::Case;

    fn count() -> Dim {
        Dim::Bounded { symbol: "n".to_owned(), max: 10 }
    }

    fn between(start: i64, end: i64, step: i64) -> Dim {
        length(&count(), &Fact::known(start), &Fact::known(end), &Fact::known(step)).unwrap()
    }

    #[test]
    fn lengths_have_bounds() {
        for (start, end) in [(0, i64::MAX), (0, 10), (i64::MIN, i64::MAX), (-10, 99)] {
            assert_eq!(between(start, end, 1), count());
        }
        assert_eq!(between(-1, i64::MIN, -1), count());
        assert_eq!(between(0, 3, 1), Dim::fresh(3));
        assert_eq!(between(0, 30, 2), Dim::fresh(5));
        assert_eq!(between(4, i64::MAX, 1), Dim::fresh(6));
        assert_eq!(between(-3, i64::MAX, 1), Dim::fresh(3));
        assert_eq!(between(0, -4, 1), Dim::fresh(6));
        assert_eq!(between(-5, -3, 1), Dim::fresh(2));
        assert_eq!(between(7, 7, 1), Dim::Fixed(0));
        assert_eq!(between(-1, i64::MIN, -3), Dim::fresh(4));
        let (zero, one) = (Fact::known(0), Fact::known(1));
        assert_eq!(length(&count(), &zero, &Fact::of_dim(&count()), &one).unwrap(), count());
        let first = length(&Dim::Fixed(20), &zero, &Fact::of_dim(&count()), &one).unwrap();
        assert_eq!(first, count());
        let any = length(&Dim::Fixed(20), &zero, &Fact::ANYTHING, &one).unwrap();
        assert_eq!(any, Dim::fresh(20));
    }

    // No size of the dimension gives more than the bound.
    #[test]
    fn no_size_exceeds_the_bound() {
        for start in -12..12 {
            for end in -12..12 {
                for step in [-3, -1, 1, 2] {
                    let bound = between(start, end, step).max();
                    for size in 0..=10 {
                        let found = SliceRange::new(size, start, end, step).unwrap().size;
                        assert!(found <= bound, "{size}: {start}..{end} by {step}");
                    }
                }
            }
        }
    }

    #[test]
    fn bounds_are_read_when_it_runs() {
        let case = |starts: &[i64], ends: &[i64]| {
            Case::new("Slice", 13).counting(&[3, 4]).list(starts).list(ends).unknown(3)
        };
        assert_eq!(case(&[1, -2], &[2, 9]).f32s(), (vec![1, 2], vec![6.0, 7.0]));
        let back = case(&[-1], &[i64::MIN]).list(&[1]).list(&[-3]);
        assert_eq!(back.f32s(), (vec![3, 2], vec![3.0, 0.0, 7.0, 4.0, 11.0, 8.0]));
        assert_eq!(case(&[5], &[9]).f32s().0, [0, 4]);
        case(&[0], &[1]).list(&[0]).list(&[0]).refused(ErrorKind::Malformed, "step of a slice");
        case(&[0], &[1]).list(&[2]).refused(ErrorKind::Shape, "axis 2 is out of range");
        case(&[0, 0, 0], &[1, 1, 1]).refused(ErrorKind::Malformed, "as many starts");
    }

    #[test]
    fn unknown_axes_may_be_any() {
        let data = TensorType::f32(&[3, 4]);
        let list = TensorType::fixed(crate::ir::ElementType::I64, &[1]);
        let operand = Some(Operand::of_type(&list));
        let operands = [Some(Operand::of_type(&data)), operand, operand, operand];
        let types = RuntimeSlice.infer(&operands).unwrap();
        assert_eq!(types[0].shape, [Dim::fresh(3), Dim::fresh(4)]);
    }
}
