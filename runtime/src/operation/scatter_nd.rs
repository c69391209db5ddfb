//! Updates of parts of a tensor, each by several indices.

use super::indexing::{joined, part, product};
use super::{Failure, Input, Operation, Output, ScatterReduction, with_type};
use crate::step::RANK;

description! {
    /// `ScatterND`. Operands: data, indices, whose last dimension has the
    /// indices of a part, updates; those come one after another.
    pub struct ScatterNd {
        /// What an update does.
        pub reduction: ScatterReduction,
    }
}

impl Operation for ScatterNd {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(indices), Some(updates)] = inputs else {
            return Err(Failure("expected data, indices and updates"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let Some((&columns, rows)) = indices.sizes().split_last() else {
            return Err(Failure("indices have no dimension"));
        };
        if columns > data.sizes().len() {
            return Err(Failure("there are more indices than dimensions"));
        }
        let (indexed, whole) = data.sizes().split_at(columns);
        if updates.sizes() != joined(&[rows, whole], &mut [0; RANK])? {
            return Err(Failure("updates are not of the sizes of what they update"));
        }
        let inner = product(whole);
        with_type!(data.element(), T => {
            let updated = output.resize::<T>(data.sizes())?;
            updated.copy_from_slice(data.values::<T>()?);
            for (row, updates) in updates.values::<T>()?.chunks_exact(inner.max(1)).enumerate() {
                let to = part(indices, row, indexed, inner)?;
                for (old, &update) in updated[to..to + inner].iter_mut().zip(updates) {
                    *old = self.reduction.apply(*old, update);
                }
            }
        });
        Ok(())
    }
}
