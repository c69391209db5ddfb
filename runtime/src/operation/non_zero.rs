//! Where a tensor is not 0.

use super::indexing::Odometer;
use super::{Failure, Input, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `NonZero`. The result has a row for each dimension of the operand and a
    /// column for each element that is not 0.
    pub struct NonZero;
}

impl Operation for NonZero {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data)] = inputs else { return Err(Failure("expected one operand")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        with_type!(data.element(), T => {
            let values = data.values::<T>()?;
            let count = values.iter().filter(|&&value| value != T::default()).count();
            let places = output.resize::<i64>(&[data.sizes().len(), count])?;
            let mut odometer = Odometer::new(data.sizes(), [0; RANK]);
            let mut column = 0;
            for &value in values {
                if value != T::default() {
                    for (dimension, &index) in odometer.position().iter().enumerate() {
                        places[dimension * count + column] = index as i64;
                    }
                    column += 1;
                }
                odometer.advance();
            }
        });
        Ok(())
    }
}
