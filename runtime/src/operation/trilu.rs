//! Triangles of matrices.

use super::{Failure, Input, Operation, Output, with_type};

description! {
    /// `Trilu`. Operands: matrices, the last two dimensions; which diagonal,
    /// which may be absent. What is on the other side of that is 0.
    pub struct Trilu {
        /// Whether what is above stays, not what is below.
        pub upper: bool,
    }
}

impl Operation for Trilu {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data), optional @ ..] = inputs else {
            return Err(Failure("expected matrices"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let diagonal = optional.first().and_then(Option::as_ref);
        let diagonal = diagonal.map_or(Ok(0), |diagonal| diagonal.integer(0))?;
        let &[.., rows, columns] = data.sizes() else { return Err(Failure("expected matrices")) };
        with_type!(data.element(), T => {
            let triangles = output.resize::<T>(data.sizes())?;
            triangles.copy_from_slice(data.values::<T>()?);
            for (row, values) in triangles.chunks_exact_mut(columns.max(1)).enumerate() {
                let column = diagonal.saturating_add_unsigned((row % rows.max(1)) as u64);
                let bound = if self.upper { column } else { column.saturating_add(1) };
                let bound = usize::try_from(bound.max(0)).unwrap_or(columns).min(columns);
                let (below, above) = values.split_at_mut(bound);
                (if self.upper { below } else { above }).fill(T::default());
            }
        });
        Ok(())
    }
}
