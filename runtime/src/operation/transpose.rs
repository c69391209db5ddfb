//! Permutation of dimensions.

use super::dimensions::{Dimensions, strides};
use super::strided::gather;
use super::{Failure, Input, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `Transpose`. Operand: data. Result: the same with its dimensions in
    /// another order.
    pub struct GeneralTranspose {
        /// The operand's dimension for each of the result's.
        pub permutation: [usize; RANK],
    }
}

impl Operation for GeneralTranspose {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data)] = inputs else { return Err(Failure("expected one operand")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let from = strides(data.sizes())?;
        let (mut sizes, mut strides) = (Dimensions::none(), Dimensions::none());
        for axis in self.permutation.iter().take(from.len()) {
            let missing = Failure("there is no such dimension");
            sizes.push(*data.sizes().get(*axis).ok_or(missing)?)?;
            strides.push(*from.get(*axis).ok_or(missing)?)?;
        }
        with_type!(data.element(), T => {
            let result = output.resize::<T>(&sizes)?;
            gather(data.values::<T>()?, 0, &sizes, &strides, result)
        })
    }
}
