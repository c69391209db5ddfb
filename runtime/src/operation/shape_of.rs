//! Sizes as values.

use super::indexing::product;
use super::{Failure, Input, Operation, Output};

description! {
    /// `Shape`: some sizes of the operand.
    pub struct ShapeOf {
        /// The first dimension.
        pub start: usize,
        /// One past the last dimension.
        pub end: usize,
    }
}

impl Operation for ShapeOf {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let ([Some(data)], [output]) = (inputs, outputs) else {
            return Err(Failure("expected one operand and one result"));
        };
        let sizes = data.sizes().get(self.start..self.end);
        let sizes = sizes.ok_or(Failure("there are no such dimensions"))?;
        for (value, &size) in output.resize::<i64>(&[sizes.len()])?.iter_mut().zip(sizes) {
            *value = i64::try_from(size).unwrap_or(i64::MAX);
        }
        Ok(())
    }
}

description! {
    /// `Size`: the number of elements of the operand.
    pub struct SizeOf;
}

impl Operation for SizeOf {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let ([Some(data)], [output]) = (inputs, outputs) else {
            return Err(Failure("expected one operand and one result"));
        };
        let count = i64::try_from(product(data.sizes())).unwrap_or(i64::MAX);
        output.resize::<i64>(&[])?.fill(count);
        Ok(())
    }
}
