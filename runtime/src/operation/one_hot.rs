//! Indices as rows that differ in one element.

use super::indexing::{joined, product};
use super::{Failure, Input, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `OneHot`. Operands: indices, the size of the new dimension, the elements
    /// where it is off and on. An index that is out of range turns nothing on.
    pub struct OneHot {
        /// The new dimension.
        pub axis: usize,
    }
}

impl Operation for OneHot {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(indices), Some(depth), Some(values)] = inputs else {
            return Err(Failure("expected indices, a depth and values"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let (before, after) = indices.sizes().split_at_checked(self.axis).ok_or(NO_AXIS)?;
        let depth = depth.number(0)? as i64;
        let size = usize::try_from(depth).map_err(|_| Failure("a depth is negative"))?;
        let mut room = [0; RANK];
        let sizes = joined(&[before, &[size], after], &mut room)?;
        let inner = product(after);
        with_type!(values.element(), T => {
            let &[off, on] = values.values::<T>()? else {
                return Err(Failure("expected two values, off and on"));
            };
            let hot = output.resize::<T>(sizes)?;
            hot.fill(off);
            if hot.is_empty() {
                return Ok(());
            }
            for i in 0..indices.len() {
                // No index that a float cannot hold is in range.
                let index = indices.number(i)? as i64;
                let index = if index < 0 { index.saturating_add(depth) } else { index };
                if (0..depth).contains(&index) {
                    hot[(i / inner * size + index as usize) * inner + i % inner] = on;
                }
            }
        });
        Ok(())
    }
}

const NO_AXIS: Failure = Failure("there is no such dimension");
