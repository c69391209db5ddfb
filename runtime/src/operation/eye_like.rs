//! Matrices with ones on a diagonal.

use super::{Failure, Input, Native, Operation, Output, with_type};

description! {
    /// `EyeLike`: a matrix of the sizes of the operand.
    pub struct EyeLike {
        /// The column of the diagonal in the first row, negative where it
        /// begins further down.
        pub offset: isize,
    }
}

impl Operation for EyeLike {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(data)] = inputs else { return Err(Failure("expected one operand")) };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let &[_, columns] = data.sizes() else { return Err(Failure("expected a matrix")) };
        with_type!(output.element(), T => {
            let matrix = output.resize::<T>(data.sizes())?;
            matrix.fill(T::default());
            for (row, values) in matrix.chunks_exact_mut(columns.max(1)).enumerate() {
                let column = self.offset.checked_add_unsigned(row);
                let column = column.and_then(|column| usize::try_from(column).ok());
                if let Some(value) = column.and_then(|column| values.get_mut(column)) {
                    *value = T::from_f64(1.0);
                }
            }
        });
        Ok(())
    }
}
