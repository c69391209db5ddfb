//! Slices with steps.

use super::dimensions::{Dimensions, strides};
use super::strided::gather;
use super::{Failure, Input, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `Slice`. Operands: data, and for [`SliceBounds::Operands`] starts, ends,
    /// axes and steps, of which the last two may be absent. Result: part of the
    /// data.
    pub struct GeneralSlice {
        /// Which part.
        pub bounds: SliceBounds,
    }
}

description! {
    /// The part that a [`GeneralSlice`] takes.
    pub enum SliceBounds {
        /// What the operands say.
        Operands,
        /// So many elements along each dimension.
        Fixed {
            /// First indices.
            starts: [usize; RANK],
            /// Distances to the next; may be negative.
            steps: [isize; RANK],
            /// How many.
            sizes: [usize; RANK],
        },
    }
}

/// What is taken of a dimension.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    start: usize,
    step: isize,
    size: usize,
}

impl Default for Range {
    fn default() -> Self {
        Self { start: 0, step: 1, size: 0 }
    }
}

impl Operation for GeneralSlice {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), bounds @ ..] = inputs else { return Err(Failure("expected an operand")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let ranges = match self.bounds {
            SliceBounds::Operands => asked(data.sizes(), bounds)?,
            SliceBounds::Fixed { starts, steps, sizes } => {
                let mut ranges = Dimensions::none();
                for dimension in 0..data.sizes().len().min(RANK) {
                    let (start, step) = (starts[dimension], steps[dimension]);
                    ranges.push(Range { start, step, size: sizes[dimension] })?;
                }
                ranges
            }
        };
        let mut strides = strides(data.sizes())?;
        let mut sizes = Dimensions::none();
        let mut first = 0isize;
        for (range, stride) in ranges.iter().zip(strides.iter_mut()) {
            first = first.wrapping_add((range.start as isize).wrapping_mul(*stride));
            *stride = stride.wrapping_mul(range.step);
            sizes.push(range.size)?;
        }
        with_type!(data.element(), T => {
            let result = output.resize::<T>(&sizes)?;
            gather(data.values::<T>()?, first, &sizes, &strides, result)
        })
    }
}

/// What starts, ends, axes and steps take.
fn asked(sizes: &[usize], bounds: &[Option<Input<'_>>]) -> Result<Dimensions<Range>, Failure> {
    let operand = |slot: usize| bounds.get(slot).copied().flatten();
    let (Some(starts), Some(ends)) = (operand(0), operand(1)) else {
        return Err(Failure("expected data, starts and ends"));
    };
    let mut ranges = Dimensions::none();
    for &size in sizes {
        ranges.push(Range { size, ..Range::default() })?;
    }
    let mut seen = [false; RANK];
    for i in 0..starts.len() {
        let axis = operand(2).map_or(Ok(i as i64), |axes| axes.integer(i))?;
        let axis = if axis < 0 { axis.saturating_add(sizes.len() as i64) } else { axis };
        let axis = usize::try_from(axis).ok().filter(|&axis| axis < sizes.len());
        let axis = axis.ok_or(Failure("there is no such dimension"))?;
        if core::mem::replace(&mut seen[axis], true) {
            return Err(Failure("an axis is given twice"));
        }
        let step = operand(3).map_or(Ok(1), |steps| steps.integer(i))?;
        ranges[axis] = range(sizes[axis], starts.integer(i)?, ends.integer(i)?, step)?;
    }
    Ok(ranges)
}

/// What bounds take of a dimension, by the rules of numpy that ONNX adopts.
fn range(size: usize, start: i64, end: i64, step: i64) -> Result<Range, Failure> {
    if step == 0 {
        return Err(Failure("the step of a slice is 0"));
    }
    let length = i64::try_from(size).map_err(|_| Failure("a dimension is too large"))?;
    let (least, most) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let counted = |bound: i64| if bound < 0 { bound.saturating_add(length) } else { bound };
    let start = counted(start).clamp(least.max(0).min(most), most);
    let end = counted(end).clamp(least, most);
    let distance = if step > 0 { end - start } else { start - end };
    let size = distance.max(0).unsigned_abs().div_ceil(step.unsigned_abs()) as usize;
    Ok(match size {
        0 => Range::default(),
        1 => Range { start: start as usize, step: 1, size },
        // More than one element lies within the dimension.
        _ => Range { start: start as usize, step: step as isize, size },
    })
}
