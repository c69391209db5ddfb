//! Slices with steps.

use super::Definition;
use super::reading::{axes, check, inferred, integers, one, operand_type, writes_attributes};
use super::rearrange::{rearranged, strides};
use crate::error::{Error, Result};
use crate::ir::{
    Attribute, Attributes, Operand, Parsed, Signature, Tensor, TensorType, required,
};

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
const OPERANDS_SINCE: u32 = 10;

impl Definition for Slice {
    const NAMES: &'static [&'static str] = &["Slice"];

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
    fn new(size: usize, start: i64, end: i64, step: i64) -> Result<Self> {
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
