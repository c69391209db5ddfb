//! Elements as they are.

use super::broadcast::operands;
use super::{Failure, Input, Native, Operation, Output, with_type};

description! {
    /// `Identity`. The result is the operand.
    pub struct CopyElements;
}

description! {
    /// `Dropout` that drops nothing. Operand: data. Results: the data, and a
    /// mask of its sizes that is true everywhere, of truth values or of ones.
    pub struct KeepAll;
}

#[inline]
fn copy(input: &Input<'_>, result: &mut Output<'_>) -> Result<(), Failure> {
    with_type!(input.element(), T => {
        result.resize::<T>(input.sizes())?.copy_from_slice(input.values::<T>()?);
    });
    Ok(())
}

impl Operation for CopyElements {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [input] = operands(inputs)?;
        let [result] = outputs else { return Err(Failure("expected one result")) };
        copy(input, result)
    }
}

impl Operation for KeepAll {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [input] = operands(inputs)?;
        let [result, mask] = outputs else { return Err(Failure("expected two results")) };
        copy(input, result)?;
        with_type!(mask.element(), T => {
            mask.resize::<T>(input.sizes())?.fill(T::from_f64(1.0));
        });
        Ok(())
    }
}
