//! Concatenation.

use super::dimensions::Dimensions;
use super::{Failure, Input, Operation, Output, with_type};

description! {
    /// `Concat`. Operands: any number of parts. Result: one after the other.
    pub struct GeneralConcat {
        /// The dimension that grows.
        pub axis: usize,
    }
}

impl Operation for GeneralConcat {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let Some(Some(first)) = inputs.first() else { return Err(Failure("expected operands")) };
        let mut sizes = Dimensions::new(first.sizes())?;
        if self.axis >= sizes.len() {
            return Err(Failure("there is no such dimension"));
        }
        sizes[self.axis] = 0;
        for part in inputs {
            sizes[self.axis] = self.extended(&sizes, part.as_ref())?;
        }
        let rows = sizes[..self.axis].iter().fold(1usize, |p, &size| p.saturating_mul(size));
        with_type!(first.element(), T => {
            let joined = output.resize::<T>(&sizes)?;
            if joined.is_empty() {
                return Ok(());
            }
            let row = joined.len() / rows;
            let mut start = 0;
            for part in inputs.iter().flatten() {
                let length = part.len() / rows;
                if length > 0 {
                    let parts = part.values::<T>()?.chunks_exact(length);
                    for (whole, part) in joined.chunks_exact_mut(row).zip(parts) {
                        whole[start..start + length].copy_from_slice(part);
                    }
                }
                start += length;
            }
        });
        Ok(())
    }
}

impl GeneralConcat {
    /// The size along the axis with this part added.
    fn extended(&self, sizes: &[usize], part: Option<&Input<'_>>) -> Result<usize, Failure> {
        let part = part.ok_or(Failure("a part is missing"))?.sizes();
        let alike = part.len() == sizes.len()
            && (part.iter().zip(sizes).enumerate()).all(|(d, (a, b))| d == self.axis || a == b);
        match part.get(self.axis) {
            Some(size) if alike => {
                sizes[self.axis].checked_add(*size).ok_or(Failure("the parts are too large"))
            }
            _ => Err(Failure("the parts differ along another dimension")),
        }
    }
}
