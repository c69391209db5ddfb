//! Arithmetic of any number of operands.

use super::broadcast::{Broadcast, widen};
use super::{Arithmetic, Failure, Input, Native, Operation, Output, with_type};
use crate::step::RANK;

description! {
    /// What becomes of the numbers at one place of all operands.
    #[derive(Eq)]
    pub enum FoldFunction {
        /// Their sum.
        Sum,
        /// Their mean.
        Mean,
        /// The smallest; NaN wins.
        Min,
        /// The largest; NaN wins.
        Max,
    }
}

description! {
    /// `Sum`, `Mean`, `Min`, `Max`. Operands: one or more, of one type, which
    /// are broadcast.
    pub struct ElementwiseFold {
        /// What is computed.
        pub function: FoldFunction,
    }
}

impl Operation for ElementwiseFold {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let Some(Some(first)) = inputs.first() else {
            return Err(Failure("expected one operand or more"));
        };
        let [result] = outputs else { return Err(Failure("expected one result")) };
        let (sizes, rank) = broadcast_all(inputs)?;
        let sizes = &sizes[..rank];
        let function = match self.function {
            FoldFunction::Sum | FoldFunction::Mean => Arithmetic::Add,
            FoldFunction::Min => Arithmetic::Min,
            FoldFunction::Max => Arithmetic::Max,
        };
        with_type!(first.element(), T: numbers => {
            let result = result.resize::<T>(sizes)?;
            for (number, operand) in inputs.iter().flatten().enumerate() {
                let values = operand.values::<T>()?;
                Broadcast::new([sizes, operand.sizes()])?.visit(|run| {
                    for (i, place) in result[run.places.clone()].iter_mut().enumerate() {
                        let value = values[run.at(1, i)];
                        *place = match number {
                            0 => value,
                            _ if T::ELEMENT.is_float() => {
                                T::from_f64(function.of_reals(place.to_f64(), value.to_f64()))
                            }
                            _ => T::from_i128(
                                function.of_integers(place.to_i128(), value.to_i128())?,
                            ),
                        };
                    }
                    Ok(())
                })?;
            }
            if self.function == FoldFunction::Mean {
                let count = inputs.iter().flatten().count() as f64;
                for value in result {
                    *value = T::from_f64(value.to_f64() / count);
                }
            }
        });
        Ok(())
    }
}

/// Sizes that all operands are broadcast to, and how many there are.
fn broadcast_all(
    operands: &[Option<Input<'_>>],
) -> Result<([usize; RANK], usize), Failure> {
    let lengths = operands.iter().flatten().map(|operand| operand.sizes().len());
    let rank = lengths.max().unwrap_or(0);
    let mut sizes = [1; RANK];
    for operand in operands.iter().flatten() {
        widen(&mut sizes[..rank], operand.sizes())?;
    }
    Ok((sizes, rank))
}
