//! Splitting along a dimension.

use super::dimensions::{Dimensions, strides};
use super::strided::gather;
use super::{Failure, Input, Operation, Output, with_type};

/// Most parts of different sizes that are written down one by one.
pub const PARTS: usize = 16;

description! {
    /// `Split`. Operands: data, and for [`SplitSizes::Operand`] the sizes.
    /// Results: the parts.
    pub struct GeneralSplit {
        /// The dimension that is split.
        pub axis: usize,
        /// Size of each part along it.
        pub sizes: SplitSizes,
    }
}

description! {
    /// The sizes of what a [`GeneralSplit`] makes.
    pub enum SplitSizes {
        /// Those of the second operand.
        Operand,
        /// All alike, as large as need be; only the last may be smaller.
        Even,
        /// These.
        Fixed {
            /// One a part.
            sizes: [usize; PARTS],
        },
    }
}

impl Operation for GeneralSplit {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), rest @ ..] = inputs else { return Err(Failure("expected an operand")) };
        let length = data.sizes().get(self.axis).copied();
        let length = length.ok_or(Failure("there is no such dimension"))?;
        let strides = strides(data.sizes())?;
        let (mut start, count) = (0usize, outputs.len());
        for (i, output) in outputs.iter_mut().enumerate() {
            let size = match (self.sizes, rest) {
                (SplitSizes::Fixed { sizes }, _) => sizes.get(i).copied(),
                (SplitSizes::Operand, [Some(sizes), ..]) => sizes.integer(i)?.try_into().ok(),
                (SplitSizes::Operand, _) => return Err(Failure("expected data and sizes")),
                (SplitSizes::Even, _) if i + 1 == count => length.checked_sub(start),
                (SplitSizes::Even, _) => Some(length.div_ceil(count)),
            };
            let size: usize = size.ok_or(Failure("a part has no sensible size"))?;
            let mut sizes = Dimensions::new(data.sizes())?;
            sizes[self.axis] = size;
            let end = start.checked_add(size).filter(|&end| end <= length);
            let end = end.ok_or(Failure("the parts are larger than the whole"))?;
            let first = (start as isize).wrapping_mul(strides[self.axis]);
            with_type!(data.element(), T => {
                let part = output.resize::<T>(&sizes)?;
                gather(data.values::<T>()?, first, &sizes, &strides, part)?;
            });
            start = end;
        }
        match start == length {
            true => Ok(()),
            false => Err(Failure("the parts do not make up the whole")),
        }
    }
}
