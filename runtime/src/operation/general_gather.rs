//! Parts of a tensor by their index along a dimension.

use super::indexing::{around, joined, place};
use super::{Failure, Input, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `Gather`. Operands: data, indices.
    pub struct GeneralGather {
        /// The dimension that is indexed.
        pub axis: usize,
    }
}

impl Operation for GeneralGather {
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
        let [_, size, inner] = around(data.sizes(), self.axis)?;
        let (before, after) = (&data.sizes()[..self.axis], &data.sizes()[self.axis + 1..]);
        let mut room = [0; RANK];
        let sizes = joined(&[before, indices.sizes(), after], &mut room)?;
        for i in 0..indices.len() {
            place(indices.integer(i)?, size)?;
        }
        with_type!(data.element(), T => {
            let gathered = output.resize::<T>(sizes)?;
            if gathered.is_empty() {
                return Ok(());
            }
            let sources = data.values::<T>()?.chunks_exact(size * inner);
            for (block, source) in gathered.chunks_exact_mut(indices.len() * inner).zip(sources) {
                for (i, part) in block.chunks_exact_mut(inner).enumerate() {
                    let from = place(indices.integer(i)?, size)? * inner;
                    part.copy_from_slice(&source[from..from + inner]);
                }
            }
        });
        Ok(())
    }
}
