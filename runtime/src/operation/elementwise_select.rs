//! A choice between elements.

use super::broadcast::{Broadcast, operands};
use super::{Failure, Input, Operation, Output, Truth, with_type};

description! {
    /// `Where`. Operands: truth values, what is taken where they are true, what
    /// is taken elsewhere; all are broadcast.
    pub struct ElementwiseSelect;
}

impl Operation for ElementwiseSelect {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [condition, yes, no] = operands(inputs)?;
        let [result] = outputs else { return Err(Failure("expected one result")) };
        let broadcast = Broadcast::new([condition.sizes(), yes.sizes(), no.sizes()])?;
        let condition = condition.values::<Truth>()?;
        with_type!(yes.element(), T => {
            let (yes, no) = (yes.values::<T>()?, no.values::<T>()?);
            let result = result.resize::<T>(broadcast.sizes())?;
            broadcast.visit(|run| {
                for (i, place) in result[run.places.clone()].iter_mut().enumerate() {
                    *place = match condition[run.at(0, i)].get() {
                        true => yes[run.at(1, i)],
                        false => no[run.at(2, i)],
                    };
                }
                Ok(())
            })
        })
    }
}
