//! Broadcasting to given sizes.

use super::broadcast::Broadcast;
use super::indexing::size_list;
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
    #[inline]
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
        let broadcast = Broadcast::new([data.sizes(), given])?;
        with_type!(data.element(), T => {
            let data = data.values::<T>()?;
            let expanded = output.resize::<T>(broadcast.sizes())?;
            broadcast.visit(|run| {
                let places = &mut expanded[run.places];
                let (start, step) = (run.starts[0], run.steps[0]);
                match step {
                    0 => places.fill(data[start]),
                    1 => places.copy_from_slice(&data[start..start + places.len()]),
                    _ => {
                        for (place, &value) in places.iter_mut().zip(data[start..].iter().step_by(step)) {
                            *place = value;
                        }
                    }
                }
                Ok(())
            })
        })
    }
}
