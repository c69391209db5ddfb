//! Broadcasting to given sizes.

use super::indexing::{Odometer, product, size_list, strides};
use super::{Failure, Input, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `Expand`. Operands: data, sizes, where they are known only at run time;
    /// each is broadcast to the other.
    pub struct GeneralExpand {
        /// The sizes, where they are no operand.
        pub sizes: [usize; RANK],
        /// How many of them there are.
        pub rank: usize,
    }
}

impl Operation for GeneralExpand {
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), optional @ ..] = inputs else { return Err(Failure("expected data")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let mut given = [0; RANK];
        let given = match optional {
            [Some(shape)] => size_list(shape, &mut given)?,
            _ => self.sizes.get(..self.rank).unwrap_or_default(),
        };
        let rank = given.len().max(data.sizes().len());
        let mut sizes = [1; RANK];
        let sizes = &mut sizes[..rank];
        sizes[rank - given.len()..].copy_from_slice(given);
        let new = rank - data.sizes().len();
        let mut steps = [0; RANK];
        let own = strides(data.sizes());
        for (dimension, &size) in data.sizes().iter().enumerate() {
            let result = &mut sizes[new + dimension];
            match (*result, size) {
                (_, 1) => continue,
                (1, size) => *result = size,
                (a, b) if a == b => {}
                _ => return Err(Failure("data is broadcast to sizes that do not fit")),
            }
            steps[new + dimension] = own[dimension];
        }
        with_type!(data.element(), T => {
            let data = data.values::<T>()?;
            let expanded = output.resize::<T>(sizes)?;
            if expanded.is_empty() {
                return Ok(());
            }
            // What is the same in both lies side by side.
            let varies = |i: usize| sizes[i] != 1 && steps[i] == 0;
            let outer = (0..rank).rev().find(|&i| varies(i)).map_or(0, |i| i + 1);
            let inner = product(&sizes[outer..]);
            let mut odometer = Odometer::new(&sizes[..outer], steps);
            for part in expanded.chunks_exact_mut(inner) {
                part.copy_from_slice(&data[odometer.offset()..][..inner]);
                odometer.advance();
            }
        });
        Ok(())
    }
}
