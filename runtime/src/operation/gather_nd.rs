//! Parts of a tensor by several indices each.

use super::indexing::{joined, part, product};
use super::{Failure, Input, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `GatherND`. Operands: data, indices, whose last dimension has the
    /// indices of a part.
    pub struct GatherNd {
        /// How many dimensions of data and indices go together.
        pub batch: usize,
    }
}

impl Operation for GatherNd {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(indices)] = inputs else {
            return Err(Failure("expected data and indices"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let Some((&columns, rows)) = indices.sizes().split_last() else {
            return Err(Failure("indices have no dimension"));
        };
        let (Some(batch), Some(own)) = (rows.get(..self.batch), data.sizes().get(self.batch..))
        else {
            return Err(Failure("there are fewer dimensions than go together"));
        };
        if data.sizes()[..self.batch] != *batch {
            return Err(Failure("data and indices have batches of other sizes"));
        }
        if columns > own.len() {
            return Err(Failure("there are more indices than dimensions"));
        }
        let (indexed, whole) = own.split_at(columns);
        let mut room = [0; RANK];
        let sizes = joined(&[rows, whole], &mut room)?;
        let inner = product(whole);
        with_type!(data.element(), T => {
            let gathered = output.resize::<T>(sizes)?;
            if gathered.is_empty() {
                return Ok(());
            }
            let data = data.values::<T>()?;
            let (rows, item) = (product(&rows[self.batch..]), product(own));
            for (batch, parts) in gathered.chunks_exact_mut(rows * inner).enumerate() {
                for (row, target) in parts.chunks_exact_mut(inner).enumerate() {
                    let from = part(indices, batch * rows + row, indexed, inner)? + batch * item;
                    target.copy_from_slice(&data[from..from + inner]);
                }
            }
        });
        Ok(())
    }
}
