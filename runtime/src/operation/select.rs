//! One of two tensors.

use super::{Failure, Input, Operation, Output, Truth, with_type};
use crate::step::RANK;

description! {
    /// One of two tensors as a whole, of whatever sizes. Operands: the
    /// condition, one truth value; what is taken where it holds; what is taken
    /// otherwise.
    ///
    /// An empty tensor may be of another rank than the result, which is empty
    /// then.
    pub struct Select {
        /// Whether that the condition holds means that a loop would run on
        /// beyond what was compiled, and is a failure.
        pub last: bool,
    }
}

impl Operation for Select {
    #[inline]
    fn run(
        &self,
        inputs: &[Option<Input<'_>>],
        outputs: &mut [Output<'_>],
        _: &mut [u64],
    ) -> Result<(), Failure> {
        let [Some(condition), Some(then), Some(otherwise)] = inputs else {
            return Err(Failure("expected a condition and two values"));
        };
        let [output] = outputs else { return Err(Failure("expected one result")) };
        let [condition] = condition.values::<Truth>()? else {
            return Err(Failure("expected one truth value"));
        };
        if condition.get() && self.last {
            return Err(Failure("a loop runs more often than it was compiled for"));
        }
        let taken = if condition.get() { then } else { otherwise };
        let sizes = match taken.sizes() {
            sizes if sizes.len() != output.rank() && taken.is_empty() => {
                [0; RANK].get(..output.rank()).unwrap_or_default()
            }
            sizes => sizes,
        };
        with_type!(taken.element(), T => {
            output.resize::<T>(sizes)?.copy_from_slice(taken.values::<T>()?);
        });
        Ok(())
    }
}
