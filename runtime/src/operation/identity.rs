//! The same elements.

use super::{Failure, Input, Operation, Output, with_type};

description! {
    /// `Identity`. Operand: data. Result: the same.
    pub struct Identity {}
}

impl Operation for Identity {
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(input)] = inputs else { return Err(Failure("expected one operand")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        with_type!(input.element(), T => {
            output.resize::<T>(input.sizes())?.copy_from_slice(input.values::<T>()?);
        });
        Ok(())
    }
}
