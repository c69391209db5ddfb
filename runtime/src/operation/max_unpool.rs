//! Largest values put back to where they came from.

use super::conv_transpose::GeneralConvTranspose;
use super::sliding::{SlidingAxis, volume};
use super::{Failure, Input, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// `MaxUnpool`. Operands: values `[batch, channels, ..sizes]`, the index of
    /// each in the tensor that was pooled, and the sizes of a larger result,
    /// or none.
    pub struct MaxUnpool {
        /// How windows slid along each dimension.
        pub axes: [SlidingAxis; RANK],
        /// Dimensions over which they slid.
        pub dimensions: usize,
    }
}

impl MaxUnpool {
    /// The sizes of the tensor that was pooled.
    fn pooled(&self, sizes: &[usize]) -> Option<[usize; RANK]> {
        let mut pooled = [0; RANK];
        for (index, &size) in sizes.iter().enumerate() {
            *pooled.get_mut(index)? = match index.checked_sub(2) {
                None => size,
                Some(axis) => GeneralConvTranspose::size(self.axes.get(axis)?, 0, size)?,
            };
        }
        Some(pooled)
    }
}

impl Operation for MaxUnpool {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(values), Some(indices), rest @ ..] = inputs else {
            return Err(Failure("expected values and their indices"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let rank = values.sizes().len();
        if indices.sizes() != values.sizes() || rank != self.dimensions + 2 {
            return Err(Failure("expected one index for each value"));
        }
        let pooled = self.pooled(values.sizes()).ok_or(Failure("the padding leaves no pixels"))?;
        let pooled = &pooled[..rank];
        let mut sizes = [0; RANK];
        let sizes = &mut sizes[..rank];
        sizes.copy_from_slice(pooled);
        if let Some(given) = rest.first().copied().flatten() {
            for (axis, size) in sizes.iter_mut().enumerate() {
                *size = usize::try_from(given.integer(axis)?)
                    .ok()
                    .filter(|&given| given >= *size)
                    .ok_or(Failure("the result is smaller than what was pooled"))?;
            }
        }
        let total = volume(pooled);
        let indices = indices.values::<i64>()?;
        with_type!(values.element(), T: numbers => {
            let values = values.values::<T>()?;
            let results = output.resize::<T>(sizes)?;
            results.fill(T::default());
            for (&value, &index) in values.iter().zip(indices) {
                let index = usize::try_from(index).ok().filter(|&index| index < total);
                let index = index.ok_or(Failure("an index is out of range"))?;
                results[if pooled == sizes { index } else { moved(index, pooled, sizes) }] = value;
            }
        });
        Ok(())
    }
}

/// The index in a larger tensor of the element with an index in a smaller one.
fn moved(mut index: usize, from: &[usize], to: &[usize]) -> usize {
    let (mut moved, mut stride) = (0, 1);
    for (&from, &to) in from.iter().zip(to).rev() {
        moved += index % from * stride;
        index /= from;
        stride *= to;
    }
    moved
}
