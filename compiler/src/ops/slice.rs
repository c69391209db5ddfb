//! Slices with steps.

use super::reading::{all_known, axes, check, inferred, integers, one, operand_type, writes_attributes};
use super::rearrange::{rearranged, strides};
use super::{AnyOperation, Definition};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Fact, Operand, Parsed, Signature, Tensor, TensorType, required,
};
use crate::operation::{GeneralSlice, SliceBounds};
use crate::step::RANK;

/// `Slice` of one operand; bounds are known when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// One a dimension.
    pub ranges: Vec<SliceRange>,
}

/// What a [`Slice`] takes of a dimension: `start`, `start + step`, ..
///
/// Read from a file, a range of no index starts at 0, and one of at most one
/// index has step 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceRange {
    /// First index.
    pub start: usize,
    /// Distance to the next; may be negative.
    pub step: i64,
    /// How many.
    pub size: usize,
}

/// The first operator set in which the bounds are operands.
pub(super) const OPERANDS_SINCE: u32 = 10;

impl Definition for Slice {
    const NAMES: &'static [&'static str] = &["Slice"];

    fn reads(signature: &Signature<'_>) -> bool {
        all_known(signature)
    }

    fn name(&self) -> &'static str {
        "Slice"
    }

    fn attributes(&self) -> Attributes {
        let all = |of: fn(&SliceRange) -> i64| Attribute::Ints(self.ranges.iter().map(of).collect());
        Attributes::default()
            .with("starts", all(|range| range.start as i64))
            .with("ends", all(SliceRange::end))
            .with("steps", all(|range| range.step))
    }

    fn parse(signature: &Signature<'_>) -> Result<Parsed<Self>> {
        let attributes: &[&str] = match signature.opset {
            _ if !writes_attributes(signature, OPERANDS_SINCE) => &[],
            ..OPERANDS_SINCE => &["starts", "ends", "axes"],
            _ => &["starts", "ends", "axes", "steps"],
        };
        check(signature, attributes, if signature.opset < OPERANDS_SINCE { 1 } else { 5 })?;
        let sizes = operand_type(signature, 0, "data")?.sizes()?;
        let given = |name, slot| integers(signature, name, slot, OPERANDS_SINCE);
        let missing = |name| Error::malformed(format!("`{name}` are missing"));
        let starts = given("starts", 1)?.ok_or_else(|| missing("starts"))?;
        let ends = given("ends", 2)?.ok_or_else(|| missing("ends"))?;
        let steps = given("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
        let axes = match given("axes", 3)? {
            Some(given) => axes(&given, sizes.len())?,
            None => (0..starts.len().min(sizes.len())).collect(),
        };
        if [ends.len(), steps.len(), axes.len()] != [starts.len(); 3] {
            return Err(Error::malformed(format!(
                "expected as many starts, ends, axes and steps for {} dimensions, found {}, {}, {} and {}",
                sizes.len(), starts.len(), ends.len(), axes.len(), steps.len()
            )));
        }
        let mut ranges: Vec<_> =
            sizes.iter().map(|&size| SliceRange { start: 0, step: 1, size }).collect();
        for (i, &axis) in axes.iter().enumerate() {
            ranges[axis] = SliceRange::new(sizes[axis], starts[i], ends[i], steps[i])?;
        }
        Ok(Parsed::first(Self { ranges }, 1))
    }

    fn infer(&self, operands: &[Option<Operand<'_>>]) -> Result<Vec<TensorType>> {
        let operand = required(operands, 0, "data")?.tensor_type;
        let sizes = operand.sizes()?;
        let fits = sizes.len() == self.ranges.len()
            && sizes.iter().zip(&self.ranges).all(|(&size, range)| range.fits(size));
        if !fits {
            return Err(Error::shape(format!("{operand} does not have {:?}", self.ranges)));
        }
        let shape: Vec<_> = self.ranges.iter().map(|range| range.size).collect();
        one(TensorType::fixed(operand.element, &shape))
    }

    fn facts(&self, operands: &[Option<Operand<'_>>]) -> Option<Vec<Fact>> {
        let [range] = self.ranges.as_slice() else { return None };
        let facts = operands.first()?.as_ref()?.facts()?;
        (0..range.size).map(|index| facts.get(range.index(index)?).cloned()).collect()
    }

    fn operation(&self) -> Option<AnyOperation> {
        let (mut starts, mut steps, mut sizes) = ([0; RANK], [1; RANK], [0; RANK]);
        for (dimension, range) in self.ranges.iter().enumerate() {
            *starts.get_mut(dimension)? = range.start;
            *steps.get_mut(dimension)? = isize::try_from(range.step).ok()?;
            *sizes.get_mut(dimension)? = range.size;
        }
        Some(GeneralSlice { bounds: SliceBounds::Fixed { starts, steps, sizes } }.into())
    }

    fn evaluate(&self, operands: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        inferred(self, operands)?;
        let operand = required(operands, 0, "data")?;
        let strides = strides(operand.shape());
        let shape: Vec<_> = self.ranges.iter().map(|range| range.size).collect();
        let offset = |dimension: usize, index: usize| {
            self.ranges[dimension].index(index).map(|index| index * strides[dimension])
        };
        Ok(vec![rearranged(operand, &shape, 0.0, offset)?])
    }
}

impl SliceRange {
    /// The range of a dimension of `size` that these bounds take, by the
    /// rules of numpy that ONNX adopts.
    pub(super) fn new(size: usize, start: i64, end: i64, step: i64) -> Result<Self> {
        if step == 0 {
            return Err(Error::malformed("the step of a slice is 0"));
        }
        let length = i64::try_from(size).map_err(|_| Error::shape("a dimension is too large"))?;
        let (least, most) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let counted = |bound: i64| if bound < 0 { bound.saturating_add(length) } else { bound };
        let start = counted(start).clamp(least.max(0).min(most), most);
        let end = counted(end).clamp(least, most);
        let distance = if step > 0 { end - start } else { start - end };
        let size = distance.max(0).unsigned_abs().div_ceil(step.unsigned_abs()) as usize;
        Ok(match size {
            0 => Self { start: 0, step: 1, size },
            1 => Self { start: start as usize, step: 1, size },
            _ => Self { start: start as usize, step, size },
        })
    }

    /// The index in the operand of an index of the result.
    fn index(&self, index: usize) -> Option<usize> {
        let distance = i64::try_from(index).ok()?.checked_mul(self.step)?;
        self.start.checked_add_signed(isize::try_from(distance).ok()?)
    }

    fn fits(&self, size: usize) -> bool {
        match self.size.checked_sub(1) {
            None => true,
            Some(last) => self.start < size && self.index(last).is_some_and(|index| index < size),
        }
    }

    /// The bound that the text form writes: one step past the last index,
    /// where that is not negative, which would count from the end.
    fn end(&self) -> i64 {
        match i64::try_from(self.size).ok().and_then(|size| size.checked_mul(self.step)) {
            Some(distance) if distance.saturating_add(self.start as i64) >= 0 => {
                distance.saturating_add(self.start as i64)
            }
            Some(_) | None => i64::MIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Case;
    use super::*;
    use crate::error::ErrorKind;

    fn slice(size: usize, start: i64, end: i64, step: i64) -> Case {
        let case = Case::new("Slice", 13).counting(&[size]).list(&[start]).list(&[end]);
        case.list(&[0]).list(&[step]).unknown(1)
    }

    // Against the rule of the specification, spelled out index by index.
    #[test]
    fn one_dimension_of_every_kind() {
        let bounds = [i64::MIN, -9, -4, -3, -1, 0, 1, 2, 3, 4, 9, i64::MAX];
        for size in [0usize, 1, 3, 4] {
            for start in bounds {
                for end in bounds {
                    for step in [i64::MIN, -2, -1, 1, 2, 3, i64::MAX] {
                        let expected = by_the_rule(size as i128, start, end, step);
                        let found = slice(size, start, end, step).f32s().1;
                        assert_eq!(found, expected, "{size}: {start}..{end} by {step}");
                    }
                }
            }
        }
    }

    fn by_the_rule(size: i128, start: i64, end: i64, step: i64) -> Vec<f32> {
        let counted = |bound: i64| {
            let bound = i128::from(bound);
            if bound < 0 { bound + size } else { bound }
        };
        let (start, end, step) = (counted(start), counted(end), i128::from(step));
        let mut taken = Vec::new();
        if size == 0 {
            return taken;
        }
        let (mut index, end) = if step > 0 {
            (start.max(0).min(size), end.max(0).min(size))
        } else {
            (start.max(0).min(size - 1), end.max(-1).min(size - 1))
        };
        while if step > 0 { index < end } else { index > end } {
            taken.push(index as f32);
            index += step;
        }
        taken
    }

    #[test]
    fn several_dimensions() {
        let old = Case::new("Slice", 9).ints("starts", &[0, 1]).ints("ends", &[-1, 1000]);
        assert_eq!(old.counting(&[2, 4]).f32s(), (vec![1, 3], vec![1.0, 2.0, 3.0]));
        let new = Case::new("Slice", 10).counting(&[2, 4]).list(&[1, 1]).list(&[3, 2]);
        assert_eq!(new.clone().f32s(), (vec![1, 1], vec![5.0]));
        let swapped = new.list(&[-1, 0]).list(&[2, 1]);
        assert_eq!(swapped.f32s(), (vec![1, 1], vec![5.0]));
        let back = Case::new("Slice", 13).counting(&[2, 3]).list(&[-1]).list(&[i64::MIN]);
        let back = back.list(&[1]).list(&[-1]);
        assert_eq!(back.f32s(), (vec![2, 3], vec![2.0, 1.0, 0.0, 5.0, 4.0, 3.0]));
    }

    #[test]
    fn errors() {
        slice(3, 0, 3, 0).refused(ErrorKind::Malformed, "step of a slice is 0");
        let case = Case::new("Slice", 13).counting(&[3]);
        case.refused(ErrorKind::Malformed, "`starts` are missing");
        case.clone().list(&[0]).refused(ErrorKind::Malformed, "`ends` are missing");
        let uneven = case.clone().list(&[0, 0]).list(&[1]);
        uneven.refused(ErrorKind::Malformed, "found 2, 1, 1 and 2");
        let deep = case.clone().list(&[0, 0]).list(&[1, 1]);
        deep.refused(ErrorKind::Malformed, "as many starts");
        case.list(&[0]).list(&[1]).list(&[1]).refused(ErrorKind::Shape, "axis 1 is out of range");
        let old = Case::new("Slice", 9).counting(&[3]).ints("starts", &[0]).ints("ends", &[1]);
        old.ints("steps", &[1]).refused(ErrorKind::Malformed, "unknown attribute `steps`");
    }

    #[test]
    fn ranges_must_lie_inside() {
        let outside = Slice { ranges: vec![SliceRange { start: 1, step: 2, size: 2 }] };
        let operand = |size| Tensor::vector(vec![0u8; size]);
        assert!(outside.evaluate(&[Some(&operand(3))]).is_err());
        assert!(outside.evaluate(&[Some(&operand(4))]).is_ok());
        let below = Slice { ranges: vec![SliceRange { start: 1, step: -2, size: 2 }] };
        assert!(below.evaluate(&[Some(&operand(4))]).is_err());
    }
}
