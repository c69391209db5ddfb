//! Parts of a tensor that a condition selects.

use super::indexing::{around, joined};
use super::{Failure, Input, Operation, Output, Truth, with_type};
use crate::step::RANK;

description! {
    /// `Compress`. Operands: data, a vector of truth values; where it is
    /// shorter than the dimension, the rest of that is left out.
    pub struct Compress {
        /// The dimension; absent, elements are selected row by row.
        pub axis: Option<usize>,
    }
}

impl Operation for Compress {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(condition)] = inputs else {
            return Err(Failure("expected data and a condition"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let (before, size, after) = match self.axis {
            None => (&[][..], data.len(), &[][..]),
            Some(axis) => {
                let [_, size, _] = around(data.sizes(), axis)?;
                (&data.sizes()[..axis], size, &data.sizes()[axis + 1..])
            }
        };
        let condition = condition.values::<Truth>()?;
        let condition = &condition[..size.min(condition.len())];
        let count = condition.iter().filter(|truth| truth.get()).count();
        let mut room = [0; RANK];
        let sizes = joined(&[before, &[count], after], &mut room)?;
        with_type!(data.element(), T => {
            let selected = output.resize::<T>(sizes)?;
            if selected.is_empty() {
                return Ok(());
            }
            let inner = after.iter().product();
            let mut selected = selected.chunks_exact_mut(inner);
            for block in data.values::<T>()?.chunks_exact(size * inner) {
                for (part, truth) in block.chunks_exact(inner).zip(condition) {
                    if truth.get() && let Some(place) = selected.next() {
                        place.copy_from_slice(part);
                    }
                }
            }
        });
        Ok(())
    }
}
