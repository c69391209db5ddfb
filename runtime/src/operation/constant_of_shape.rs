//! One value, repeated.

use super::indexing::size_list;
use super::{Failure, Input, Native, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `ConstantOfShape`. The operand is the sizes of the result.
    pub struct ConstantOfShape {
        /// The value: of an integer its low and its high 32 bits, of a float
        /// those of the same number in f64.
        pub value: [usize; 2],
    }
}

impl ConstantOfShape {
    /// What repeats this value.
    #[must_use]
    pub fn of<T: Native>(value: T) -> Self {
        let bits = match T::ELEMENT.is_float() {
            true => value.to_f64().to_bits(),
            false => value.to_i128() as u64,
        };
        Self { value: [bits as u32 as usize, (bits >> 32) as usize] }
    }
}

impl Operation for ConstantOfShape {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let ([Some(shape)], [output]) = (inputs, outputs) else {
            return Err(Failure("expected one operand and one result"));
        };
        let mut room = [0; RANK];
        let sizes = size_list(shape, &mut room)?;
        let bits = self.value[0] as u64 | (self.value[1] as u64) << 32;
        with_type!(output.element(), T => {
            let value = match T::ELEMENT.is_float() {
                true => T::from_f64(f64::from_bits(bits)),
                false => T::from_i128(bits.into()),
            };
            output.resize::<T>(sizes)?.fill(value);
        });
        Ok(())
    }
}
