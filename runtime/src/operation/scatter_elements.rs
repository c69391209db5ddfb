//! Updates of elements, each by its own index along a dimension.

use super::gather_elements::Indexed;
use super::{Failure, Input, Operation, Output, ScatterReduction, with_type};

description! {
    /// `ScatterElements`, and `Scatter`, its older name. Operands: data,
    /// indices, updates; those come one after another, row by row.
    pub struct ScatterElements {
        /// The dimension that is indexed.
        pub axis: usize,
        /// What an update does.
        pub reduction: ScatterReduction,
    }
}

impl Operation for ScatterElements {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), Some(indices), Some(updates)] = inputs else {
            return Err(Failure("expected data, indices and updates"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        if updates.sizes() != indices.sizes() {
            return Err(Failure("there are not as many updates as indices"));
        }
        let indexed = Indexed::new(data.sizes(), indices.sizes(), self.axis)?;
        with_type!(data.element(), T => {
            let updates = updates.values::<T>()?;
            let updated = output.resize::<T>(data.sizes())?;
            updated.copy_from_slice(data.values::<T>()?);
            let mut odometer = indexed.odometer;
            for (i, &update) in updates.iter().enumerate() {
                let old = &mut updated[indexed.place(&odometer, indices.integer(i)?)?];
                *old = self.reduction.apply(*old, update);
                odometer.advance();
            }
        });
        Ok(())
    }
}
